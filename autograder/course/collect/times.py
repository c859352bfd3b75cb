"""Who handed in when: as a table says, the platform, or the download's own files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from autograder.course.collect.download import Download
from autograder.course.collect.outcome import listed
from autograder.course.collect.platforms import Owned
from autograder.course.collect.worksheet import Worksheet
from autograder.course.folder import Course

#: Files that came from more than one student within this time have the download's time.
AT_ONCE = timedelta(minutes=10)


@dataclass(frozen=True)
class Told:
    """What is known of when a hand-in came.

    ``when`` is None where nobody knows it; ``late`` is then what the platform says of it, if it
    says that. ``surely`` is for a time that somebody gave.
    """

    when: datetime | None
    late: bool | None = None
    surely: bool = False


class Clock:
    """When the hand-ins of one download came."""

    def __init__(self, course: Course, download: Download, worksheet: Worksheet | None) -> None:
        self.course, self.download, self.worksheet = course, download, worksheet
        times = [each.when for _, each in download.parts]
        self._timed = are_of_handing_in(times, len(download.owned), download)
        self._untimed: list[str] = []
        self._late: list[str] = []

    def local(self, when: datetime) -> datetime:
        """Give a time its zone, the course's if it has none."""
        return when if when.tzinfo else when.replace(tzinfo=self.course.settings.time_zone)

    def tell(self, student: str, whose: Owned, came: datetime, last: bool) -> Told:
        """Tell when a hand-in came; a table says it of everybody's last one."""
        if last and self.worksheet and (said := self.worksheet.of(student, whose)):
            return Told(said, surely=True)
        if whose.when is not None:
            return Told(self.local(whose.when))
        if self._timed:
            return Told(came)
        if self.download.platform.says_late:
            if last and whose.late:
                self._late.append(student)
            return Told(None, whose.late)
        due = self.course.settings.due(self.download.assignment, student)
        if last and not (due and came <= due):
            self._untimed.append(student)
        return Told(None)

    def doubts(self) -> Iterator[str]:
        """Say of whom the time is not known."""
        if not self.course.settings.due(self.download.assignment):
            return
        if self._late:
            yield (
                f"Canvas says that these are late, and not by how much: {listed(self._late)}. The "
                "least that counts as late is taken, and nothing of who has an extension; say when "
                "they came with --times."
            )
        if self._untimed:
            yield (
                f"{self.download.archive.name} does not say when {listed(self._untimed)} handed "
                "in, so no lateness is counted; say it with --times."
            )


def are_of_handing_in(times: Iterable[datetime | None], students: int, download: Download) -> bool:
    """Whether an archive's times are those of handing in, and not of the download."""
    known = [time for time in times if time]
    if download.own or not known or not download.platform.keeps_times:
        return False
    if students == 1:
        return abs(download.made - max(known)) > AT_ONCE
    return max(known) - min(known) > AT_ONCE
