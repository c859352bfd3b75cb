"""A course gets each assignment as it is now, whole or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from classroom import version
from nbgrader import api
from nbgrader.api import Gradebook

from autograder.assignment import build
from autograder.assignment.source import Assignment
from autograder.course import gradebook, install
from autograder.course.errors import CourseError
from autograder.course.folder import Course


def test_a_course_gets_source_release_and_gradebook(toy: Assignment, tmp_path: Path) -> None:
    root = toy.root
    course = Course.create(tmp_path / "course", root)
    install.fill(course, ["toy"])
    with Gradebook(course.db_url) as gradebook:
        notebook = gradebook.find_notebook("toy", "toy")
        points = {each.name: each.max_score for each in notebook.grade_cells}
        assert points == {"scale": 2.0, "batch_mean": 3.0, "why": 4.0}
        solutions = {each.name for each in notebook.solution_cells}
        assert solutions == {"scale_code", "batch_mean_code", "why"}
    release = course.release / "toy" / "toy.ipynb"
    before = version(release)
    install.fill(course, ["toy"])
    assert version(release) == before
    path = toy.folder / "notebook.py"
    path.write_text(path.read_text().replace("points=2", "points=5"))
    install.fill(course, ["toy"])
    with Gradebook(course.db_url) as gradebook:
        assert gradebook.find_grade_cell("scale", "toy", "toy").max_score == 5.0


def test_a_gradebook_that_was_removed_is_made_again(toy: Assignment, tmp_path: Path) -> None:
    course = Course.create(tmp_path / "course", toy.root)
    install.fill(course, ["toy"])

    def age() -> None:
        with closing(sqlite3.connect(course.gradebook)) as db, db:
            db.execute("UPDATE grade_cells SET max_score = 1")

    for spoil in (course.gradebook.unlink, lambda: course.gradebook.write_bytes(b""), age):
        spoil()
        install.fill(course, ["toy"])
        with Gradebook(course.db_url) as gradebook:
            assert gradebook.find_grade_cell("scale", "toy", "toy").max_score == 2.0


def test_a_locked_gradebook_is_waited_for_and_costs_no_release(
    toy: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = Course.create(tmp_path / "course", toy.root)
    install.fill(course, ["toy"])
    monkeypatch.setattr(install, "LONGEST_WAIT", 0.1)
    with closing(sqlite3.connect(course.gradebook)) as db:
        db.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CourseError, match=r"cannot be read .*locked"):
            install.fill(course, ["toy"])
    assert (course.release / "toy" / "toy.ipynb").is_file()
    install.fill(course, ["toy"])


def test_a_gradebook_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gradebook.db"

    def broken(url: str) -> None:
        Path(url.removeprefix("sqlite:///")).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(api, "Gradebook", broken)
        with pytest.raises(KeyboardInterrupt):
            gradebook.create_gradebook(path)
    assert list(tmp_path.iterdir()) == []
    gradebook.create_gradebook(path)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchone() == (
            api.get_alembic_version(),
        )
    before = version(path)
    gradebook.create_gradebook(path)
    assert version(path) == before


def test_a_gradebook_that_another_process_made_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, made = tmp_path / "gradebook.db", api.Gradebook

    def overtaken(url: str) -> object:
        path.write_bytes(b"theirs")
        return made(url)

    monkeypatch.setattr(api, "Gradebook", overtaken)
    gradebook.create_gradebook(path)
    assert path.read_bytes() == b"theirs"


@pytest.mark.parametrize("name", ["checks.py", "hints.json"])
def test_a_changed_file_beside_the_notebook_reaches_the_course(
    toy: Assignment, tmp_path: Path, name: str
) -> None:
    root = toy.root
    build.build(["toy"], root)
    course = Course.create(tmp_path / "course", root)
    install.fill(course, ["toy"])
    path = root / "assignments" / "toy" / name
    path.write_text(path.read_text() + "\n")
    install.fill(course, ["toy"])
    for folder in (course.source, course.release):
        assert (folder / "toy" / name).read_bytes() == path.read_bytes()
    before = version(course.release / "toy" / "toy.ipynb")
    install.fill(course, ["toy"])
    assert version(course.release / "toy" / "toy.ipynb") == before


def test_a_course_is_not_filled_while_another_process_records(
    toy: Assignment, tmp_path: Path
) -> None:
    course = Course.create(tmp_path / "course", toy.root)
    with course.lock(), pytest.raises(CourseError, match="Another process"):
        install.fill(course, ["toy"])
