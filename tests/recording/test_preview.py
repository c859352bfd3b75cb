"""Before anything is recorded, all that recording will change is shown."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from classroom import ANSWER, WHEN, hand_in, mark, notebook, open_course, rows

from autograder.assignment.build import build
from autograder.course.folder import Course
from autograder.course.grading import Grading
from autograder.recording.autograde import record
from autograder.recording.preview import LATENESS, Change, preview

RIGHT = "def scale(x, factor):\n    return x * factor\n"
WRONG = "def scale(x, factor):\n    return x + factor\n"


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    return open_course(toy_root, tmp_path / "course")


def submit(course: Course, student: str, scale: str = RIGHT, why: str = ANSWER) -> None:
    hand_in(course, student, notebook(course.root, scale_code=scale, why=why), WHEN)


def judged(course: Course) -> Grading:
    grading = Grading(Course.open(course.folder, course.root), ["toy"])
    list(grading.judged())
    return grading


def recorded(course: Course) -> Grading:
    grading = judged(course)
    list(record(grading.course, grading))
    return grading


def edit(course: Course, name: str, find: str, replace: str) -> None:
    path = course.root / "reference/toy" / name
    text = path.read_text()
    assert find in text
    path.write_text(text.replace(find, replace))
    shutil.rmtree(course.root / "assignments", ignore_errors=True)
    build(["toy"], course.root)


def changes(course: Course) -> list[Change]:
    """What the preview shows is what recording then does."""
    grading = judged(course)
    before = rows(course)
    shown = preview(grading).changes
    assert rows(course) == before
    list(record(grading.course, grading))
    again = judged(course)
    assert preview(again).changes == []
    return shown


def test_nothing_changes_where_nothing_changed(course: Course) -> None:
    submit(course, "ada")
    assert preview(judged(course)).new == 1
    assert preview(recorded(course)) == preview(judged(course))
    assert changes(course) == [] and preview(judged(course)).new == 0


def test_a_stricter_test_is_shown_for_whom_it_concerns(course: Course) -> None:
    submit(course, "ada")
    submit(course, "ben", WRONG)
    recorded(course)
    edit(course, "hidden_tests.py", "2.5 * x", "2.6 * x")
    assert {(each.student, each.exercise) for each in changes(course)} == {("ada", "scale")}


@pytest.mark.parametrize("points", ["1", "13"])
def test_changed_points_are_shown(course: Course, points: str) -> None:
    submit(course, "ada")
    recorded(course)
    edit(course, "notebook.py", 'exercise="scale" points=2', f'exercise="scale" points={points}')
    (change,) = changes(course)
    assert (change.before, change.before_of) == (2.0, 2.0)
    assert (change.after, change.after_of) == (float(points), float(points))


def test_a_dearer_question_is_shown_though_its_mark_stays(course: Course) -> None:
    submit(course, "ada")
    recorded(course)
    mark(course, "ada", "why", 3.0)
    edit(course, "notebook.py", 'written="why" points=4', 'written="why" points=8')
    (change,) = changes(course)
    assert (change.exercise, change.before, change.after) == ("why", 3.0, 3.0)
    assert (change.before_of, change.after_of) == (4.0, 8.0)


def test_a_late_penalty_is_shown(course: Course) -> None:
    submit(course, "ada")
    recorded(course)
    due = (WHEN - timedelta(hours=1)).isoformat()
    with open(course.folder / "course.toml", "a") as file:
        file.write(f"[assignments.toy]\ndue = {due}\nlate = {{ per_day = 0.5 }}\n")
    (change,) = changes(course)
    assert (change.exercise, change.before) == (LATENESS, 0.0) and change.after == -1.0


def test_a_marked_answer_that_changed_is_to_be_marked_again(course: Course) -> None:
    submit(course, "ada")
    recorded(course)
    mark(course, "ada", "why", 3.0)
    submit(course, "ada", why=ANSWER + " Or not.")
    (change,) = changes(course)
    assert (change.exercise, change.waits) == ("why", True)
