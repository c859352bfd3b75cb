"""`autograder grade`, killed at random moments and run again, ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

KILLS = 20
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
    return [sys.executable, "-m", "autograder.cli", *arguments]


def rows(course: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(course / "gradebook.db") as db:
        return db.execute(ROWS).fetchall()


def descendants() -> dict[int, str]:
    """Every process of the kit's, by pid, with its command line."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if "autograder" in line and "pytest" not in line:
            found[int(path.parent.name)] = line
    return found


@pytest.fixture
def marked(toy_root: Path) -> Path:
    """A graded demo course with hand marks, in which everything has to be judged anew."""
    subprocess.run(command("demo", "toy"), cwd=toy_root, check=True, capture_output=True)
    course = toy_root / "build" / "demo"
    grade = command("grade", "--course", str(course), "--no-feedback")
    subprocess.run(grade, cwd=toy_root, check=True, capture_output=True)
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
def test_rows_are_those_of_an_undisturbed_run(marked: Path, toy_root: Path) -> None:
    undisturbed = shutil.copytree(marked, toy_root / "undisturbed", symlinks=True)
    began = time.monotonic()
    grade = command("grade", "--no-feedback", "--course")
    subprocess.run([*grade, str(undisturbed)], cwd=toy_root, check=True, capture_output=True)
    whole = time.monotonic() - began
    expected = rows(undisturbed)
    assert any(row[3] == 3.0 for row in expected)
    moments = random.Random(7)
    before = descendants()
    for number in range(KILLS):
        course = shutil.copytree(marked, toy_root / f"killed-{number}", symlinks=True)
        process = subprocess.Popen(
            [*grade, str(course)],
            cwd=toy_root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(moments.uniform(0, whole))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 5
        while (left := descendants().keys() - before.keys()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left, [descendants().get(pid) for pid in left]
        again = subprocess.run([*grade, str(course)], cwd=toy_root, capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
        assert rows(course) == expected, f"kill {number}"
        shutil.rmtree(course)
