"""A download's files, sorted into hand-ins: whose they are, and which were handed in together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from autograder.course.collect.download import Download, Part
from autograder.course.collect.handins import HandIn, HandIns
from autograder.course.collect.names import clean
from autograder.course.collect.outcome import Collected
from autograder.course.collect.people import Claim, People
from autograder.course.collect.times import Clock
from autograder.course.collect.worksheet import Worksheet
from autograder.course.folder import Course
from autograder.course.roster import Roster


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


Bundled = dict[str, list[tuple[HandIn, dict[str, Path]]]]


class Sorting:
    """The files of one download on their way to being hand-ins of students."""

    def __init__(
        self,
        course: Course,
        download: Download,
        roster: Roster | None,
        worksheet: Worksheet | None,
    ) -> None:
        self.course, self.download = course, download
        self.assignment = download.assignment
        self.people = People(download, roster, worksheet)
        self.clock = Clock(course, download, worksheet)
        self.outcome = Collected(download.assignment, download.platform.name)
        self.callers: dict[str, list[str]] = defaultdict(list)

    def handins(self) -> Bundled:
        """Give each student's hand-ins, the last one last, each with its notebooks."""
        self.outcome.said += self.download.said
        for stray in self.download.strays:
            if stray.problem or stray.path:
                self._say(
                    f"{stray.name} {stray.problem or 'does not say whose it is'}; look at it."
                )
        students: Bundled = defaultdict(list)
        for claim in self.people.claims():
            if not claim.students:
                self._aside(claim)
            self._say_of_team(claim)
            for student in claim.students:
                students[student] += self._handins(student, claim.parts)
                self.callers[student].append(_aside_name(claim))
        self.outcome.said += self.clock.doubts()
        return students

    def _say(self, sentence: str) -> None:
        self.outcome.said.append(sentence)

    def _say_of_team(self, claim: Claim) -> None:
        """Say who got what a group handed in, and where a number and a name differ."""
        if len(claim.students) > 1:
            members = ", ".join(claim.students)
            self._say(f"{claim.whose.student} is a group: each of {members} has its hand-in.")
        elif claim.students and not claim.named:
            self._say(
                f"{claim.whose.student} is taken for {claim.students[0]} by its number, "
                f"{claim.whose.number}; if it is a group, write its name as group in each member's "
                "row and collect again."
            )

    def _handins(self, student: str, parts: list[Part]) -> Iterator[tuple[HandIn, dict[str, Path]]]:
        """Yield what one student handed in, and say what is wrong with it."""
        bundles = list(self._bundles(parts))
        for bundle in bundles:
            (whose, first), last = bundle.parts[0], bundle is bundles[-1]
            told = self.clock.tell(student, whose, bundle.came, last)
            notebooks, problem = bundle.notebooks, ""
            if notebooks:
                for of, each in bundle.parts:
                    if each.problem:
                        self._say(f"{student}: {of.file} {each.problem}; the rest was taken.")
            else:
                problem = self._problem(student, bundle, last)
            source = f"{self.download.archive.name}: {first.name}"
            handin = HandIn(
                bundle.came, told.when, {}, problem, source, late=told.late, surely=told.surely
            )
            yield handin, notebooks

    def _bundles(self, parts: list[Part]) -> Iterator[Bundle]:
        """Part one student's files: another time, or a name that comes again, is a new hand-in."""
        parts = sorted(parts, key=self._order)
        groups: list[list[Part]] = [[]]
        for part in parts:
            before = groups[-1]
            again = any(part[0].file == other.file for other, _ in before)
            if before and (again or part[0].when != before[0][0].when):
                groups.append([])
            groups[-1].append(part)
        came = None
        for group in groups:
            newest = max((each.when for _, each in group if each.when), default=self.download.made)
            said = group[0][0].when
            newest = self.clock.local(said) if said else newest
            came = newest if came is None else max(newest, came + timedelta(seconds=1))
            yield Bundle(came, group)

    def _order(self, part: Part) -> tuple[float, tuple[int, int], int, str]:
        whose, each = part
        when = self.clock.local(whose.when).timestamp() if whose.when else 0.0
        return when, whose.again, each.name.count("/"), whose.name

    def _problem(self, student: str, bundle: Bundle, last: bool) -> str:
        """Say why there is no notebook in a hand-in."""
        whose, each = next((part for part in bundle.parts if part[1].problem), bundle.parts[0])
        problem = (
            f"{whose.file} {each.problem or 'is no notebook'}; hand in {self.assignment}.ipynb."
        )
        counts = " It is what counts, and will be graded malformed." if last else ""
        self._say(f"{student}: {problem}{counts}")
        return problem

    def _aside(self, claim: Claim) -> None:
        """Keep what nobody in the roster handed in, and say so."""
        name = _aside_name(claim)
        handins = HandIns(self.course, self.assignment, name, aside=True)
        for bundle in self._bundles(claim.parts):
            data = {part: path.read_bytes() for part, path in bundle.notebooks.items()}
            problem = "" if data else bundle.parts[0][1].problem or "there is no notebook"
            handins.add(HandIn(bundle.came, None, data, problem, self.download.archive.name))
        self.outcome.unmatched.append(name)
        kept = handins.folder.relative_to(self.course.folder)
        self._say(f"{claim.whose.student} {claim.why}, and collect again. It is kept in {kept}.")


def _aside_name(claim: Claim) -> str:
    return clean("_".join(filter(None, (claim.whose.student, claim.whose.number))))
