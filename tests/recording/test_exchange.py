"""A class on a JupyterHub: nbgrader's own commands, from release to collect, really run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from classroom import open_course

from autograder.assignment import build
from autograder.assignment.source import Assignment
from autograder.course.collect.handins import HandIns
from autograder.course.errors import CourseError
from autograder.course.folder import Course
from autograder.recording import exchange


def nbgrader(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nbgrader", *arguments]
    environment = {**os.environ, "JUPYTER_DATA_DIR": str(folder.parent / "jupyter")}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=600, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def course(toy_root: Path, tmp_path: Path) -> Course:
    """A course whose course.toml says where the exchange is."""
    (tmp_path / "exchange").mkdir()
    (tmp_path / "exchange").chmod(0o777)
    settings = '\n[exchange]\ncourse_id = "nn2027"\nroot = "../exchange"\n'
    return open_course(toy_root, tmp_path / "course", settings)


def submit(tmp_path: Path, student: str, data: str | None = None) -> Path:
    """Hand in as a student, with the student's own configuration; give the folder it came to."""
    home = tmp_path / f"home_{student}"
    home.mkdir(exist_ok=True)
    known = ["--course=nn2027", f"--Exchange.root={tmp_path / 'exchange'}"]
    if data is None:
        nbgrader(home, "fetch_assignment", "toy", *known)
    else:
        (home / "toy").mkdir(exist_ok=True)
        (home / "toy" / "toy.ipynb").write_text(data)
    inbound = tmp_path / "exchange" / "nn2027" / "inbound"
    before = set(inbound.iterdir())
    nbgrader(home, "submit", "toy", f"--student={student}", *known)
    (new,) = set(inbound.iterdir()) - before
    return new


def test_release_fetch_submit_collect_update_and_grade(
    course: Course, tmp_path: Path, toy: Assignment
) -> None:
    solved, secret = build.solved(toy), course.source / "toy" / "toy.ipynb"
    nbgrader(course.folder, "release_assignment", "toy")
    ada = submit(tmp_path, "ada")
    inbound = ada.parent
    cheat = inbound / ada.name.replace("ada", "eve", 1)
    cheat.mkdir()
    (cheat / "toy.ipynb").symlink_to(secret)
    (cheat / "timestamp.txt").write_bytes((ada / "timestamp.txt").read_bytes())
    os.mkfifo(cheat / "pipe.ipynb")
    (inbound / ada.name.replace("ada", "mallory", 1)).symlink_to(secret.parent)
    shutil.copytree(ada, inbound / ada.name.replace("ada", "bob", 1))
    nbgrader(course.folder, "collect", "toy")
    found = {each.student: each for each in course.submissions("toy")}
    assert set(found) == {"ada", "bob", "eve", "mallory"}
    assert found["ada"].read() == found["bob"].read() == (ada / "toy.ipynb").read_bytes()
    assert found["eve"].read() is found["mallory"].read() is None
    assert "plain file" in found["eve"].why_not()

    submit(tmp_path, "ada", solved)
    nbgrader(course.folder, "collect", "toy", "--update")
    (newer,) = course.submissions("toy", ["ada"])
    assert (newer.read() or b"").decode() == solved
    assert newer.timestamp and found["ada"].timestamp and newer.timestamp > found["ada"].timestamp
    assert len(HandIns(course, "toy", "ada").kept()) == 2

    command = [sys.executable, "-m", "autograder", "grade", "--course", str(course.folder)]
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    totals = (course.report / "totals.csv").read_text().splitlines()
    score = {line.split(",")[0]: line.split(",")[2:5] for line in totals[1:]}
    assert score["ada"][:2] == ["5", "9"] and score["bob"] == ["0", "9", "graded"]
    assert score["eve"] == score["mallory"] == ["0", "9", "malformed"]


def test_settings_of_the_exchange_are_checked(course: Course) -> None:
    path = course.folder / "course.toml"
    path.write_text(path.read_text().replace('"../exchange"', "5"))
    with pytest.raises(CourseError, match=r"exchange\.root is 5"):
        _ = Course.open(course.folder, course.root)


@pytest.fixture
def too_deep(tmp_path: Path) -> Iterator[Path]:
    """A folder with paths too deep and too long for Python's own rmtree, and so for pytest's."""
    home = os.getcwd()
    try:
        for name, depth in (("d", 1200), ("x" * 200, 12)):
            os.chdir(tmp_path)
            for _ in range(depth):
                os.mkdir(name)
                os.chdir(name)
            Path("toy.ipynb").write_text("{}")
        os.chdir(home)
        yield tmp_path
    finally:
        os.chdir(home)
        subprocess.run(["rm", "-rf", *tmp_path.iterdir()], check=True)


def test_deep_folders_and_long_paths_are_left_there(too_deep: Path) -> None:
    (too_deep / "toy.ipynb").write_text("{}")
    assert [path for path, _ in exchange._readable(str(too_deep))] == ["toy.ipynb"]
