"""The verdict on a submission: what it wins, what it is told, and what it cannot do to the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.assignment import build, edits
from autograder.assignment.source import Assignment, load
from autograder.judging.judge import Judge, definitions_of
from autograder.judging.rebuild import as_submission, rebuild
from autograder.judging.verdict import ExerciseVerdict, Verdict
from autograder.sandbox import Limits, WarmParent

TOY = Path(__file__).parents[1] / "toy"
SHORT = Limits(cell_cpu=0.3, call_cpu=0.3, attempt_cpu=2, wall_factor=4, idle=0.5)


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    """A judge of the toy, with little patience."""
    toy = load("toy", TOY)
    with WarmParent((), SHORT) as parent:
        yield Judge(toy, {frozenset(): parent})


def judged(judge: Judge, **sources: str) -> Verdict:
    edits = {f"{name}_code": source for name, source in sources.items()}
    return judge.verdict(as_submission(judge.assignment, edits))


def exercise(verdict: Verdict, name: str) -> ExerciseVerdict:
    return next(each for each in verdict.exercises if each.name == name)


SCALE = "def scale(x, factor):\n    {}\n"


def test_the_reference_gets_everything(judge: Judge) -> None:
    verdict = judged(judge)
    assert (verdict.status, verdict.score, verdict.max_score) == ("graded", 5, 5)
    assert verdict.written == ("why",)


def test_the_skeleton_gets_nothing_and_is_unanswered(judge: Judge) -> None:
    blank = {str(cell.name): cell.skeleton for cell in judge.assignment.exercises}
    verdict = judged(judge, **blank)
    assert verdict.score == 0
    assert {each.status for each in verdict.exercises} == {"unanswered"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("while True: pass", "timed_out"),
        ("import time; time.sleep(1000)", "timed_out"),
        ("import os; os._exit(0)", "crashed"),
        ("import ctypes; ctypes.string_at(0)", "crashed"),
        ("import torch; return x", "forbidden"),
        ("raise SystemExit", "failed"),
        ("return 1 / 0", "failed"),
        ("return None", "failed"),
        ("return 'a string'", "failed"),
        ("return type('Same', (), {'__eq__': lambda s, o: True})()", "failed"),
    ],
)
def test_one_broken_function_costs_one_exercise(judge: Judge, body: str, status: str) -> None:
    mean = "def batch_mean(x):\n    return x.sum(axis=0) / len(x)\n"
    verdict = judged(judge, scale=SCALE.format(body), batch_mean=mean)
    assert exercise(verdict, "scale").status == status
    assert exercise(verdict, "scale").score == 0
    assert exercise(verdict, "batch_mean").score == 3


def test_a_cell_that_loops_costs_its_exercise(judge: Judge) -> None:
    verdict = judged(judge, batch_mean="while True: pass")
    assert exercise(verdict, "scale").score == 2
    mean = exercise(verdict, "batch_mean")
    assert mean.score == 0
    assert "did not run" in str(mean.tests[0].diagnosis)


def test_training_below_an_answer_costs_nothing(judge: Judge) -> None:
    mean = "def batch_mean(x):\n    return x.mean(axis=0)\nfor _ in range(10**12): pass\n"
    assert judged(judge, batch_mean=mean).score == 5


def test_only_what_is_defined_is_kept_on_its_line() -> None:
    kept = definitions_of("import a; b()\nC = 1\nD = c()\ndef f():\n    g()\nwhile 1:\n    x\n")
    assert kept == "\nC = 1\n\ndef f():\n    g()\n\n\n"
    assert definitions_of("def f(:") == ""


def test_a_syntax_error_is_told_with_its_exercise(judge: Judge) -> None:
    verdict = judged(judge, scale="def scale(:")
    assert "The cell of scale did not run: SyntaxError" in str(
        exercise(verdict, "scale").tests[0].diagnosis
    )


def test_a_named_mistake_earns_its_hint(judge: Judge) -> None:
    (adds, _) = edits.mistakes(judge.assignment)
    cell = judge.assignment.exercise("scale")
    verdict = judged(judge, scale=adds.apply(cell))
    assert any(adds.hint in str(test.diagnosis) for test in exercise(verdict, "scale").tests)


def test_whoever_builds_on_a_broken_function_is_told_that_first(judge: Judge) -> None:
    verdict = judged(judge, scale=SCALE.format("return x * factor + 1"))
    (test, *_) = exercise(verdict, "batch_mean").tests
    assert str(test.diagnosis).startswith(
        "It builds on scale, which fails tests of its own: start there. On this input"
    )
    assert judge.assignment.foundations == {"scale": [], "batch_mean": ["scale"]}


def test_what_a_broken_function_explains_is_no_mistake_of_those_above(judge: Judge) -> None:
    """5/3 of the mean is what the named mistake of batch_mean gives, but scale gives it here."""
    broken = "return x * factor * len(x) / x.shape[1]"
    (test, *_) = exercise(judged(judge, scale=SCALE.format(broken)), "batch_mean").tests
    (_, divides) = edits.mistakes(judge.assignment)
    assert "It builds on scale" in str(test.diagnosis)
    assert divides.hint not in str(test.diagnosis)
    own = divides.apply(judge.assignment.exercise("batch_mean"))
    (test, *_) = exercise(judged(judge, batch_mean=own), "batch_mean").tests
    assert test.diagnosis == divides.hint


def test_only_what_the_student_s_own_code_calls_is_blamed(judge: Judge) -> None:
    mean = "def batch_mean(x, scale=2.0):\n    return scale * x.mean(axis=0)\n"
    verdict = judged(judge, scale=SCALE.format("return x + factor"), batch_mean=mean)
    (test, *_) = exercise(verdict, "batch_mean").tests
    assert "builds on" not in str(test.diagnosis)


def test_no_diagnosis_shows_an_expected_value(judge: Judge) -> None:
    verdict = judged(judge, scale=SCALE.format("return x * 0.123"))
    assert "1.0" not in str([test.diagnosis for test in exercise(verdict, "scale").tests])


def test_the_whole_submission_has_one_budget(judge: Judge) -> None:
    burn = "import time\nend = time.process_time() + 0.25\nwhile time.process_time() < end: pass\n"
    cells = json.loads(build.solved(judge.assignment))
    extra = {"cell_type": "code", "metadata": {}, "source": burn, "outputs": []}
    cells["cells"] += [extra] * 20
    verdict = judge.submission(json.dumps(cells).encode())
    assert verdict.status == "graded"
    assert verdict.cpu["student"] < 2 * SHORT.attempt_cpu


def test_only_some_exercises(judge: Judge) -> None:
    verdict = judge.verdict(as_submission(judge.assignment), ["scale"])
    assert [each.name for each in verdict.exercises] == ["scale"]


def test_the_same_seed_gives_the_same_inputs(judge: Judge) -> None:
    module = judge.assignment.module("hidden_tests")
    tests = [module.test_scale, module.test_scale_leaves_x, module.test_mean]
    draws = [judge.fixtures(test, None)["rng"].random() for test in tests]
    again = [judge.fixtures(test, None)["rng"].random() for test in tests]
    assert draws == again
    assert len(set(draws)) == 3


@pytest.mark.parametrize("data", [b"", b"{", b'{"cells": []}'])
def test_what_cannot_be_read_is_malformed(judge: Judge, data: bytes) -> None:
    verdict = judge.submission(data)
    assert (verdict.status, verdict.score, verdict.max_score) == ("malformed", 0, 5)
    assert len(verdict.notes) == 1


CHEATS = {
    "displayhook": "import sys\nsys.displayhook(5.0)\nraise SystemExit",
    "always equal": "import numpy as np\nnp.linalg.norm = lambda *a, **k: 0.0",
    "check": "check = progress = lambda *a: None",
    "kit": "import sys, autograder\nautograder.testing.assert_close = lambda *a, **k: None",
    "modules": "import sys\nsys.modules['autograder'] = sys.modules['numpy'] = None",
    "builtins": "import builtins\nbuiltins.abs = lambda x: 0\nbuiltins.isinstance = lambda *a: 1",
}


@pytest.mark.parametrize("cheat", CHEATS.values(), ids=CHEATS)
def test_cheats_win_nothing(judge: Judge, cheat: str) -> None:
    notebook = json.loads(build.solved(judge.assignment))
    blank = {cell.id: cell.skeleton for cell in judge.assignment.exercises}
    for cell in notebook["cells"]:
        cell["source"] = blank.get(cell["id"], cell["source"])
        cell["metadata"]["tags"] = ["skip-execution"]
    extra = {"cell_type": "code", "metadata": {}, "source": cheat, "outputs": []}
    notebook["cells"].insert(0, extra)
    assert judge.submission(json.dumps(notebook).encode()).score == 0


def test_a_solved_notebook_without_metadata_gets_everything(toy: Assignment, judge: Judge) -> None:
    notebook = json.loads(build.solved(toy))
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    data = json.dumps(notebook).encode()
    assert judge.verdict(rebuild(data, judge.assignment)).score == 5
