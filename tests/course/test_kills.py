"""`autograder grade`, its processes killed at random moments, ends as if nothing had happened."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from autograder.sandbox import survey

SET_CHILD_SUBREAPER = 36
KILLS = 100
LEAST = 20  # of each kind
KINDS = ("worker", "parent", "student", "coordinator")
SLOW = ("hal_loops", "jan_eats_memory")  # seconds each, in which nothing else happens
ROWS = """
    SELECT s.student_id, b.name, g.auto_score, g.manual_score, g.needs_manual_grade,
           n.late_submission_penalty, c.auto_comment, c.manual_comment
    FROM submitted_assignment s
    JOIN submitted_notebook n ON n.assignment_id = s.id
    JOIN grade g ON g.notebook_id = n.id
    JOIN base_cell b ON b.id = g.cell_id
    LEFT JOIN comment c ON c.notebook_id = n.id AND c.cell_id = g.cell_id
    ORDER BY s.student_id, b.name
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "autograder", *arguments]


def rows(course: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(course / "gradebook.db") as db:
        return db.execute(ROWS).fetchall()


def tree(pid: int) -> dict[int, int]:
    """Every descendant of a process, by pid, with its depth below it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(path.parent.name))
    found, level, depth = {}, children.get(pid, []), 1
    while level:
        found.update(dict.fromkeys(level, depth))
        level = [child for each in level for child in children.get(each, [])]
        depth += 1
    return found


@cache
def students_depth() -> int:
    """How far below the coordinator student processes are; to ask the machine takes a while."""
    return 3 if "processes" in survey().in_force else 2


def victims(coordinator: int, kind: str) -> list[int]:
    """The processes of one kind that a coordinator has now."""
    found = []
    for pid, depth in tree(coordinator).items():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if not command:
            continue  # it has ended, and nobody has reaped it
        worker = b"autograder.judging.worker" in command
        name = "worker" if worker else "student" if depth == students_depth() else "parent"
        if name == kind:
            found.append(pid)
    return found


def kill_one(process: subprocess.Popen[str], kind: str, chance: random.Random) -> bool:
    """Kill a process of one kind as soon as there is one; say whether there was."""
    while process.poll() is None:
        if found := victims(process.pid, kind):
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(found), signal.SIGKILL)
                return True
        time.sleep(0.002)
    return False


def start(course: Path, root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*GRADE, str(course)],
        cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def adopting() -> Iterator[None]:
    """Make this process the parent of whatever a killed coordinator leaves behind."""
    prctl = ctypes.CDLL(None).prctl
    prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    prctl(SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def see_that_nothing_is_left() -> None:
    """Hold what a run started to be gone soon after its end."""
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        left = tree(os.getpid())
        if not left:
            return
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


GRADE = command("grade", "--no-feedback", "--workers", "2", "--course")


@pytest.fixture
def marked(toy_root: Path) -> Path:
    """A graded demo course with hand marks, in which everything has to be judged anew."""
    subprocess.run(command("demo", "toy"), cwd=toy_root, check=True, capture_output=True)
    course = toy_root / "build" / "demo"
    for student in SLOW:
        shutil.rmtree(course / "submitted" / student)
    subprocess.run([*GRADE, str(course)], cwd=toy_root, check=True, capture_output=True)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        for student, score in (("ada_perfect", 3.0), ("fay_late", 4.0), ("emil_half", 0.5)):
            mark = gradebook.find_grade("why", "toy", "toy", student)
            mark.manual_score, mark.needs_manual_grade = score, False
        override = gradebook.find_grade("scale", "toy", "toy", "dora_blank")
        override.manual_score = 1.0
        gradebook.db.commit()
    with open(toy_root / "reference/toy/hidden_tests.py", "a") as file:
        file.write("\n# changed: no verdict is valid any more\n")
    return course


@pytest.mark.soak
@pytest.mark.parametrize("seed", [7, 17])
def test_rows_are_those_of_an_undisturbed_run(
    seed: int, marked: Path, toy_root: Path, adopting: None
) -> None:
    undisturbed = shutil.copytree(marked, toy_root / "undisturbed", symlinks=True)
    began = time.monotonic()
    subprocess.run([*GRADE, str(undisturbed)], cwd=toy_root, check=True, capture_output=True)
    whole = time.monotonic() - began
    expected = rows(undisturbed)
    assert any(row[3] == 3.0 for row in expected)
    chance, _ = random.Random(seed), students_depth()
    killed: Counter[str] = Counter()
    for number in range(KILLS):
        if killed.total() >= KILLS and all(killed[kind] >= LEAST for kind in KINDS):
            break
        course = shutil.copytree(marked, toy_root / "killed", symlinks=True)
        # A worker, a warm parent and a student process: the run goes on, and nobody notices.
        process = start(course, toy_root)
        for kind in chance.sample(KINDS[:3], 3):
            while process.poll() is None and not victims(process.pid, "worker"):
                time.sleep(0.01)
            time.sleep(chance.uniform(0, whole / 10))
            killed[kind] += kill_one(process, kind, chance)
        _, said = process.communicate(timeout=600)
        assert process.returncode == 0, f"round {number}: {said}"
        assert rows(course) == expected, f"round {number}"
        see_that_nothing_is_left()
        shutil.rmtree(course)
        # The coordinator: nothing is left of it, and the same command completes the work.
        course = shutil.copytree(marked, toy_root / "killed", symlinks=True)
        process = start(course, toy_root)
        time.sleep(chance.uniform(0, whole))
        killed["coordinator"] += process.poll() is None
        process.kill()
        process.communicate()
        see_that_nothing_is_left()
        again = subprocess.run([*GRADE, str(course)], cwd=toy_root, capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
        assert rows(course) == expected, f"round {number}"
        shutil.rmtree(course)
    print(f"seed {seed}: {dict(killed)} in {time.monotonic() - began:.0f} s, one run {whole:.1f} s")
    assert all(killed[kind] >= LEAST for kind in KINDS), killed
