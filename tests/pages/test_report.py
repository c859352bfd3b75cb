"""The class at a glance."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from classroom import ANSWER, hand_in, mark, notebook, open_course, put, verdict
from rich.console import Console

from autograder.course.folder import Course
from autograder.pages import report
from autograder.pages.export import Grades, Total, read


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    """A course of three: one right, one wrong, one who handed in nothing."""
    course = open_course(toy_root, tmp_path / "course")
    put(
        course,
        hand_in(course, "ada", notebook(course.root, why=ANSWER)),
        verdict(scale=2.0, batch_mean=3.0),
    )
    put(course, hand_in(course, "<bob>", notebook(course.root)), verdict(scale=2.0))
    (course.submitted / "cai").mkdir()
    return course


def printed(course: Course) -> str:
    text = io.StringIO()
    report.show(course, Console(file=text, width=120))
    return text.getvalue()


def test_each_exercise_is_summed_up_over_those_who_handed_in(course: Course) -> None:
    by_name = {each.name: each for each in report.exercises(read(course), "toy")}
    assert (by_name["scale"].graded, by_name["scale"].passed, by_name["scale"].mean) == (2, 2, 2.0)
    assert (by_name["batch_mean"].passed, by_name["batch_mean"].mean) == (1, 1.5)
    assert (by_name["why"].graded, by_name["why"].waiting) == (1, 1)


def test_diagnoses_are_counted_by_student(course: Course) -> None:
    put(course, hand_in(course, "dan", notebook(course.root)), verdict())
    assert report.diagnoses(read(course), "toy") == [
        ("batch_mean", "batch_mean is 2 < 3 times too small.", 2),
        ("scale", "scale is 2 < 3 times too small.", 1),
    ]


def test_the_table_says_who_has_what_and_what_waits(course: Course) -> None:
    text = printed(course)
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert lines["ada"].split()[1:4] == ["5", "9", "1"] and "pending" in lines["ada"]
    assert "batch_mean" in lines["<bob>"] and "missing" in lines["cai"]
    assert "2 graded, mean 3.5 of 9; " in text
    assert "; marks that wait for a person (autograder formgrader): 1" in text
    mark(course, "ada", "why", 4.0)
    assert "wait for a person" not in printed(course)
    put(course, hand_in(course, "dan", b"{"), verdict("malformed"))
    assert "notebooks that cannot be read: 1" in printed(course)
    assert "malformed" in next(line for line in printed(course).splitlines() if "dan" in line)


def test_the_page_is_whole_and_shows_names_as_text(course: Course) -> None:
    text = report.write(course).read_text()
    assert "&lt;bob&gt;" in text and "<bob>" not in text
    assert "batch_mean is 2 &lt; 3 times too small." in text
    assert "<script" not in text and "http" not in text.replace('http-equiv="Content', "")


def test_an_empty_course_has_a_report_too(toy_root: Path, tmp_path: Path) -> None:
    empty = open_course(toy_root, tmp_path / "empty")
    assert "Nothing is graded yet." in report.write(empty).read_text()
    assert "Nothing is graded yet." in printed(empty)


def test_a_link_leads_to_the_page_whatever_the_name(course: Course) -> None:
    put(course, hand_in(course, "50% #1", notebook(course.root)), verdict())
    text = report.write(course).read_text()
    assert 'href="../feedback/50%25%20%231/toy/toy.html"' in text
    assert 'href="../feedback/%3Cbob%3E/toy/toy.html"' in text


def test_a_name_is_no_markup() -> None:
    row = Total("ada", "[b]toy", 1.0, 2.0, "graded", 0, 1.0, 0.0, 0.0, "")
    text = io.StringIO()
    Console(file=text, width=120).print(report._table(Grades([], [row], []), "[b]toy"))
    assert "[b]toy" in text.getvalue()
