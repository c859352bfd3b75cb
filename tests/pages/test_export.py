"""grades.csv and totals.csv: what they say, and that a spreadsheet takes nothing for a formula."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from classroom import ANSWER, WHEN, hand_in, mark, notebook, open_course, put, verdict
from nbgrader.api import Gradebook

from autograder.course.folder import Course
from autograder.pages import export

LATE = "\n[assignments.toy]\ndue = 2026-03-01T09:00:00Z\nlate = { per_day = 0.1 }\n"


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    """An empty course."""
    return open_course(toy_root, tmp_path / "course")


Table = dict[tuple[str, ...], dict[str, str]]


def table(path: Path) -> Table:
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {(row["student"], row["assignment"], row.get("exercise", "")): row for row in rows}


def exported(course: Course) -> tuple[Table, Table]:
    grades, totals = export.write(course)
    return table(grades), table(totals)


def test_one_row_for_each_student_assignment_and_exercise(course: Course) -> None:
    put(
        course,
        hand_in(course, "ada", notebook(course.root, why=ANSWER)),
        verdict(scale=2.0, batch_mean=1 / 3),
    )
    rows, totals = exported(course)
    assert [(r["exercise"], r["score"], r["max_score"], r["status"]) for r in rows.values()] == [
        ("scale", "2", "2", "passed"),
        ("batch_mean", "0.3333333333", "3", "partial"),
        ("why", "", "4", "pending"),
    ]
    (total,) = totals.values()
    assert (total["score"], total["max_score"], total["status"]) == ("2.333333333", "9", "pending")
    assert (total["pending"], total["submitted"]) == ("1", "2026-03-01T10:00:00+00:00")


def test_a_mark_is_no_longer_pending_and_the_total_follows(course: Course) -> None:
    put(course, hand_in(course, "ada", notebook(course.root, why=ANSWER)), verdict(scale=2.0))
    mark(course, "ada", "why", 3.5)
    rows, totals = exported(course)
    assert (rows["ada", "toy", "why"]["score"], rows["ada", "toy", "why"]["status"]) == (
        "3.5",
        "marked",
    )
    assert (totals["ada", "toy", ""]["score"], totals["ada", "toy", ""]["status"]) == (
        "5.5",
        "graded",
    )


def test_a_mark_for_what_has_changed_is_to_be_reviewed(course: Course) -> None:
    put(course, hand_in(course, "ada", notebook(course.root, why=ANSWER)), verdict())
    mark(course, "ada", "why", 3.5)
    mark(course, "ada", "scale", 1.0)
    put(course, hand_in(course, "ada", notebook(course.root, why=ANSWER + "!")), verdict(scale=2.0))
    rows, totals = exported(course)
    assert rows["ada", "toy", "why"]["status"] == rows["ada", "toy", "scale"]["status"] == "review"
    assert totals["ada", "toy", ""]["pending"] == "2"


def test_who_is_missing_and_who_waits_for_a_verdict_are_told_apart(course: Course) -> None:
    (course.submitted / "bob").mkdir()
    hand_in(course, "cai", notebook(course.root))
    rows, totals = exported(course)
    assert (rows["bob", "toy", "scale"]["score"], totals["bob", "toy", ""]["status"]) == (
        "",
        "missing",
    )
    assert (rows["cai", "toy", "scale"]["score"], totals["cai", "toy", ""]["status"]) == (
        "",
        "ungraded",
    )


def test_an_answer_left_blank_is_not_pending(course: Course) -> None:
    put(course, hand_in(course, "ada", notebook(course.root)), verdict())
    rows, totals = exported(course)
    assert (rows["ada", "toy", "why"]["status"], totals["ada", "toy", ""]["pending"]) == (
        "unanswered",
        "0",
    )


def test_lateness_is_taken_off_the_current_marks(toy_root: Path, tmp_path: Path) -> None:
    late = open_course(toy_root, tmp_path / "late", LATE)
    put(late, hand_in(late, "ada", notebook(late.root, why=ANSWER), WHEN), verdict(scale=2.0))
    mark(late, "ada", "why", 4.0)
    rows, totals = exported(late)
    total = totals["ada", "toy", ""]
    assert (total["raw_score"], total["penalty"], total["score"]) == ("6", "0.6", "5.4")
    assert rows["ada", "toy", "why"]["late_share"] == total["late_share"] == "0.1"


@pytest.mark.parametrize("name", ["=1*2", "-2", "@sum", '=HYPERLINK("x")', "|cmd"])
def test_no_name_becomes_a_formula(course: Course, name: str) -> None:
    put(course, hand_in(course, name, notebook(course.root)), verdict())
    for path in export.write(course):
        text = path.read_text().splitlines()
        assert len(text) > 1
        with open(path, newline="") as file:
            assert {row["student"] for row in csv.DictReader(file)} == {f"'{name}"}


def test_another_assignment_in_the_gradebook_is_left_alone(course: Course) -> None:
    put(course, hand_in(course, "ada", notebook(course.root)), verdict(scale=2.0))
    with Gradebook(course.db_url) as gradebook:
        gradebook.add_assignment("ps2")
        gradebook.add_assignment("ps3")
        gradebook.add_notebook("ps3", "ps3")
    rows, totals = exported(course)
    assert {assignment for _, assignment, _ in (*rows, *totals)} == {"toy"}
    shutil.copytree(course.root / "reference" / "toy", course.root / "reference" / "ps2")
    assert {assignment for _, assignment, _ in exported(course)[1]} == {"toy"}
