"""Hidden tests are plain functions, and a broken one is never the student's fault."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autograder.checking.marks import mark_of
from autograder.checking.running import BrokenTest
from autograder.judging.hidden_tests import HiddenTests
from autograder.sandbox import ParentGone

FIXTURES = {"student": 1, "reference": 2, "rng": 3}


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("tests_of_a_toy", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(path: Path, only: list[str] | None = None) -> list[tuple[str, list[str]]]:
    seen: list[tuple[str, list[str]]] = []

    def runner(test: Any, arguments: dict[str, Any]) -> None:
        seen.append((test.__name__, sorted(arguments)))
        test(**arguments)

    HiddenTests(load(path)).run(lambda test: FIXTURES, runner, only)
    return seen


@pytest.fixture
def tests_file(tmp_path: Path) -> Path:
    """A file of hidden tests."""
    path = tmp_path / "hidden_tests.py"
    path.write_text(
        "import pytest\nfrom autograder.testing import exercise\n\n"
        "def seven():\n    return 7\n\n"
        "@exercise('a')\ndef test_one(student, rng):\n    assert student == 1 and rng == 3\n\n"
        "@exercise('b')\ndef test_two(reference):\n    assert (seven(), reference) == (7, 2)\n"
    )
    return path


def test_tests_get_their_fixtures_in_order(tests_file: Path) -> None:
    assert run(tests_file) == [("test_one", ["rng", "student"]), ("test_two", ["reference"])]


def test_only_some_exercises(tests_file: Path) -> None:
    assert [name for name, _ in run(tests_file, ["b"])] == ["test_two"]
    assert HiddenTests(load(tests_file)).exercises == ["a", "b"]


def test_running_twice_gives_the_same(tests_file: Path) -> None:
    assert run(tests_file) == run(tests_file)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("\ndef test_three(): pass\n", "test_three has no @exercise"),
        ("\n@exercise('a')\ndef test_three(): 1 / 0\n", "test_three itself .*ZeroDivisionError"),
        ("\n@exercise('a')\ndef test_three(nothing): pass\n", "'nothing'; .* can ask for student"),
        (
            "\n@pytest.mark.skip\n@exercise('a')\ndef test_three(rng): pass\n",
            "mark 'skip'; a hidden test always runs",
        ),
        (
            "\n@pytest.mark.parametrize('x', [1])\n@exercise('a')\ndef test_three(rng): pass\n",
            "mark 'parametrize'",
        ),
    ],
)
def test_a_broken_test_is_reported(tests_file: Path, more: str, says: str) -> None:
    tests_file.write_text(tests_file.read_text() + more)
    with pytest.raises(BrokenTest, match=f"(?s){says}"):
        run(tests_file)


def test_one_collection_serves_many_runs(tests_file: Path) -> None:
    collected = HiddenTests(load(tests_file))
    seen: list[str] = []

    def note(test: Callable[..., None], arguments: dict[str, Any]) -> None:
        mark = mark_of(test)
        assert mark
        seen.append(mark.name)

    for only in (None, ["b"], None):
        collected.run(lambda test: FIXTURES, note, only)
    assert seen == ["a", "b", "b", "a", "b"]


def test_what_a_test_prints_is_not_shown(
    tests_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loud = tests_file.read_text().replace("assert student", "print('loud')\n    assert student")
    tests_file.write_text(loud)
    assert [name for name, _ in run(tests_file, ["a"])] == ["test_one"]
    assert capsys.readouterr().out == ""


def test_an_interrupt_gives_no_verdict(tests_file: Path) -> None:
    def interrupted(test: Any, arguments: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        HiddenTests(load(tests_file)).run(lambda test: FIXTURES, interrupted)


def test_a_dead_warm_parent_is_no_fault_of_a_test(tests_file: Path) -> None:
    def runner(test: Any, arguments: dict[str, Any]) -> None:
        raise ParentGone

    with pytest.raises(ParentGone):
        HiddenTests(load(tests_file)).run(lambda test: FIXTURES, runner, ["a"])
