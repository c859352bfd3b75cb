"""What is known of when a hand-in came, and what is made of it: no time is made up."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from classroom import ANSWER, mark, notebook, open_course, put, total, verdict
from nbgrader.api import Gradebook
from rich.console import Console

from autograder.course.collect import zipcollect
from autograder.course.collect.handins import HandIns
from autograder.course.collect.outcome import Collected
from autograder.course.folder import Course
from autograder.pages import export, report
from autograder.pages.feedback import feedback

ROSTER = "id,first_name,last_name\nada,Ada,Lovelace\nbob,Bob,Ng\n"
DUE = """
[assignments.toy]
due = 2026-03-01T09:00:00Z
late = { per_day = 0.1, grace_minutes = 10 }
"""
EXTENDED = '[assignments.toy.extensions]\nada = "3 days"\n'


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    """A course in Berlin, with a due date."""
    course = open_course(toy_root, tmp_path / "course", DUE)
    text = (course.folder / "course.toml").read_text()
    (course.folder / "course.toml").write_text(f'time_zone = "Europe/Berlin"\n{text}')
    (course.folder / "roster.csv").write_text(ROSTER)
    return Course.open(course.folder, course.root)


def extend(course: Course) -> Course:
    with open(course.folder / "course.toml", "a") as file:
        file.write(EXTENDED)
    return Course.open(course.folder, course.root)


def download(course: Course, path: Path) -> Path:
    """Pack what Canvas does: who is late, and the time of the download."""
    made = str(notebook(course.root, why=ANSWER)).replace("'", '"').replace("None", "null")
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("lovelaceada_LATE_1_5_toy.ipynb", "ngbob_LATE_2_6_toy.ipynb"):
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, 9, 10, 0, 0)), made)
    return path


def take(course: Course, archive: Path, **more: object) -> Collected:
    with course.lock():
        return list(zipcollect.collect(course, [archive], **more))[-1]  # type: ignore[arg-type]


def grade(course: Course) -> dict[str, dict[str, str]]:
    """Record full marks for everybody, and read the totals."""
    for each in course.submissions("toy"):
        put(course, each, verdict(scale=2.0, batch_mean=3.0))
        mark(course, each.student, "why", 4.0)
    return totals(course)


def totals(course: Course) -> dict[str, dict[str, str]]:
    with open(export.write(course)[1], newline="", encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def page(course: Course, student: str) -> str:
    list(feedback(course))
    text = (course.feedback / student / "toy" / "toy.html").read_text()
    found = re.search(r'<p class="who">(.*?)</p>', text)
    assert found
    return found[1]


@pytest.mark.parametrize("typed", ["before collecting", "before grading", "after grading"])
def test_an_extension_counts_whenever_it_is_typed(
    course: Course, tmp_path: Path, typed: str
) -> None:
    if typed == "before collecting":
        course = extend(course)
    take(course, download(course, tmp_path / "s.zip"))
    if typed == "before grading":
        course = extend(course)
    rows = grade(course)
    if typed == "after grading":
        assert (rows["ada"]["score"], rows["bob"]["score"]) == ("8.1", "8.1")
        course = extend(course)
        rows = totals(course)
    assert (rows["ada"]["score"], rows["bob"]["score"]) == ("9", "8.1")
    assert total(course, "ada")[1] in (None, 0) and total(course, "bob")[1] == pytest.approx(0.9)
    assert "as there is an extension, nothing is taken off" in rows["ada"]["note"]
    assert "the least that counts as late is taken off" in rows["bob"]["note"]
    with Gradebook(course.db_url) as gradebook:
        gradebook.grant_extension("toy", "bob", days=1)
    assert totals(course)["bob"]["score"] == "9"


def test_a_time_that_nobody_knows_is_shown_nowhere(course: Course, tmp_path: Path) -> None:
    take(course, download(course, tmp_path / "s.zip"))
    folder = course.submitted / "bob" / "toy"
    assert {path.name for path in folder.iterdir()} == {"toy.ipynb", "lateness.txt"}
    assert grade(course)["bob"]["submitted"] == ""
    with Gradebook(course.db_url) as gradebook:
        assert gradebook.find_submission("toy", "bob").timestamp is None
    assert page(course, "bob") == "bob, handed in late by the learning platform's due date"
    shown = report.write(course).read_text()
    console = Console(file=io.StringIO(), width=150)
    report.show(course, console)
    for text in (shown, console.file.getvalue()):  # type: ignore[attr-defined]
        assert "09:10" not in text and "10:10" not in text


def test_shown_times_are_in_the_courses_zone(course: Course, tmp_path: Path) -> None:
    take(course, download(course, tmp_path / "s.zip"))
    for student in ("ada", "bob"):
        folder = course.submitted / student / "toy"
        (folder / "lateness.txt").unlink()
        (folder / "timestamp.txt").write_text("2026-03-01 22:30:00 UTC")
    course = extend(course)
    rows = grade(course)
    assert rows["ada"]["submitted"] == "2026-03-01T23:30:00+01:00"
    assert rows["ada"]["due"] == "2026-03-04T10:00:00+01:00"
    assert page(course, "ada") == "ada, handed in 1 March 2026, 23:30 CET"
    assert "<td>2026-03-04T10:00 CET</td>" in report.write(course).read_text()
    text = (course.folder / "course.toml").read_text()
    (course.folder / "course.toml").write_text(text.replace("Europe/Berlin", "Asia/Kathmandu"))
    course = Course.open(course.folder, course.root)
    assert page(course, "ada") == "ada, handed in 2 March 2026, 04:15 UTC+05:45"


def test_times_may_be_told_later(course: Course, tmp_path: Path) -> None:
    archive = download(course, tmp_path / "s.zip")
    take(course, archive)
    rows = grade(course)
    assert rows["ada"]["penalty"] == "0.9"
    (tmp_path / "t.csv").write_text("id,submitted\nada,04.03.2026 12:00\n")
    done = take(course, archive, times=tmp_path / "t.csv")
    assert (done.timed, done.known) == (["ada"], ["bob"])
    assert "1 known already, and now when they came" in done.lines()[0]
    rows = grade(course)
    assert (rows["ada"]["penalty"], rows["ada"]["submitted"]) == (
        "3.6",
        "2026-03-04T12:00:00+01:00",
    )
    (kept,) = HandIns(course, "toy", "ada").kept()
    assert not (kept.folder / "lateness.txt").exists()
    assert take(course, archive).timed == []  # what is known stays known
    (ada,) = course.submissions("toy", ["ada"])
    assert ada.timestamp == datetime(2026, 3, 4, 11, tzinfo=UTC) and ada.late is None


def test_who_is_not_marked_late_is_on_time(course: Course, tmp_path: Path) -> None:
    archive = tmp_path / "s.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("ngbob_2_6_toy.ipynb", b"{}")
    take(course, archive)
    assert grade(course)["bob"]["penalty"] == "0"
    assert page(course, "bob") == "bob, handed in on time by the learning platform's due date"


def test_lateness_is_recorded_again_when_it_changes(course: Course, tmp_path: Path) -> None:
    take(course, download(course, tmp_path / "s.zip"))
    grade(course)
    (course.submitted / "bob" / "toy" / "lateness.txt").write_text("on time\n")
    assert grade(course)["bob"]["penalty"] == "0"
