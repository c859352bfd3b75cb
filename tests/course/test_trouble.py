"""A full disk or a second grader costs a sentence, and nothing that was done."""

from __future__ import annotations

import gc
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from classroom import WHEN, hand_in, mark, notebook, open_course, rows

from autograder.course.folder import Course

KIB = 1 << 10
SOLVED = {"scale_code": "def scale(x, factor):\n    return x * factor\n"}


def grade(course: Course, root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "autograder", "grade", "--workers", "1"]
    return subprocess.run(
        [*command, "--course", str(course.folder), *options],
        cwd=root, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk of its own, where no other test run tidies up."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder = Path(tempfile.mkdtemp())
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("this machine lets no disk be mounted")
    yield folder
    gc.collect()
    # nbgrader leaves the gradebook open, and a disk in use is let go only lazily
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


def fill(disk: Path, leave: int) -> Path:
    """Fill a disk but for so many bytes."""
    filler = disk / "filler"
    status = os.statvfs(disk)
    filler.write_bytes(bytes(status.f_bavail * status.f_frsize - leave))
    return filler


def long(made: dict[str, Any], student: str) -> dict[str, Any]:
    """Add 60 KiB that do not shrink by much, wherever the notebook goes."""
    text = random.Random(student).randbytes(30 * KIB).hex()
    words = " ".join(text[i : i + 60] for i in range(0, len(text), 60))
    made["cells"].append({"cell_type": "markdown", "id": "own", "metadata": {}, "source": words})
    return made


@pytest.mark.parametrize(
    "room",
    [0, *(pytest.param(kib * KIB, marks=pytest.mark.soak) for kib in (60, 200, 300, 450, 550))],
)
def test_a_full_disk_loses_nothing(room: int, disk: Path, toy_root: Path) -> None:
    """Full while verdicts are stored, then while they are recorded, then for the feedback."""
    course = open_course(toy_root, disk / "course")
    for student in ("ada", "bob", "cleo", "dan"):
        hand_in(course, student, notebook(toy_root), WHEN)
    assert grade(course, toy_root).returncode == 0
    mark(course, "ada", "why", 3.0)
    for student in ("ada", "bob", "cleo", "dan"):
        hand_in(course, student, long(notebook(toy_root, **SOLVED), student), WHEN)
    before = rows(course)
    filler = fill(disk, room)
    stopped = grade(course, toy_root)
    assert stopped.returncode in (1, 2), stopped.stderr
    assert "Traceback" not in stopped.stderr, stopped.stderr
    assert re.search("full|No space left", stopped.stderr), stopped.stderr
    assert rows(course)["ada", "why"] == before["ada", "why"]
    filler.unlink()
    again = grade(course, toy_root)
    assert again.returncode == 0, again.stderr
    after = rows(course)
    undisturbed = open_course(toy_root, toy_root / "undisturbed")
    shutil.copytree(course.submitted, undisturbed.submitted, dirs_exist_ok=True)
    assert grade(undisturbed, toy_root, "--no-feedback").returncode == 0
    mark(undisturbed, "ada", "why", 3.0)
    # She has written a cell of her own since it was marked: somebody looks at it again.
    assert after == rows(undisturbed) | {("ada", "why"): (None, 3.0, True)}
    with sqlite3.connect(course.gradebook) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_the_second_grader_of_a_course_is_told_so(toy_root: Path) -> None:
    course, other = (open_course(toy_root, toy_root / name) for name in ("one", "two"))
    for each in (course, other):
        hand_in(each, "ada", notebook(toy_root, **SOLVED), WHEN)
    with course.lock():
        second = grade(course, toy_root)
        elsewhere = grade(other, toy_root)
    assert second.returncode == 2
    assert "Another process is recording" in second.stderr and "Traceback" not in second.stderr
    assert rows(course) == {}
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert grade(course, toy_root).returncode == 0
    assert rows(course) == rows(other)
