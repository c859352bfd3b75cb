"""Grades as CSV, for spreadsheets and learning platforms, as they stand in the gradebook now."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, tzinfo
from pathlib import Path

from autograder.assignment.source import names
from autograder.course.collect.handins import HandIns
from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.course.gradebook import Gradebook
from autograder.course.marks import UNREADABLE, CellMark, Master, Recorded
from autograder.files import write_atomically

#: A spreadsheet takes text that starts with one of these for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
#: Where commas are for decimals, a semicolon begins a new cell.
AFTER_SEMICOLON = re.compile(r"(;\s*)(?=[=+\-@|%])")


@dataclass(frozen=True, slots=True)
class Row:
    """One exercise or question of one student.

    ``status`` is the verdict's (``passed``, ``partial``, …) or what a person did or has yet to do:
    ``pending`` (not marked yet), ``marked``, ``review`` (marked, but what was marked has changed);
    ``missing`` where nothing was handed in, ``ungraded`` where there is no verdict yet. Neither
    has a score: a zero is a person's to give.
    """

    student: str
    assignment: str
    exercise: str
    score: float | None
    max_score: float
    status: str
    late_share: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Total:
    """One assignment of one student: ``score`` is what counts, the penalty taken off.

    ``due`` is the student's own due date where an extension was given; ``handed_in`` counts the
    times, ``attempt`` is the key of the verdict, and ``note`` says what a person should know.
    """

    student: str
    assignment: str
    score: float | None
    max_score: float
    status: str
    pending: int
    raw_score: float | None
    late_share: float
    penalty: float
    submitted: str
    name: str = ""
    due: str = ""
    handed_in: int = 0
    attempt: str = ""
    note: str = ""


@dataclass(frozen=True)
class Grades:
    """The whole class: rows, totals, and the verdicts they come from."""

    rows: list[Row]
    totals: list[Total]
    recorded: list[Recorded]
    zone: tzinfo = UTC


def read(course: Course) -> Grades:
    """Read the class from the gradebook, those who handed in nothing included."""
    with Gradebook(course) as gradebook:
        gradebook.settle()
        recorded = gradebook.recorded()
        students = sorted({*gradebook.students(), *course.students()})
        called = gradebook.names()
        ours = {*names(course.root), *(each.assignment for each in recorded)}
        masters = dict(_masters(gradebook, ours))
    known = {(each.assignment, each.student): each for each in recorded}
    handed_in = {(each.assignment, each.student) for each in course.submissions()}
    rows, totals = [], []
    for assignment, master in masters.items():
        for student in students:
            each = known.get((assignment, student))
            if each is not None:
                rows += [_row(each, mark) for mark in each.marks]
                totals.append(_total(each))
                continue
            status = "ungraded" if (assignment, student) in handed_in else "missing"
            rows += [
                Row(student, assignment, exercise, None, points, status, 0.0)
                for exercise, points in master.points.items()
            ]
            points = sum(master.points.values())
            totals.append(Total(student, assignment, None, points, status, 0, None, 0.0, 0.0, ""))
    rows = [replace(row, name=called.get(row.student, "")) for row in rows]
    totals = [
        _annotated(course, total, known.get((total.assignment, total.student)), called)
        for total in totals
    ]
    return Grades(rows, totals, recorded, course.settings.time_zone)


def _annotated(
    course: Course, total: Total, recorded: Recorded | None, called: Mapping[str, str]
) -> Total:
    """Add a student's name, times, and what was handed in before."""
    settings = course.settings
    due = settings.due(total.assignment, total.student)
    extended = due is not None and due != settings.due(total.assignment)
    kept = HandIns(course, total.assignment, total.student).kept()
    notes = [_lateness(recorded, extended)] if recorded else []
    if total.status in UNREADABLE and len(kept) > 1:
        notes.append(
            f"The last of {len(kept)} hand-ins cannot be read. To grade the one before: autograder "
            f"collect --assignment {total.assignment} --student {shlex.quote(total.student)} "
            f"--use {kept[-2].name}"
        )
    when = recorded.timestamp if recorded else None
    return replace(
        total,
        name=called.get(total.student, ""),
        submitted=when.astimezone(settings.time_zone).isoformat() if when else "",
        due=due.astimezone(settings.time_zone).isoformat() if due and extended else "",
        handed_in=len(kept) or int(total.status != "missing"),
        note=" ".join(filter(None, notes)),
    )


def _lateness(recorded: Recorded, extended: bool) -> str:
    """Say what was made of a platform's word that a submission is late, and not by how much."""
    if not recorded.marked_late or not (recorded.late or extended):
        return ""
    taken = (
        "the least that counts as late is taken"
        if recorded.late
        else ("as there is an extension, nothing is taken")
    )
    return (
        f"Late by the platform's due date, which does not say by how much: {taken} off. To say "
        "when it came: autograder collect --times."
    )


def _masters(gradebook: Gradebook, ours: set[str]) -> Iterator[tuple[str, Master]]:
    """Find the assignments of this course's own; nbgrader may keep others in the same gradebook."""
    for name in gradebook.assignments():
        if name in ours:
            with contextlib.suppress(CourseError):  # it has the name, and not yet the notebook
                yield name, gradebook.master(name)


def write(course: Course) -> list[Path]:
    """Write ``report/grades.csv`` (one row an exercise) and ``report/totals.csv``."""
    grades = read(course)
    written = []
    for name, kind, table in (("grades", Row, grades.rows), ("totals", Total, grades.totals)):
        path = course.report / f"{name}.csv"
        header = [field.name for field in fields(kind)]
        write_atomically(path, _csv(header, (asdict(row).values() for row in table)).encode())
        path.chmod(0o644)
        written.append(path)
    return written


def status_of(mark: CellMark, recorded: Recorded) -> str:
    """Say in one word where a mark comes from, or what it waits for."""
    if mark.manual_score is not None:
        return "review" if mark.needs_manual_grade else "marked"
    if mark.written:
        return "pending" if mark.needs_manual_grade else "unanswered"
    verdicts = {exercise.name: exercise.status for exercise in recorded.verdict.exercises}
    return verdicts.get(mark.exercise, "unanswered")


def _row(recorded: Recorded, mark: CellMark) -> Row:
    status = status_of(mark, recorded)
    score = None if status == "pending" else mark.score
    return Row(
        recorded.student,
        recorded.assignment,
        mark.exercise,
        score,
        mark.max_score,
        status,
        recorded.late,
    )


def _total(recorded: Recorded) -> Total:
    pending = len(recorded.pending)
    status = recorded.verdict.status
    return Total(
        recorded.student,
        recorded.assignment,
        recorded.score,
        recorded.max_score,
        "pending" if pending and status == "graded" else status,
        pending,
        recorded.raw_score,
        recorded.late,
        recorded.penalty,
        "",
        attempt=recorded.verdict.attempt,
    )


def _csv(header: list[str], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_defused(value) for value in row] for row in rows)
    return text.getvalue()


def _defused(value: object) -> str:
    """Write one field so that no spreadsheet takes it for a formula."""
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return f"{value:.10g}"
    text = AFTER_SEMICOLON.sub(r"\1'", str(value))
    return f"'{text}" if text.startswith(FORMULA) else text
