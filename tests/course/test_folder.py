"""A course's folder: made without destroying anything, read without following anything."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from classroom import hand_in, notebook

from autograder.course.errors import CourseError
from autograder.course.folder import Course


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    """An empty course."""
    return Course.create(tmp_path / "course", toy_root)


def test_creating_twice_changes_nothing(course: Course) -> None:
    (course.folder / "course.toml").write_text("seed = 5\n[limits]\nattempt_cpu = 9\n")
    (course.submitted / "ada" / "toy").mkdir(parents=True)
    again = Course.create(course.folder, course.root)
    assert (again.settings.seed, again.settings.limits.attempt_cpu) == (5, 9)
    assert again.students() == ["ada"]


def test_two_courses_have_different_seeds(course: Course, tmp_path: Path) -> None:
    assert Course.create(tmp_path / "other", course.root).settings.seed != course.settings.seed


def test_a_course_finds_its_assignments_from_anywhere(course: Course) -> None:
    assert Course.open(course.folder).root.resolve() == course.root.resolve()


def test_what_is_no_course_is_said(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="is not a course"):
        Course.open(tmp_path)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, toy_root: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match="cannot be written"):
        Course.create(tmp_path / "file" / "course", toy_root)


# Submissions


def test_a_submission_is_found_with_its_time(course: Course) -> None:
    found = hand_in(course, "ada", notebook(course.root), datetime(2026, 3, 1, 10, tzinfo=UTC))
    assert found.timestamp == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert found.read() == (course.submitted / "ada" / "toy" / "toy.ipynb").read_bytes()


def put(course: Course, *names: str) -> Path:
    folder = course.submitted / "ada" / "toy"
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


@pytest.mark.parametrize(
    ("handed_in", "chosen"),
    [
        (["toy.ipynb", "old.ipynb"], "toy.ipynb"),
        (["mine.ipynb"], "mine.ipynb"),
        (["toy-unzipped/toy.ipynb", "toy-unzipped/scratch.ipynb"], "toy-unzipped/toy.ipynb"),
        (["toy.ipynb", "copy/toy.ipynb"], "toy.ipynb"),
        (["toy.ipynb", ".ipynb_checkpoints/toy.ipynb"], "toy.ipynb"),
        ([".ipynb_checkpoints/toy.ipynb", "notes.txt"], None),
        (["a.ipynb", "b.ipynb"], None),
    ],
)
def test_the_right_notebook_is_chosen(
    course: Course, handed_in: list[str], chosen: str | None
) -> None:
    folder = put(course, *handed_in)
    (found,) = course.submissions("toy")
    assert found.path == (folder / chosen if chosen else None)
    assert chosen == "toy.ipynb" or found.note


def test_links_and_devices_are_not_read(course: Course, tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_text("secret")
    folder = put(course, "notes.txt")
    (folder / "toy.ipynb").symlink_to(secret)
    assert [s.read() for s in course.submissions("toy")] == [None]
    (folder / "toy.ipynb").unlink()
    os.mkfifo(folder / "toy.ipynb")
    assert [s.read() for s in course.submissions("toy")] == [None]
    (tmp_path / "home" / "toy").mkdir(parents=True)
    (tmp_path / "home" / "toy" / "toy.ipynb").write_text("secret")
    (course.submitted / "bob").symlink_to(tmp_path / "home")
    (course.submitted / "cai").mkdir()
    (course.submitted / "cai" / "toy").symlink_to(tmp_path / "home" / "toy")
    for student in ("bob", "cai"):
        (found,) = course.submissions("toy", [student])
        assert found.path is None and "not a plain folder" in str(found.note)


def test_a_link_is_not_chosen_where_there_is_a_notebook(course: Course, tmp_path: Path) -> None:
    folder = put(course, "mine.ipynb")
    (folder / "toy.ipynb").symlink_to(tmp_path / "secret.ipynb")
    (found,) = course.submissions("toy")
    assert found.path == folder / "mine.ipynb"


def test_a_link_put_in_place_after_looking_is_not_followed(course: Course, tmp_path: Path) -> None:
    found = hand_in(course, "ada", notebook(course.root))
    secret = tmp_path / "secret"
    secret.write_text("secret")
    assert found.path is not None
    found.path.unlink()
    found.path.symlink_to(secret)
    assert found.read() is None


@pytest.mark.parametrize(
    "text",
    [
        "yesterday-ish",
        "",
        "9" * 90 + "m",
        "9" * 10_000_000 + "m",
        "0001-01-01 00:00:00 UTC",
        "9999-12-31 23:59:59 -86399",
        "2026-03-01 10:00:00 " + "9" * 60,
        "\ud800",
    ],
    ids=range(8),
)
def test_a_time_that_is_none_is_noted(course: Course, text: str) -> None:
    stamp = put(course, "toy.ipynb") / "timestamp.txt"
    stamp.write_bytes(text.encode(errors="surrogatepass"))
    (found,) = course.submissions("toy")
    assert found.timestamp is None and "not a time" in str(found.note)


@pytest.mark.parametrize("name", ["a\nb", "x" * 129, "a+b", "*"])
def test_a_folder_that_cannot_be_an_id_is_said(course: Course, name: str) -> None:
    (course.submitted / name).mkdir()
    with pytest.raises(CourseError, match="cannot be a student's id"):
        course.submissions()


def test_an_unknown_student_is_said(course: Course) -> None:
    with pytest.raises(CourseError, match="has no student 'nobody'"):
        course.submissions(students=["nobody"])


def test_stray_files_and_hidden_folders_are_no_students(course: Course) -> None:
    (course.submitted / ".git").mkdir()
    (course.submitted / "README").write_text("")
    assert course.students() == [] and course.submissions() == []


def test_what_cannot_be_read_says_why(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(course, "toy.ipynb")
    (found,) = course.submissions("toy")
    assert found.read() == b"toy.ipynb" and found.why_not() == ""
    (folder / "toy.ipynb").write_text("")
    assert found.read() == b"" and found.why_not() == ""
    with monkeypatch.context() as patch:
        patch.setattr("autograder.course.submissions.LARGEST_NOTEBOOK", -1)
        assert found.read() is None and "too many to be read" in found.why_not()
    with monkeypatch.context() as patch:
        patch.setattr("os.open", denied)
        assert found.read() is None and "Permission denied" in found.why_not()
    (folder / "toy.ipynb").unlink()
    assert found.read() is None and "No such file" in found.why_not()
    os.mkfifo(folder / "toy.ipynb")
    assert found.read() is None and "not a plain file" in found.why_not()
    (folder / "toy.ipynb").unlink()
    (folder / "toy.ipynb").symlink_to(tmp_path)
    assert found.read() is None and "is a link" in found.why_not()
    (nothing,) = course.submissions("toy")
    assert nothing.read() is None and nothing.why_not() == "No notebook was handed in."


def denied(*args: object, **kwargs: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_a_time_that_cannot_be_read_is_noted(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    (put(course, "toy.ipynb") / "timestamp.txt").write_text("2026-03-01 10:00:00 UTC")
    monkeypatch.setattr(Path, "open", denied)
    (found,) = course.submissions("toy")
    assert found.path and found.timestamp is None and "cannot be read" in str(found.note)


@pytest.mark.parametrize("closed", ["ada", "toy"])
def test_a_folder_that_may_not_be_read_is_noted(
    course: Course, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    put(course, "toy.ipynb")
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != closed)
    (found,) = course.submissions("toy")
    assert found.path is None and "may not be read" in found.why_not()
    course.submissions()
