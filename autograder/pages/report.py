"""The class at a glance: a table for the terminal and ``report/index.html``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.course.folder import Course
from autograder.course.settings import shown
from autograder.files import write_atomically
from autograder.pages.export import Grades, Row, Total, read
from autograder.pages.exporter import TEMPLATES

NOTHING = "Nothing is graded yet."
TIME = "%Y-%m-%dT%H:%M"
MOST_DIAGNOSES = 10
WIDEST_DIAGNOSIS = 160


@dataclass(frozen=True)
class Exercise:
    """How a class did in one exercise."""

    name: str
    graded: int
    passed: int
    mean: float
    max_score: float
    waiting: int

    @property
    def share(self) -> float:
        """The share of those who have full marks."""
        return self.passed / self.graded if self.graded else 0.0


@dataclass(frozen=True)
class Line:
    """One student's line in an assignment's table."""

    total: Total
    page: str
    status: str
    due: str
    failed: str


@dataclass(frozen=True)
class Section:
    """What the page says of one assignment."""

    assignment: str
    summary: str
    exercises: list[Exercise]
    diagnoses: list[tuple[str, str, int]]
    lines: list[Line]


def exercises(grades: Grades, assignment: str) -> list[Exercise]:
    """Sum up each exercise of an assignment over those who handed in."""
    by_name: dict[str, list[Row]] = {}
    for row in grades.rows:
        if row.assignment == assignment and row.status not in ("missing", "ungraded"):
            by_name.setdefault(row.exercise, []).append(row)
    found = []
    for name, rows in by_name.items():
        scores = [row.score for row in rows if row.score is not None]
        passed = sum(score >= row.max_score for row in rows if (score := row.score) is not None)
        waiting = sum(row.status in ("pending", "review") for row in rows)
        mean = sum(scores) / len(scores) if scores else 0.0
        found.append(Exercise(name, len(scores), passed, mean, rows[0].max_score, waiting))
    return found


def diagnoses(grades: Grades, assignment: str) -> list[tuple[str, str, int]]:
    """List what went wrong most often: (exercise, diagnosis, number of students)."""
    counts: Counter[tuple[str, str]] = Counter()
    for recorded in grades.recorded:
        if recorded.assignment == assignment and recorded.verdict.status == "graded":
            counts.update(
                {
                    (exercise.name, test.diagnosis)
                    for exercise in recorded.verdict.exercises
                    for test in exercise.tests
                    if test.diagnosis and test.outcome not in ("passed", "unanswered")
                }
            )
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(name, said, count) for (name, said), count in ranked[:MOST_DIAGNOSES]]


def show(course: Course, console: Console) -> None:
    """Print the class as a table, one row a student."""
    grades = read(course)
    if not grades.totals:
        console.print(NOTHING)
    for assignment in dict.fromkeys(total.assignment for total in grades.totals):
        console.print(_table(grades, assignment))
        console.print(_summary(grades, assignment), highlight=False, markup=False)
        for total in _of(grades, assignment):
            if total.note:
                said = f"{total.student}: {total.note}"
                console.print(said, highlight=False, markup=False, soft_wrap=True)


def _table(grades: Grades, assignment: str) -> Table:
    table = Table(title=Text(assignment), title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("student")
    named = any(total.name for total in _of(grades, assignment))
    if named:
        table.add_column("name")
    table.add_column("score", justify="right")
    table.add_column("of", justify="right")
    for name in ("status", "late", "not passed"):
        table.add_column(name)
    for total in _of(grades, assignment):
        late = f"-{total.penalty:.4g}" if total.penalty else "extended" if total.due else ""
        score = "" if total.score is None else f"{total.score:.4g}"
        table.add_row(
            Text(total.student),
            *([Text(total.name)] if named else []),
            score,
            f"{total.max_score:.4g}",
            _status(total),
            late,
            Text(_failed(grades, total)),
        )
    return table


def _status(total: Total) -> str:
    if total.pending:
        return f"{total.pending} pending"
    return total.status


def _failed(grades: Grades, total: Total) -> str:
    """Name the exercises that a student lost points in, or count them where they are many."""
    if total.status in ("missing", "ungraded", "malformed"):
        return ""
    lost = [
        row.exercise
        for row in grades.rows
        if (row.student, row.assignment) == (total.student, total.assignment)
        and row.score is not None
        and row.score < row.max_score
    ]
    return ", ".join(lost) if len(lost) <= 3 else f"{len(lost)} exercises"


def _summary(grades: Grades, assignment: str) -> str:
    totals = _of(grades, assignment)
    scores = [t.score for t in totals if t.score is not None and t.status != "missing"]
    absent = sum(total.score is None and total.status == "missing" for total in totals)
    missing = f"; handed in nothing, and got no score: {absent}" if absent else ""
    pending = sum(total.pending for total in totals)
    mean = sum(scores) / len(scores) if scores else 0.0
    points = totals[0].max_score if totals else 0.0
    waits = f"; marks that wait for a person (autograder formgrader): {pending}" if pending else ""
    unread = sum(total.status == "malformed" for total in totals)
    unreadable = f"; notebooks that cannot be read: {unread}" if unread else ""
    return f"{len(scores)} graded, mean {mean:.4g} of {points:.4g}{waits}{unreadable}{missing}."


def _of(grades: Grades, assignment: str) -> list[Total]:
    return [total for total in grades.totals if total.assignment == assignment]


def write(course: Course) -> Path:
    """Write ``report/index.html``."""
    grades = read(course)
    names = dict.fromkeys(total.assignment for total in grades.totals)
    page = _template().render(
        title=f"Course {course.folder.name}",
        sections=[_section(grades, name) for name in names],
        nothing=NOTHING,
        widest=WIDEST_DIAGNOSIS,
    )
    path = course.report / "index.html"
    write_atomically(path, page.encode())
    path.chmod(0o644)
    return path


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["points"] = _points
    return environment.get_template("report.html.j2")


def _points(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _section(grades: Grades, assignment: str) -> Section:
    return Section(
        assignment,
        _summary(grades, assignment),
        exercises(grades, assignment),
        diagnoses(grades, assignment),
        [_line(grades, total) for total in _of(grades, assignment)],
    )


def _line(grades: Grades, total: Total) -> Line:
    return Line(
        total,
        quote(f"../feedback/{total.student}/{total.assignment}/{total.assignment}.html"),
        _status(total),
        shown(datetime.fromisoformat(total.due), grades.zone, TIME) if total.due else "",
        _failed(grades, total),
    )
