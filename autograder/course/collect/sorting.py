"""A download's files, sorted into hand-ins: whose they are, and which were handed in together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from autograder.course.collect.download import Download
from autograder.course.collect.extract import Found
from autograder.course.collect.handins import HandIn, HandIns
from autograder.course.collect.names import clean
from autograder.course.collect.outcome import Collected
from autograder.course.collect.people import People
from autograder.course.collect.platforms import Owned
from autograder.course.collect.times import Clock, are_of_handing_in
from autograder.course.folder import Course
from autograder.course.roster import Roster, Unknown

Part = tuple[Owned, Found]


@dataclass(frozen=True)
class Bundle:
    """The files that one student handed in together."""

    came: datetime
    parts: list[Part]

    @property
    def notebooks(self) -> dict[str, Path]:
        """Those that could be unpacked, by name."""
        found: dict[str, Path] = {}
        for whose, each in self.parts:
            if each.path is not None:
                base = whose.file.rpartition("/")[2]
                found[base if base not in found else clean(whose.file)] = each.path
        return found


class Sorting:
    """The files of one download on their way to being hand-ins of students."""

    def __init__(
        self,
        course: Course,
        download: Download,
        roster: Roster | None,
        told: Mapping[str, datetime],
    ) -> None:
        self.course, self.download, self.told = course, download, told
        self.assignment = download.assignment
        self.people = People(download, roster)
        self.outcome = Collected(download.assignment, download.platform)

    def handins(self) -> dict[str, list[tuple[HandIn, dict[str, Path]]]]:
        """Give each student's hand-ins, the last one last, each with its notebooks."""
        owned = self._owned()
        times = (each.when for parts in owned for _, each in parts)
        timed = are_of_handing_in(times, len(owned), self.download.platform)
        clock = Clock(self.course, self.download, self.told, timed)
        students: dict[str, list[tuple[HandIn, dict[str, Path]]]] = defaultdict(list)
        callers: dict[str, str] = {}
        for parts in owned:
            whose = parts[0][0]
            try:
                student = self.people.student(whose)
                if self.download.platform != "folder" and student in callers:
                    first = callers[student]
                    raise Unknown(f"is {student} as {first} is; tell them apart in roster.csv")
            except Unknown as unknown:
                self._aside(whose, parts, str(unknown))
                continue
            callers[student] = whose.student
            students[student] += self._handins(student, parts, clock)
        self.outcome.said += clock.doubts()
        return students

    def _say(self, sentence: str) -> None:
        self.outcome.said.append(sentence)

    def _owned(self) -> list[list[Part]]:
        """Part the files by what the platform calls whose they are."""
        owned: dict[tuple[str, str], list[Part]] = defaultdict(list)
        for each in self.download.found:
            whose = self.people.owner(self.download.names[each.name])
            if whose is not None:
                owned[whose.student, whose.number].append((whose, each))
            elif each.problem or each.path:
                self._say(f"{each.name} {each.problem or 'does not say whose it is'}; look at it.")
        return list(owned.values())

    def _handins(
        self, student: str, parts: list[Part], clock: Clock
    ) -> Iterator[tuple[HandIn, dict[str, Path]]]:
        """Yield what one student handed in, and say what is wrong with it."""
        bundles = list(self._bundles(parts))
        for bundle in bundles:
            (whose, first), last = bundle.parts[0], bundle is bundles[-1]
            stamp = clock.stamp(student, whose, bundle.came, last)
            notebooks, problem = bundle.notebooks, ""
            if notebooks:
                for of, each in bundle.parts:
                    if each.problem:
                        self._say(f"{student}: {of.file} {each.problem}; the rest was taken.")
            else:
                problem = self._problem(student, bundle, last)
            source = f"{self.download.archive.name}: {first.name}"
            yield HandIn(bundle.came, stamp, {}, problem, source), notebooks

    def _bundles(self, parts: list[Part]) -> Iterator[Bundle]:
        """Part one student's files: a name that comes again begins a new hand-in."""
        parts = sorted(parts, key=lambda of: (of[0].again, of[1].name.count("/"), of[0].name))
        groups: list[list[Part]] = [[]]
        for part in parts:
            if any(part[0].file == other.file for other, _ in groups[-1]):
                groups.append([])
            groups[-1].append(part)
        came = None
        for group in groups:
            newest = max((each.when for _, each in group if each.when), default=self.download.made)
            came = newest if came is None else max(newest, came + timedelta(seconds=1))
            yield Bundle(came, group)

    def _problem(self, student: str, bundle: Bundle, last: bool) -> str:
        """Say why there is no notebook in a hand-in."""
        whose, each = next((part for part in bundle.parts if part[1].problem), bundle.parts[0])
        problem = (
            f"{whose.file} {each.problem or 'is no notebook'}; hand in {self.assignment}.ipynb."
        )
        counts = " It is what counts, and will be graded malformed." if last else ""
        self._say(f"{student}: {problem}{counts}")
        return problem

    def _aside(self, whose: Owned, parts: list[Part], why: str) -> None:
        """Keep what nobody in the roster handed in, and say so."""
        name = clean("_".join(filter(None, (whose.student, whose.number))))
        handins = HandIns(self.course, self.assignment, name, aside=True)
        for bundle in self._bundles(parts):
            data = {part: path.read_bytes() for part, path in bundle.notebooks.items()}
            problem = "" if data else bundle.parts[0][1].problem or "there is no notebook"
            handins.add(HandIn(bundle.came, None, data, problem, self.download.archive.name))
        self.outcome.unmatched.append(name)
        kept = handins.folder.relative_to(self.course.folder)
        self._say(f"{whose.student} {why}, and collect again. It is kept in {kept}.")
