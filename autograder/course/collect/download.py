"""One download, unpacked: from which platform it is, of which assignment, and whose is what."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from autograder.assignment import source
from autograder.course.collect.extract import Found
from autograder.course.collect.names import as_notebook, is_archive, stem
from autograder.course.collect.outcome import listed
from autograder.course.collect.platforms import (
    FOLDER,
    PLATFORMS,
    Context,
    Owned,
    Platform,
    marked,
    owner,
    owners,
    platform_of,
)
from autograder.course.collect.platforms.owned import AGAIN
from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.course.roster import Roster, Unknown

Part = tuple[Owned, Found]
Names = Mapping[str, list[Found]]
Callers = Mapping[str, list[Found]]


class Unrecognised(CourseError):
    """A download is none of those that are known; the message says what to do."""


@dataclass(frozen=True)
class Download:
    """What a learning platform packed, for one assignment.

    ``parts`` are the files, each with whose it is; ``strays`` are nobody's. ``own`` says that all
    of it is one student's own archive or folder, with times of the student's own.
    """

    archive: Path
    assignment: str
    platform: Platform
    parts: list[Part]
    strays: list[Found] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    own: bool = False

    @cached_property
    def made(self) -> datetime:
        """When it was made, for files without a time."""
        return datetime.fromtimestamp(self.archive.stat().st_mtime, UTC)

    @property
    def owned(self) -> list[list[Part]]:
        """The files, parted by what the platform calls whose they are."""
        owned: dict[tuple[str, ...], list[Part]] = defaultdict(list)
        for part in self.parts:
            owned[part[0].caller].append(part)
        return list(owned.values())


def understand(
    course: Course,
    archive: Path,
    found: Sequence[Found],
    roster: Roster | None,
    assignment: str = "",
    platform: str = "auto",
) -> Download:
    """Find out what is not said: no assignment, or the platform "auto".

    Raises
    ------
    Unrecognised
        If no platform that is known names files so, and they are named by nobody of the roster.
    CourseError
        If the files do not say of which assignment they are.
    """
    return _Reading(course, archive, found, roster, assignment, platform).download()


@dataclass
class _Reading:
    """A download on its way to being understood."""

    course: Course
    archive: Path
    found: Sequence[Found]
    roster: Roster | None
    assignment: str
    platform: str

    def download(self) -> Download:
        """Understand it."""
        if whose := self._whole():
            return self._of_one(whose)
        names, platform = self._guess()
        owned = owners(names, platform, self._context(names))
        if not self.assignment:
            self.assignment = self._assignment(_callers(owned, names))
        if platform.mark is None:
            names = self._below_common_folder()
            if self.platform == "auto":
                platform = PLATFORMS[platform_of(_files(names), self._context(names))]
            owned = owners(_files(names), platform, self._context(names))
        if platform is FOLDER and self.platform == "auto":
            self._see_that_somebody_is_known(owned)
        parts = [
            (_with_file(whose, each), each)
            for name, theirs in owned.items()
            for whose in theirs
            for each in names[name]
        ]
        mine = {id(each) for _, each in parts}
        strays = [each for each in self.found if id(each) not in mine]
        said = self._outliers(_callers(owned, names))
        return Download(self.archive, self.assignment, platform, parts, strays, said)

    # All of it is one student's

    def _whole(self) -> Owned | None:
        """Tell who handed in all of it: of all names, the archive's own is the outermost."""
        if self.platform not in ("auto", FOLDER.name):
            return None
        name = f"{self.archive.name}/_" if self.archive.is_dir() else self.archive.name
        platform = marked(name) or FOLDER
        for assignment in [self.assignment] if self.assignment else source.names(self.course.root):
            for whose in owners([name], platform, Context(assignment)).get(name, ()):
                by_name = self.roster is not None and self._means_somebody(whose, platform)
                if by_name or (self.roster is None and self._is_plain(assignment)):
                    return whose
        return None

    def _is_plain(self, assignment: str) -> bool:
        """Whether an archive that was said to be named by its student is a single notebook's."""
        plain = any(each.entry == f"{assignment}.ipynb" for each in self.found)
        return plain and self.platform == FOLDER.name and not self.archive.is_dir()

    def _of_one(self, whose: Owned) -> Download:
        inside = {each.entry or each.name: [each] for each in self.found}
        if not self.assignment:
            self.assignment = self._assignment({whose.student: list(self.found)})
        said = []
        for names in self._layers():
            looks = platform_of(_files(names))
            if looks != FOLDER.name and len(names) > 1:
                said = [
                    f"All of {self.archive.name} was taken as {whose.student}'s own, by its name, "
                    f"though its files are named as {looks} names them; say --from {looks} if it "
                    "is the class's."
                ]
        parts = [
            (replace(whose, name=name, file=each.name), each)
            for name, found in inside.items()
            for each in found
        ]
        platform = marked(self.archive.name) or FOLDER
        return Download(self.archive, self.assignment, platform, parts, said=said, own=True)

    # Folders around the names

    def _layers(self) -> Iterator[Names]:
        """Yield the names as they are, and then without the folders in which everything stands.

        A folder that a platform or a student gave a name to is not taken off.
        """
        names: dict[str, list[Found]] = defaultdict(list)
        for each in self.found:
            if each.entry is not None:
                names[each.entry].append(each)
        while names:
            yield names
            files = _files(names)
            tops = {name.partition("/")[0] for name in files}
            if len(tops) != 1 or not all("/" in name for name in files):
                return
            (top,) = tops
            if marked(f"{top}/") or self._is_somebodys(top):
                return
            within = f"{top}/"
            names = {
                name.removeprefix(within): found
                for name, found in names.items()
                if name.startswith(within)
            }

    def _is_somebodys(self, top: str) -> bool:
        named = owner(f"{top}/_", FOLDER.name, self.assignment)
        return bool(self.roster and named and self._means_somebody(named, FOLDER))

    def _guess(self) -> tuple[Names, Platform]:
        """Find the folder below which a platform's marks stand, and the platform."""
        names: Names = {}
        for names in self._layers():
            if self.platform == "auto":
                looks = platform_of(_files(names), self._context(names))
                if PLATFORMS[looks].mark:
                    return names, PLATFORMS[looks]
            elif (platform := PLATFORMS[self.platform]).mark and owners(
                names, platform, self._context(names)
            ):
                return names, platform
        return names, FOLDER if self.platform == "auto" else PLATFORMS[self.platform]

    def _below_common_folder(self) -> Names:
        """Take off the folders in which everything stands, but not the one of a single student."""
        names: Names = {}
        for names in self._layers():
            below = [name.partition("/")[2] for name in _files(names)]
            tops = {name.partition("/")[0] for name in _files(names)}
            single = len(tops) == 1 and all(below) and not any("/" in name for name in below)
            if single and all(_is_work(name, self.assignment) for name in below):
                break
        return names

    def _context(self, names: Names) -> Context:
        about = {name: each.about for name, found in names.items() for each in found if each.about}
        knows = self.roster.knows if self.roster else None
        return Context(self.assignment, about, knows)

    # Of which assignment, and by whom

    def _assignment(self, callers: Callers) -> str:
        """Let everybody who handed in say of which assignment it is, by how files are named."""
        known = source.names(self.course.root)
        if len(known) == 1:
            return known[0]
        named = (_assignments(found, known) for found in callers.values())
        votes = Counter(only for each in named if len(each) == 1 for only in each)
        for assignment, voices in votes.most_common(1):
            if voices > len(callers) / 2:
                return assignment
        raise CourseError(
            f"{self.archive} does not say of which assignment it is; name it, with --assignment "
            f"{known[0] if known else 'NAME'} for one."
        )

    def _outliers(self, callers: Callers) -> list[str]:
        """Say whose files are named as another assignment's."""
        known = source.names(self.course.root)
        named = {caller: _assignments(found, known) for caller, found in callers.items()}
        others = [
            f"{caller} ({', '.join(sorted(each))})"
            for caller, each in named.items()
            if each and self.assignment not in each
        ]
        if not others:
            return []
        return [
            f"Files of these are named as another assignment's, and were taken as "
            f"{self.assignment}'s: {listed(others)}; look at them."
        ]

    def _see_that_somebody_is_known(self, owned: Mapping[str, list[Owned]]) -> None:
        """Refuse what is named by nobody: of whatever stands there students would be made."""
        callers = {whose.student: whose for theirs in owned.values() for whose in theirs}
        if self.roster and any(self._means_somebody(each, FOLDER) for each in callers.values()):
            return
        kinds = ", ".join(name for name in PLATFORMS if name != FOLDER.name)
        missing = "nobody of roster.csv" if self.roster else "nobody that could be checked"
        mend = "roster.csv" if self.roster else "a roster.csv"
        raise Unrecognised(
            f"{self.archive} was not collected: its files are named as no platform that is known "
            f"({kinds}) names them, and by {missing}; say --from folder if students named them, "
            f"or write {mend}."
        )

    def _means_somebody(self, whose: Owned, platform: Platform) -> bool:
        assert self.roster is not None
        try:
            asked = platform.name, whose.student, whose.number, whose.aliases
            return bool(self.roster.match(*asked))
        except Unknown as unknown:
            return unknown.several or bool(self.roster.team(whose.student))


def _files(names: Names) -> dict[str, list[Found]]:
    """Leave out what is beside the hand-ins: neither a notebook nor one that went wrong."""
    return {
        name: found
        for name, found in names.items()
        if marked(name) or any(each.path or each.problem or each.about for each in found)
    }


def _callers(owned: Mapping[str, list[Owned]], names: Names) -> Callers:
    """List everybody who handed in, with what; where nobody is known, what stands side by side."""
    callers: dict[str, list[Found]] = defaultdict(list)
    for name, found in _files(names).items():
        for whose in owned.get(name, ()):
            called = " ".join(filter(None, (whose.student, whose.number)))
            callers[called] += found
        if not owned:
            callers[name.partition("/")[0]] += found
    return callers


def _assignments(found: Sequence[Found], known: Sequence[str]) -> set[str]:
    """Tell as which assignments' files are named."""
    ends = r"(-\d+| ?\(\d+\))?(\.ipynb|/| - )"
    return {
        assignment
        for assignment in known
        for each in found
        if re.search(rf"(^|[/_ -]){re.escape(assignment)}{ends}", each.name)
        or each.name.startswith((f"{assignment}-", f"{assignment}_"))
    }


def _with_file(whose: Owned, found: Found) -> Owned:
    """Name a file as what it is, or by the archive in which it was."""
    folder, slash, base = whose.file.rpartition("/")
    if found.inside:
        file = f"{stem(base).removesuffix('.ipynb')}/{found.inside}"
        return replace(whose, file=folder + slash + file)
    return replace(whose, file=folder + slash + as_notebook(base)) if found.path else whose


def _is_work(name: str, assignment: str) -> bool:
    """Whether a file's name is the assignment's: then the folder around it is a student's."""
    named = AGAIN.sub("", stem(name).removesuffix(".ipynb")) == assignment
    return named or not (name.endswith(".ipynb") or is_archive(name))
