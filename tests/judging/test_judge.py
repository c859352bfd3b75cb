"""The verdict on a submission: what it wins, what it is told, and what it cannot do to the rest."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.assignment import build, edits
from autograder.assignment.source import Assignment, load
from autograder.judging.judge import Judge, definitions_of
from autograder.judging.rebuild import as_submission, rebuild
from autograder.judging.verdict import ExerciseVerdict, Verdict
from autograder.sandbox import Limits, WarmParent
from autograder.sandbox.discretion import MOST_TOLD, UNTOLD

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


ENDLESS = "class Endless:\n    def __getitem__(self, key):\n        return 1.0\n"
LOOPS = """

@exercise("scale")
def test_rows(student):
    for row in student.scale(np.ones((2, 2)), 2.0):
        assert row is not None


@exercise("scale")
def test_as_many(student):
    for _ in range(int(student.scale(np.ones((2, 2)), 2.0)[0][0])):
        pass
"""


@pytest.mark.parametrize(
    ("source", "patience", "test_cpu", "said"),
    [
        (ENDLESS + SCALE.format("return Endless()"), 3, 60, "not through after 3 s"),
        (ENDLESS + SCALE.format("return Endless()"), 60, 0.5, "more than 0.5 s of CPU time"),
        (SCALE.format("return [[10**15]]"), 60, 0.5, "more than 0.5 s of CPU time"),
    ],
    ids=["asked for ever", "asked much", "not asked"],
)
def test_what_tests_would_never_come_to_the_end_of_times_out(
    toy: Assignment,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    patience: float,
    test_cpu: float,
    said: str,
) -> None:
    """An object has items without end, or a number is one that a test counts to."""
    monkeypatch.setattr("autograder.judging.judge.TEST_CPU", test_cpu)
    with open(toy.folder / "hidden_tests.py", "a") as file:
        file.write(LOOPS)
    limits = Limits(cell_cpu=1, call_cpu=1, attempt_cpu=30, wall_factor=patience / 30, idle=1)
    mean = "def batch_mean(x):\n    return x.mean(axis=0)\n"
    with WarmParent((), limits) as parent:
        began = time.monotonic()
        verdict = judged(Judge(toy, {frozenset(): parent}), scale=source, batch_mean=mean)
    assert time.monotonic() - began < 40
    scale = exercise(verdict, "scale")
    assert scale.status == "timed_out" and said in str(scale.tests[-1].diagnosis)
    assert exercise(verdict, "batch_mean").score == 3


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


def solved(judge: Judge, *own: str, **changed: str) -> dict[str, Any]:
    """A solved notebook with cells of one's own on top."""
    notebook: dict[str, Any] = json.loads(build.solved(judge.assignment))
    for cell in notebook["cells"]:
        cell["source"] = changed.get(cell["id"], cell["source"])
    extra = [{"cell_type": "code", "metadata": {}, "source": it, "outputs": []} for it in own]
    notebook["cells"][:0] = extra
    return notebook


def verdict_on(judge: Judge, notebook: dict[str, Any]) -> Verdict:
    return judge.submission(json.dumps(notebook).encode())


TIMES = "def scale(x, factor):\n    return times(x, factor)"
RIGHT_IN_JUPYTER = {
    "a line that raises above a definition": (
        ["open('/nowhere/data.csv')\ndef times(a, b):\n    return a * b"], TIMES,
    ),
    "display": (["display(3)"], "def scale(x, factor):\n    display(x)\n    return x * factor"),
    "a shell that is not there": (["get_ipython().run_line_magic('autoreload', '2')"], None),
    "floating-point errors that raise": (["import numpy as np\nnp.seterr(all='raise')"],
        "def scale(x, factor):\n    np.exp(np.float64(-1e9)); np.float64(1) / 0\n"
        "    return x * factor"),
    "warnings that are errors": (["import warnings\nwarnings.simplefilter('error')"],
        "import warnings\ndef scale(x, factor):\n    warnings.warn('x')\n    return x * factor"),
    "a magic above a solution": ([], "%%wandb\ndef scale(x, factor):\n    return x * factor"),
}  # fmt: skip


@pytest.mark.parametrize(("own", "scale"), RIGHT_IN_JUPYTER.values(), ids=RIGHT_IN_JUPYTER)
def test_what_is_right_in_jupyter_is_right(judge: Judge, own: list[str], scale: str | None) -> None:
    changed = {"scale_code": scale} if scale else {}
    verdict = verdict_on(judge, solved(judge, *own, **changed))
    assert verdict.score == verdict.max_score, verdict


def test_checks_in_own_cells_leave_no_note(judge: Judge) -> None:
    asks = "from autograder import check, progress\ncheck('scale'); progress()"
    verdict = verdict_on(judge, solved(judge, asks))
    assert verdict.notes == () and verdict.score == 5


def test_a_missing_name_is_traced_to_the_cell_that_stopped(judge: Judge) -> None:
    own = "weight = open('/nowhere/weights').read()"
    answer = "def scale(x, factor):\n    return x * factor * weight"
    verdict = verdict_on(judge, solved(judge, own, scale_code=answer))
    said = exercise(verdict, "scale").tests[0].diagnosis or ""
    assert "name 'weight' is not defined" in said
    assert "weight is set in a cell of yours (own-1) that stopped: FileNotFoundError" in said


def test_newer_syntax_is_told_with_both_versions(judge: Judge) -> None:
    notebook = solved(judge, scale_code="def scale(x, factor):\n    return x *** factor")
    for version, told in (("3.99.1", True), ("3.8.1", False), ("x", False)):
        notebook["metadata"]["language_info"] = {"name": "python", "version": version}
        said = exercise(verdict_on(judge, notebook), "scale").tests[0].diagnosis or ""
        assert ("run with Python 3.99.1, and the grader has 3." in said) is told


def test_a_cell_that_is_no_python_is_noted(judge: Judge) -> None:
    verdict = verdict_on(judge, solved(judge, "%%bash\nls", scale_code="%%html\n<b>x</b>"))
    assert "The cell of scale begins with %%html, and was not run" in " ".join(verdict.notes)
    assert "A cell of yours (own-1) begins with %%bash" in " ".join(verdict.notes)


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


TELLS = """
import string
told = []
def scale(x, factor):
    told.append(x)
    word = "".join(string.ascii_lowercase[(int(abs(v) * 1e6) + len(told)) % 26] for v in x.flat)
    raise ValueError(" ".join([word[:20]] * 9))
def batch_mean(x):
    scale(x, 1.0)
"""


def test_a_submission_tells_no_more_than_its_measure(judge: Judge) -> None:
    answer = {"scale_code": TELLS, "batch_mean_code": "batch_mean = batch_mean"}
    tests = judge.hidden_tests._tests
    try:
        judge.hidden_tests._tests = tests * 40
        verdict = verdict_on(judge, solved(judge, **answer))
    finally:
        judge.hidden_tests._tests = tests
    said = {test.diagnosis or "" for each in verdict.exercises for test in each.tests}
    carried = {text.split("ValueError: ")[-1].split(" (line")[0] for text in said}
    assert sum(map(len, carried - {UNTOLD})) <= MOST_TOLD
    assert UNTOLD in carried


def test_a_crash_does_not_loosen_the_tongue(judge: Judge) -> None:
    """The cells run again after it: what they say by then is held to the same."""
    secret = "raise ValueError(f'seen {1 / 7}')"
    deadly = "def scale(x, factor):\n    import os\n    os._exit(1)"
    verdict = verdict_on(judge, solved(judge, secret, scale_code=deadly))
    assert "seen" in verdict.notes[0] and "0.142857" not in verdict.to_json()


def test_the_sentences_of_stubs_are_told_however_many(judge: Judge) -> None:
    blank = {cell.id: cell.skeleton for cell in judge.assignment.exercises}
    verdict = verdict_on(judge, solved(judge, **blank))
    assert all("Not written yet" in str(t.diagnosis) for e in verdict.exercises for t in e.tests)
