"""A course with the toy assignment in it, graded by verdicts that the tests write themselves."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nbgrader.api import Gradebook

from autograder.assignment import build
from autograder.assignment.source import load
from autograder.course import install
from autograder.course.folder import Course
from autograder.course.grading import Graded
from autograder.course.submissions import Submission
from autograder.judging.verdict import ExerciseVerdict, TestVerdict, Verdict
from autograder.recording.autograde import record

TOY = Path(__file__).parent / "toy"
WHEN = datetime(2026, 3, 1, 10, tzinfo=UTC)
POINTS = {"scale": 2.0, "batch_mean": 3.0}
ANSWER = "**Why** is a mean better than a sum?\n\nBecause."


@cache
def _filled() -> TemporaryDirectory[str]:
    """Make a course that has the toy assignment, once: nbgrader takes seconds for that."""
    scratch = TemporaryDirectory()
    install.fill(Course.create(Path(scratch.name) / "course", TOY, seed=7), ["toy"])
    return scratch


def open_course(root: Path, folder: Path, settings: str = "") -> Course:
    """Make a course that has the toy assignment."""
    without = shutil.ignore_patterns("course.toml")
    shutil.copytree(Path(_filled().name) / "course", folder, ignore=without)
    Course.create(folder, root, seed=7)
    with open(folder / "course.toml", "a") as file:
        file.write(settings)
    return Course.open(folder, root)


def notebook(root: Path, **sources: str) -> dict[str, Any]:
    """Make a student's notebook: as it is released, with some cells' sources changed."""
    toy = load("toy", root)
    made: dict[str, Any] = json.loads(build.solved(toy))
    released = {cell.id: cell.skeleton for cell in toy.layout}
    for cell in made["cells"]:
        cell["source"] = sources.get(cell["id"], released[cell["id"]])
    return made


def hand_in(
    course: Course, student: str, made: dict[str, Any] | bytes, when: datetime | None = WHEN
) -> Submission:
    """Put a notebook into submitted/."""
    folder = course.submitted / student / "toy"
    folder.mkdir(parents=True, exist_ok=True)
    data = made if isinstance(made, bytes) else json.dumps(made).encode()
    (folder / "toy.ipynb").write_bytes(data)
    if when is not None:
        (folder / "timestamp.txt").write_text(f"{when:%Y-%m-%d %H:%M:%S} UTC")
    (found,) = course.submissions("toy", [student])
    return found


def verdict(status: str = "graded", notes: tuple[str, ...] = (), /, **scores: float) -> Verdict:
    """Make a verdict with the given scores; the exercises not named got nothing."""
    exercises = []
    for name, points in POINTS.items():
        score = scores.get(name, 0.0)
        passed = score == points
        test = TestVerdict(
            f"test_{name}",
            f"{name} is right.",
            "passed" if passed else "failed",
            None if passed else f"{name} is 2 < 3 times too small.",
        )
        word = "passed" if passed else "partial" if score else "failed"
        exercises.append(ExerciseVerdict(name, word, score, points, (test,)))
    return Verdict(status, tuple(exercises), ("why",), notes)


def graded(course: Course, submission: Submission, said: Verdict) -> Graded:
    """Put a submission and its verdict together, as the grader does."""
    return Graded(submission, said, submission.read() or b"")


def put(course: Course, submission: Submission, said: Verdict) -> None:
    """Record one submission."""
    with course.lock():
        list(record(course, [graded(course, submission, said)]))


def rows(course: Course) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Read grades through nbgrader: (student, cell) → (automatic, manual, needs manual)."""
    with Gradebook(course.db_url) as gradebook:
        return {
            (submission.student.id, grade.name): (
                grade.auto_score,
                grade.manual_score,
                grade.needs_manual_grade,
            )
            for submission in gradebook.assignment_submissions("toy")
            for part in submission.notebooks
            for grade in part.grades
        }


def mark(course: Course, student: str, cell: str, score: float) -> None:
    """Mark a cell by hand, as formgrader does."""
    with Gradebook(course.db_url) as gradebook:
        grade = gradebook.find_grade(cell, "toy", "toy", student)
        grade.manual_score = score
        grade.needs_manual_grade = False
        gradebook.db.commit()


def total(course: Course, student: str) -> tuple[float, float]:
    """Read (score, penalty) through nbgrader."""
    with Gradebook(course.db_url) as gradebook:
        submission = gradebook.find_submission("toy", student)
        return submission.score, submission.late_submission_penalty


def version(path: Path) -> tuple[int, int]:
    """What changes when a file is written again, and not when its mode is set or it is read."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns
