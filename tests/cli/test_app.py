"""The command line does what its help says, and bad input gets one sentence and an exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.assignment import build
from autograder.assignment.source import Assignment


def run(*arguments: str | Path, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "autograder", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "COLUMNS": "200", **more},
    )


@pytest.fixture
def solved(toy: Assignment, toy_root: Path) -> Path:
    """The solved toy, as a student might hand it in."""
    path = toy_root / "solved.ipynb"
    path.write_text(build.solved(toy))
    return path


def test_score_gives_the_documented_json(solved: Path, toy_root: Path) -> None:
    blank = toy_root / "assignments" / "toy" / "toy.ipynb"
    assert run("build", "toy", folder=toy_root).returncode == 0
    done = run("score", solved, blank, "--assignment", "toy", "--json", folder=toy_root)
    assert done.returncode == 0, done.stderr
    full, none = json.loads(done.stdout)
    assert (full["path"], full["status"], full["score"], full["max_score"]) == (
        str(solved),
        "graded",
        5,
        5,
    )
    assert none["score"] == 0
    test = none["exercises"][0]["tests"][0]
    assert {"name", "sentence", "outcome", "diagnosis"} <= set(test)
    assert test["outcome"] == "unanswered"


def test_score_prints_what_is_wrong(toy: Assignment, solved: Path, toy_root: Path) -> None:
    solved.write_text(solved.read_text().replace("x * factor", "x + factor"))
    done = run("score", solved, "--assignment", "toy", folder=toy_root)
    assert "scale multiplies every element. You add the factor" in done.stdout


def test_the_whole_way_from_demo_to_csv(toy_root: Path) -> None:
    for command in (("demo", "toy"), ("grade", "--course", "build/demo")):
        done = run(*command, folder=toy_root)
        assert done.returncode == 0, done.stderr
    rows = (toy_root / "build/demo/report/grades.csv").read_text().splitlines()
    assert rows[0].startswith("student,assignment,exercise,score,max_score,status")
    assert any(row.startswith("ada_perfect,toy,scale,2") for row in rows)
    assert any(row.startswith("ada_perfect,toy,why") and "pending" in row for row in rows)
    assert any(row.startswith("pia_skips_tests,toy,scale,0") for row in rows)
    assert any(row.startswith("hal_loops,toy,batch_mean") and "timed_out" in row for row in rows)
    assert (toy_root / "build/demo/feedback/ada_perfect/toy").is_dir()


def test_grading_again_judges_nothing_and_changes_nothing(toy_root: Path) -> None:
    def verdicts() -> dict[Path, int]:
        found = (toy_root / "build/demo/attempts").rglob("*.json")
        return {path: path.stat().st_mtime_ns for path in found}

    run("demo", "toy", folder=toy_root)
    run("grade", "--course", "build/demo", "--no-feedback", folder=toy_root)
    before, judged = (toy_root / "build/demo/report/grades.csv").read_bytes(), verdicts()
    again = run("grade", "--course", "build/demo", "--no-feedback", folder=toy_root)
    assert again.returncode == 0
    assert (toy_root / "build/demo/report/grades.csv").read_bytes() == before
    assert judged and verdicts() == judged


BAD = {
    "not JSON": (["score", "bad.ipynb", "--assignment", "toy"], 0, "not valid JSON"),
    "empty": (["score", "empty.ipynb", "--assignment", "toy"], 0, "is empty"),
    "missing file": (["score", "none.ipynb", "--assignment", "toy"], 2, "cannot be read"),
    "unknown assignment": (
        ["score", "bad.ipynb", "--assignment", "tyo"],
        2,
        "this course has: toy",
    ),
    "unknown name": (["build", "tyo"], 2, "this course has: toy"),
    "no course": (["grade", "--course", "nowhere"], 2, "is not a course"),
    "unknown command": (["gradee"], 2, "No such command"),
    "bad workers": (["grade", "--workers", "0"], 2, "workers"),
    "unknown experiment": (["experiment", "toy", "drow"], 2, "draw"),
}


@pytest.mark.parametrize(("arguments", "code", "says"), BAD.values(), ids=BAD)
def test_bad_input_gets_one_sentence(
    toy_root: Path, arguments: list[str], code: int, says: str
) -> None:
    (toy_root / "bad.ipynb").write_text("{")
    (toy_root / "empty.ipynb").write_text("")
    done = run(*arguments, folder=toy_root)
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_an_unwritable_course_folder_is_said(toy_root: Path) -> None:
    (toy_root / "file").write_text("")
    done = run("demo", "toy", "--course", "file/course", folder=toy_root)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupt_says_what_is_kept_and_loses_nothing(toy_root: Path) -> None:
    run("demo", "toy", folder=toy_root)
    command = [sys.executable, "-m", "autograder", "grade", "--course", "build/demo"]
    process = subprocess.Popen(
        command,
        cwd=toy_root,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # A shell lets what it starts in the background ignore interrupts, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    attempts = toy_root / "build/demo/attempts"
    deadline = time.monotonic() + 240
    while not list(attempts.rglob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    kept = list(attempts.rglob("*.json"))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 130, errors
    assert "Interrupted: what was judged is kept" in errors
    assert "Traceback" not in errors
    assert kept and all(path.is_file() for path in kept)
    assert run("grade", "--course", "build/demo", folder=toy_root).returncode == 0
