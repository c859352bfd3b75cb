"""No command ends in a traceback for what an author, an instructor or a student did."""

from __future__ import annotations

import ctypes
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from classroom import TOY, WHEN, hand_in, notebook
from mishaps import AUTHORS, INSTRUCTORS, Case, edited

from autograder import files
from autograder.assignment import source
from autograder.assignment.source import AssignmentError, load
from autograder.cli.app import main
from autograder.course.folder import Course
from autograder.judging.attempt import Attempt
from autograder.judging.pool import Pool
from autograder.judging.verdict import Verdict
from autograder.judging.worker import Worker
from autograder.sandbox import Limits, WarmParent

PR_CAPBSET_DROP = 24
WRONG = "def scale(x, factor):\n    return x + factor\n"
#: What a command needs beside its name, in a repository with a course in ``course/``.
ARGUMENTS = {
    "build": "toy --course course",
    "validate": "toy --workers 1",
    "score": "ada.ipynb --assignment toy --course course --workers 1",
    "demo": "toy",
    "grade": "--course course --workers 1 --no-feedback",
    "replay": "ada toy scale --course course",
    "feedback": "--course course --workers 1",
    "report": "--course course",
    "export": "--course course",
    "experiment": "toy",
    "release": "toy",
    "collect": "download --from folder --assignment toy --course course",
    "formgrader": "--course course",
    "doctor": "--course course",
}


# Running commands here


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the toy built, and a course in which one student is graded."""
    root = tmp_path_factory.mktemp("ready") / "repository"
    shutil.copytree(TOY, root, ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert run(patch, "build", ARGUMENTS["build"]) == 0
        hand_in(Course.open(root / "course", root), "ada", notebook(root, scale_code=WRONG), WHEN)
        assert run(patch, "grade", ARGUMENTS["grade"]) == 0
    handed_in = json.dumps(notebook(root, scale_code=WRONG))
    for path in (root / "ada.ipynb", root / "download" / "ada.ipynb"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(handed_in)
    return root


@pytest.fixture
def root(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: type[Here]) -> Path:
    """A copy of it, where commands judge in this process."""
    folder = tmp_path / "repository"
    shutil.copytree(ready, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(source, "__file__", str(tmp_path / "no" / "kit" / "here.py"))
    for module in ("judging.pool", "judging.validate", "course.grading"):
        monkeypatch.setattr(f"autograder.{module}.Pool", here)
    monkeypatch.setattr("autograder.course.replay.WarmParent", lambda *_: nullcontext(here.parent))
    monkeypatch.setattr("jupyter_server.serverapp.ServerApp.launch_instance", lambda options: None)
    return folder


class Here:
    """Judges as a worker does, in this process, with a parent that lives for all tests."""

    parent: WarmParent

    def __init__(self, root: Path, names: Iterable[str], *_: object, **__: object) -> None:
        self.worker = Worker(root, {frozenset(): self.parent}, Limits(), slot=0)

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def judge(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Verdict]]:
        for attempt in attempts:
            yield attempt, self.worker.verdict(attempt)


@pytest.fixture(scope="module")
def here() -> Iterator[type[Here]]:
    with WarmParent(()) as parent:
        Here.parent = parent
        yield Here


def run(patch: pytest.MonkeyPatch, *words: str) -> Any:
    """Run a command as the shell would, and give its exit code."""
    patch.setattr("sys.argv", ["autograder", *" ".join(words).split()])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code or 0


# What commands say


def cases(table: dict[str, Case]) -> list[Any]:
    return [
        pytest.param(case, command, id=f"{name}: {command}")
        for name, case in table.items()
        for command in case.commands.split()
    ]


def kept(root: Path) -> dict[str, bytes]:
    """What nobody is to lose."""
    folders = [root / "assignments", root / "course/submitted", root / "course/autograded"]
    return {
        str(path): (folder / path).read_bytes()
        for folder in folders
        for path in files.counted(folder)
    }


@pytest.mark.parametrize(("case", "command"), cases(AUTHORS | INSTRUCTORS))
def test_a_mishap_is_said_in_one_sentence_and_loses_nothing(
    case: Case,
    command: str,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    case.does(root)
    before = kept(root)
    assert run(monkeypatch, command, ARGUMENTS[command]) in (1, 2)
    said = "".join(capsys.readouterr())
    telling = [line for line in said.splitlines() if re.search(case.says, line)]
    assert len(telling) == 1, said
    assert re.search(r"[.?:]$", telling[0].strip()), said
    assert not re.search(r"Traceback|File \"", said), said
    assert kept(root) == before


def test_without_a_mishap_every_command_ends_well(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ARGUMENTS:
        if command in ("validate", "doctor"):
            continue  # the toy has a fault on purpose, and a machine may lack something
        monkeypatch.chdir(root)
        assert run(monkeypatch, command, ARGUMENTS[command]) == 0, capsys.readouterr()


def test_a_download_s_table_of_times_that_is_none(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for content, says in (
        (None, "times.csv cannot be read (No such file or directory); make it"),
        (b"\xff", "times.csv, line 1, is not UTF-8; save it as UTF-8."),
        (b'id,submitted\n"' + b"x" * 200_000, "times.csv is not CSV (field larger than"),
        (b"name\nada", "times.csv does not say who handed in when; give it columns"),
        (b"id,submitted\nada,soon", "times.csv, row 2: 'soon' is not a time; change it."),
    ):
        if content is not None:
            (root / "times.csv").write_bytes(content)
        assert run(monkeypatch, "collect", ARGUMENTS["collect"], "--times times.csv") == 2
        (sentence,) = capsys.readouterr().err.splitlines()
        assert says in sentence


def test_what_may_not_be_read_or_written_is_said(root: Path) -> None:
    """In a program of its own, which gives up what lets root do it all the same."""
    for path, command, says in (
        ("reference/toy/notebook.py", "build", "notebook.py cannot be read (Permission denied)"),
        ("course/submitted/ada", "replay", "submitted/ada/toy may not be read; change its"),
        ("course/gradebook.db", "report", "gradebook.db cannot be used (unable to open"),
        ("assignments/toy", "build", "cannot be used (Permission denied); see what is there"),
    ):
        before = (root / path).stat().st_mode
        (root / path).chmod(0)
        done = subprocess.run(
            [sys.executable, "-m", "autograder", command, *ARGUMENTS[command].split()],
            cwd=root, capture_output=True, text=True, preexec_fn=without_privilege,
        )  # fmt: skip
        (root / path).chmod(before)
        assert done.returncode == 2, done.stderr
        assert says in done.stderr and "Traceback" not in done.stderr, done.stderr


def without_privilege() -> None:
    """Drop CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH for good, if they are there to be dropped."""
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def test_one_broken_exercise_leaves_what_was_built_as_it_was(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = kept(root) | {"solved": (root / "build/solved/toy.ipynb").read_bytes()}
    notebook = root / "reference/toy/notebook.py"
    notebook.write_text(notebook.read_text().replace("A toy assignment", "Another title"))
    checks = root / "reference/toy/checks.py"
    checks.write_text(checks.read_text().replace("[0.4, 3.1]", "[0.4, 3.1], []"))
    assert run(monkeypatch, "build") == 2
    assert "test_mean itself is broken: reference/toy/checks.py, line 18" in capsys.readouterr().err
    assert before == kept(root) | {"solved": (root / "build/solved/toy.ipynb").read_bytes()}


def test_a_demo_class_is_not_deleted_before_another_can_be_made(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "demo") == 0
    made = files.counted(root / "build/demo/submitted")
    AUTHORS["a mistake that finds nothing"].does(root)
    assert run(monkeypatch, "demo") == 2
    assert made and files.counted(root / "build/demo/submitted") == made


# What is nobody's mistake


def test_half_a_module_judges_nobody(root: Path) -> None:
    """The second submission of a worker is not judged by the tests above the line that raised."""
    AUTHORS["hidden tests that raise"].does(root)
    attempt = Attempt("toy", (root / "ada.ipynb").read_bytes())
    with Here(root, ["toy"]) as pool:
        verdicts = [verdict for _, verdict in pool.judge([attempt, attempt])]
    assert [verdict.status for verdict in verdicts] == ["internal_error"] * 2
    assert verdicts[0].notes == verdicts[1].notes
    assert len(verdicts[0].notes) == 1


def test_a_class_is_told_of_a_broken_test_once(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By workers that are programs of their own."""
    monkeypatch.setattr("autograder.course.grading.Pool", Pool)
    course = Course.open(root / "course", root)
    for student in ("ben", "cyd"):
        hand_in(course, student, notebook(root), WHEN)
    AUTHORS["a hidden test that is broken"].does(root)
    assert run(monkeypatch, "grade", ARGUMENTS["grade"]) == 1
    said = "".join(capsys.readouterr())
    (line,) = [line for line in said.splitlines() if "itself is broken" in line]
    whose, _, why = line.partition(" could not be judged, and no grade was recorded: ")
    assert sorted(whose.split(", ")) == ["ada/toy", "ben/toy", "cyd/toy"]
    assert why.startswith("test_scale itself is broken: reference/toy/hidden_tests.py, line 11:")
    assert "Traceback" not in said


def test_a_package_that_is_not_there_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("autograder.judging.pool.Pool", Pool)
    edited("notebook.py", "points=2", 'points=2 allows="torhc"')(root)
    assert run(monkeypatch, "score", ARGUMENTS["score"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "allows='torhc' names a package that is not installed here" in line


def test_a_fault_of_the_kit_in_a_worker_keeps_its_trace(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("bug")

    monkeypatch.setattr("autograder.judging.judge.rebuild.rebuild", broken)
    assert run(monkeypatch, "score", ARGUMENTS["score"]) == 1
    said = capsys.readouterr().out
    assert "KeyError: 'bug'" in said and "Traceback" in said and "judge.py" in said


@pytest.mark.parametrize("bug", [KeyError("bug"), OSError(22, "Invalid argument")], ids=repr)
def test_a_fault_of_the_kit_is_not_hidden(
    bug: Exception, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise bug

    monkeypatch.setattr("autograder.assignment.build.write_source", stumble)
    monkeypatch.setattr("sys.argv", ["autograder", "build", "toy"])
    with pytest.raises(type(bug)):
        main()


def test_a_fault_of_the_kit_below_an_author_s_line_says_where(root: Path) -> None:
    tests = root / "reference/toy/hidden_tests.py"
    tests.write_text(tests.read_text() + "\nassert_close(1)\nfrom autograder import files\n"
                     "files.counted(None)\n")  # fmt: skip
    with pytest.raises(AssignmentError, match=r"line 37: TypeError: assert_close\(\) missing"):
        load("toy", root).module("hidden_tests")
    tests.write_text(tests.read_text().replace("assert_close(1)", ""))
    with pytest.raises(
        AssignmentError, match=r"line 39: .* \(raised in .*files.py, line \d+\); mend"
    ):
        load("toy", root).module("hidden_tests")


def test_an_interrupt_is_nobody_s_mistake(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mistakes.py", "checks.py"):
        path = root / "reference/toy" / name
        before = path.read_text()
        path.write_text(before + "\nraise KeyboardInterrupt\n")
        assert run(monkeypatch, "build", "toy") == 130
        path.write_text(before)
    assert run(monkeypatch, "build", "toy") == 0
