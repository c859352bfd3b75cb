"""The class at a glance: a table for the terminal and ``report/index.html``."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.course.folder import Course
from autograder.files import write_atomically
from autograder.pages.export import Grades, Row, Total, read

NOTHING = "Nothing is graded yet."
MOST_DIAGNOSES = 10
WIDEST_DIAGNOSIS = 160

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; }}
table {{ border-collapse: collapse; margin: 0.5rem 0 2rem; width: 100%; }}
th, td {{ border-bottom: 1px solid #ddd; padding: 0.3rem 0.6rem; text-align: left; }}
td.n, th.n {{ text-align: right; font-variant-numeric: tabular-nums; }}
.bar {{ background: #eee; height: 0.8rem; width: 12rem; }}
.bar i {{ background: #3a7d44; display: block; height: 100%; }}
.waits {{ color: #a15c00; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


@dataclass(frozen=True)
class Exercise:
    """How a class did in one exercise."""

    name: str
    graded: int
    passed: int
    mean: float
    max_score: float
    waiting: int


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
    body = "\n".join(_section(grades, name) for name in names) or f"<p>{NOTHING}</p>"
    path = course.report / "index.html"
    page = PAGE.format(title=html.escape(f"Course {course.folder.name}"), body=body)
    write_atomically(path, page.encode())
    path.chmod(0o644)
    return path


def _section(grades: Grades, assignment: str) -> str:
    parts = [
        f"<h2>{html.escape(assignment)}</h2>",
        f"<p>{html.escape(_summary(grades, assignment))}</p>",
        "<h3>Exercises</h3>",
        _html(
            ("exercise", "points", "mean", "full marks", "", "waiting"),
            (_exercise_cells(exercise) for exercise in exercises(grades, assignment)),
        ),
        "<h3>What went wrong most often</h3>",
        _html(
            ("exercise", "diagnosis", "students"),
            (
                (_cell(name), _cell(said[:WIDEST_DIAGNOSIS]), _number(count))
                for name, said, count in diagnoses(grades, assignment)
            ),
        ),
        "<h3>Students</h3>",
        _html(
            ("student", "name", "score", "of", "status", "late penalty", "due", "not passed", ""),
            (_total_cells(grades, total) for total in _of(grades, assignment)),
        ),
    ]
    return "\n".join(parts)


def _exercise_cells(exercise: Exercise) -> tuple[str, ...]:
    share = exercise.passed / exercise.graded if exercise.graded else 0.0
    waits = f'<td class="n waits">{exercise.waiting}</td>' if exercise.waiting else _number(None)
    return (
        _cell(exercise.name),
        _number(exercise.max_score),
        _number(exercise.mean if exercise.graded else None),
        _number(exercise.passed),
        f'<td><div class="bar"><i style="width:{100 * share:.0f}%"></i></div></td>',
        waits,
    )


def _total_cells(grades: Grades, total: Total) -> tuple[str, ...]:
    page = quote(f"../feedback/{total.student}/{total.assignment}/{total.assignment}.html")
    return (
        f'<td><a href="{html.escape(page)}">{html.escape(total.student)}</a></td>',
        _cell(total.name),
        _number(total.score),
        _number(total.max_score),
        _cell(_status(total)),
        _number(total.penalty or None),
        _cell(total.due.removesuffix(":00+00:00") + " UTC" if total.due else ""),
        _cell(_failed(grades, total)),
        _cell(total.note),
    )


def _cell(text: str) -> str:
    return f"<td>{html.escape(text)}</td>"


def _number(value: float | None) -> str:
    return f'<td class="n">{"" if value is None else f"{value:.4g}"}</td>'


def _html(head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    header = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f"<table>\n<tr>{header}</tr>\n{body}\n</table>"
