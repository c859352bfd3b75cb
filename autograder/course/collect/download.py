"""One download, unpacked: of which assignment it is, from which platform, and what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from autograder.assignment import source
from autograder.course.collect.extract import Found
from autograder.course.collect.platforms import assignment_of, platform_of, without_common_folder
from autograder.course.errors import CourseError
from autograder.course.folder import Course


@dataclass(frozen=True)
class Download:
    """What a learning platform packed, for one assignment."""

    archive: Path
    assignment: str
    platform: str
    found: list[Found]
    names: dict[str, str]  # of the files, without the folder in which all stand

    @classmethod
    def of(
        cls, course: Course, archive: Path, found: list[Found], assignment: str, platform: str
    ) -> Download:
        """Find out what is not said: no assignment, or the platform "auto".

        Raises
        ------
        CourseError
            If the files' names do not say of which assignment they are.
        """
        names = [each.name for each in found]
        assignment = assignment or _assignment(course, archive, names)
        short = without_common_folder(names, assignment)
        platform = platform_of(short.values()) if platform == "auto" else platform
        return cls(archive, assignment, platform, found, short)

    @cached_property
    def made(self) -> datetime:
        """When it was made, for files without a time."""
        return datetime.fromtimestamp(self.archive.stat().st_mtime, UTC)


def _assignment(course: Course, archive: Path, names: list[str]) -> str:
    known = source.names(course.root)
    found = assignment_of(names, known)
    if found is None:
        raise CourseError(
            f"{archive} does not say of which assignment it is; name it, with --assignment "
            f"{known[0] if known else 'NAME'} for one."
        )
    return found
