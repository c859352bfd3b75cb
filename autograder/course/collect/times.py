"""Who handed in when: as the download's files say, a table, or a platform's mark for lateness."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dateutil import parser as dates

from autograder.course.collect.download import Download
from autograder.course.collect.outcome import listed
from autograder.course.collect.platforms import Owned
from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.course.roster import Roster, Unknown, plain, read_csv

#: Files that came from more than one student within this time have the download's time.
AT_ONCE = timedelta(minutes=10)
#: Columns of a table of times.
WHO = re.compile(r"^id\b|identifier|name|mail|user|student|_id$")
WHEN = re.compile(r"\(submission\)|submitted|^time|handed")


class Clock:
    """When the hand-ins of one download came; ``timed``, if its own times are theirs."""

    def __init__(
        self, course: Course, download: Download, told: Mapping[str, datetime], timed: bool
    ) -> None:
        self.course, self.download, self.told, self.timed = course, download, told, timed
        self._untimed: list[str] = []
        self._late: list[str] = []

    def stamp(self, student: str, whose: Owned, came: datetime, last: bool) -> datetime | None:
        """Give the time from which lateness is counted; None if it is not known."""
        stamp = self._stamp(student, whose, came, last)
        if stamp is None:
            self._untimed.append(student)
        if last and whose.late and stamp != came:
            self._late.append(student)
        return stamp

    def doubts(self) -> Iterator[str]:
        """Say of whom the time is not known."""
        if self._late:
            yield (
                f"Canvas says that these are late, and not by how much: {listed(self._late)}. The "
                "least that counts as late is taken; say when they came with --times."
            )
        if self._untimed and self.course.settings.due(self.download.assignment):
            yield (
                f"{self.download.archive.name} does not say when {listed(self._untimed)} handed "
                "in, so no lateness is counted; say it with --times."
            )

    def _stamp(self, student: str, whose: Owned, came: datetime, last: bool) -> datetime | None:
        for name in (student, whose.student, whose.number):
            if last and name and plain(name) in self.told:
                return self.told[plain(name)]
        due = self.course.settings.due(self.download.assignment, student)
        if self.timed or due is None:
            return came if self.timed else None
        if whose.late:
            grace = self.course.settings.of(self.download.assignment).late.grace_minutes
            return min(came, due + timedelta(minutes=grace, seconds=1))
        if came <= due:
            return came
        return due if self.download.platform == "canvas" else None


def are_of_handing_in(times: Iterable[datetime | None], students: int, platform: str) -> bool:
    """Whether an archive's times are those of handing in, and not of the download."""
    known = [time for time in times if time]
    if platform == "canvas" or not known:
        return False
    return students == 1 or max(known) - min(known) > AT_ONCE


def read_times(path: Path, course: Course, roster: Roster | None) -> dict[str, datetime]:
    """Read a table of times: names, numbers and addresses in `plain` letters → time.

    Raises
    ------
    CourseError
        If it cannot be understood.
    """
    rows = read_csv(path)
    people, column = _columns(path, rows[0] if rows else [])
    told: dict[str, datetime] = {}
    for line, row in enumerate(rows[1:], start=2):
        said = row[column].strip() if len(row) > column else ""
        if said in ("", "-"):
            continue
        try:
            when = dates.parse(said)
        except (ValueError, OverflowError) as error:
            raise CourseError(f"{path}, row {line}: {said!r} is not a time; change it.") from error
        when = when if when.tzinfo else when.replace(tzinfo=course.settings.time_zone)
        for value in (row[i] for i in people if i < len(row)):
            told |= dict.fromkeys(_names(value, roster), when.astimezone(UTC))
    told.pop("", None)
    return told


def _columns(path: Path, header: list[str]) -> tuple[list[int], int]:
    """Find the columns that say who, and the one that says when."""
    header = [column.casefold() for column in header]
    people = [i for i, name in enumerate(header) if WHO.search(name)]
    times = [i for i, name in enumerate(header) if WHEN.search(name) and i not in people]
    if not times or not people:
        raise CourseError(
            f"{path} does not say who handed in when; give it columns called id and submitted."
        )
    return people, times[0]


def _names(value: str, roster: Roster | None) -> Iterator[str]:
    """Yield what a cell of a table calls somebody, and the id of whom that means."""
    yield plain(value.removeprefix("Participant "))
    if roster and not value.isdigit():
        try:
            yield plain(roster.find("", value))
        except Unknown:
            return
