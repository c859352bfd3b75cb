"""What recording would change, found by recording into a copy of the course."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from autograder.course.folder import Course
from autograder.course.gradebook import Gradebook
from autograder.course.grading import Grading
from autograder.course.marks import Recorded
from autograder.recording.autograde import record

#: What a course's marks depend on, beside what is recorded.
COPIED = ("course.toml", "roster.csv", "nbgrader_config.py", "source", "release")
LATENESS = "(late penalty)"


@dataclass(frozen=True)
class Change:
    """One line of a student's marks that would change: its points, of how many, or who marks it.

    ``exercise`` is an exercise, a written question or `LATENESS`. None stands for what is not
    there; ``waits`` says that a person would be asked to mark it again.
    """

    student: str
    assignment: str
    exercise: str
    before: float | None
    after: float | None
    before_of: float | None = None
    after_of: float | None = None
    waits: bool = False

    @property
    def difference(self) -> float:
        """Points won or lost."""
        return (self.after or 0.0) - (self.before or 0.0)


@dataclass(frozen=True)
class Preview:
    """What recording would do: to marks that there are, and how many grades that there are not."""

    changes: list[Change]
    new: int


def preview(grading: Grading) -> Preview:
    """Record into a copy, and compare it with the gradebook as it is; the course stays untouched.

    An ``internal_error`` changes nothing. Everything else that recording touches is shown: scores,
    points that an exercise is worth by now, exercises added and dropped, lateness, questions that
    would have to be marked again.
    """
    with TemporaryDirectory(prefix="chainrule-preview-") as scratch:
        twin = _copy(grading.course, Path(scratch))
        for _ in record(twin, grading):
            pass
        before, after = _recorded(grading.course), _recorded(twin)
    changes = [
        change
        for who, recorded in after.items()
        if who in before
        for change in _changes(before[who], recorded)
    ]
    return Preview(changes, len(after.keys() - before.keys()))


def _copy(course: Course, folder: Path) -> Course:
    """Copy what recording reads and writes, but for the submissions."""
    for name in COPIED:
        source = course.folder / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        elif source.is_file():
            shutil.copyfile(source, folder / name)
    if course.gradebook.is_file():
        with (
            closing(sqlite3.connect(course.gradebook)) as here,
            closing(sqlite3.connect(folder / course.gradebook.name)) as there,
        ):
            here.backup(there)
    return Course.create(folder, course.root)


def _recorded(course: Course) -> dict[tuple[str, str], Recorded]:
    with Gradebook(course) as gradebook:
        return {(each.student, each.assignment): each for each in gradebook.recorded()}


def _changes(before: Recorded, after: Recorded) -> Iterator[Change]:
    """Compare two states of one student's submission."""
    who = before.student, before.assignment
    old = {mark.exercise: mark for mark in before.marks}
    new = {mark.exercise: mark for mark in after.marks}
    for exercise in dict.fromkeys([*old, *new]):
        was, now = old.get(exercise), new.get(exercise)
        waits = bool(now and now.needs_manual_grade) and not (was and was.needs_manual_grade)
        scores = was.score if was else None, now.score if now else None
        points = was.max_score if was else None, now.max_score if now else None
        if scores[0] != scores[1] or points[0] != points[1] or waits:
            yield Change(*who, exercise, *scores, *points, waits)
    if before.penalty != after.penalty:
        yield Change(*who, LATENESS, -before.penalty, -after.penalty)
