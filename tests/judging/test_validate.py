"""The proof fails for each thing that it is there to find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autograder.assignment import build
from autograder.assignment.source import load
from autograder.judging.pool import Pool
from autograder.judging.validate import LIMITS, Finding, Validation, ValidationError, run_notebook


@pytest.fixture
def proof(toy_root: Path) -> Iterator[Callable[[], Validation]]:
    """Makes the proof of the toy as it stands when asked."""
    build.build(["toy"], toy_root)
    with Pool(toy_root, ["toy"], 2, LIMITS) as pool:
        yield lambda: Validation(load("toy", toy_root), toy_root, pool)


def edit(root: Path, name: str, find: str, replace: str) -> None:
    path = root / "reference" / "toy" / name
    text = path.read_text()
    assert text.count(find) == 1, find
    path.write_text(text.replace(find, replace))


def test_the_toy_is_sound_but_for_its_stale_equivalent(
    proof: Callable[[], Validation], toy_root: Path
) -> None:
    findings = {finding.check: finding for finding in proof().run()}
    assert [f.check for f in findings.values() if not f.passed] == ["mechanical mutants"]
    assert findings["reference"].measured == "5 of 5"
    assert findings["mistakes"].measured.startswith("2 of 2 dead; 2 also by the visible checks")
    assert findings["solved notebook"].measured == "mean 1"
    assert "EQUIVALENT lists" in findings["mechanical mutants"].details[-1]


Question = Callable[[Validation], Finding]
FAULTS: dict[str, tuple[str, str, str, Question, str]] = {
    "drift": (
        "notebook.py", "A toy assignment", "Another title", Validation.generated, "toy.ipynb",
    ),
    "a mistake that lives": (
        "mistakes.py", '"x + factor"', '"factor * x"', Validation.mistakes, "full marks",
    ),
    "a mistake that never ends": (
        "mistakes.py", '"x + factor"', '"next(x for _ in iter(int, 1) if 0)"',
        Validation.mistakes, "never ends",
    ),
    "an exercise without a mistake": (
        "mistakes.py", "BATCH_MEAN = Mistakes", "Mistakes", Validation.mistakes,
        "batch_mean has no mistake",
    ),
    "an alternative that dies": (
        "alternatives.py", "x.mean(axis=0)", "x.mean(axis=1)", Validation.alternatives, "test_mean",
    ),
    "a reference that is wrong": (
        "notebook.py", "x * factor", "x * factor + 1", Validation.reference, "test_scale",
    ),
    "a number that falls short": (
        "numbers.toml", "at_least = 1.0", "at_least = 2.0", Validation.numbers, "below 2",
    ),
    "a test that nothing passes": (
        "hidden_tests.py",
        'assert_close(student.batch_mean(x), expected, name="mean", axes="D", sizes={"N": 5})',
        "assert all(np.isclose(expected, value).any() for value in student.batch_mean(x))",
        Validation.vacuous,
        "batch_mean wins 67% with answers of the right kind, with nothing in them, by test_mean",
    ),
    "a stub with points": (
        "hidden_tests.py", "    assert_close(student.batch_mean(np.array([[1.0, 2.0]]))",
        "    return\n    assert_close(student.batch_mean(np.array([[1.0, 2.0]]))",
        Validation.skeleton, "is partial on the skeleton",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "find", "replace", "question", "says"),
    FAULTS.values(),
    ids=FAULTS,
)
def test_a_fault_is_found(
    proof: Callable[[], Validation],
    toy_root: Path,
    name: str,
    find: str,
    replace: str,
    question: Question,
    says: str,
) -> None:
    edit(toy_root, name, find, replace)
    finding = question(proof())
    assert not finding.passed
    assert says in " ".join(finding.details)


def test_a_mutant_that_lives_is_named(proof: Callable[[], Validation], toy_root: Path) -> None:
    edit(toy_root, "hidden_tests.py", "scale(x, 2.5), 2.5 * x", "scale(x, 1.0), x")
    edit(toy_root, "hidden_tests.py", "scale(x, 3.0), 3 * x", "scale(x, 1.0), x")
    finding = proof().mutants()
    assert not finding.passed
    assert "alive: scale: x * factor → x / factor" in finding.details


def test_a_broken_suite_stops_the_proof(proof: Callable[[], Validation], toy_root: Path) -> None:
    edit(toy_root, "hidden_tests.py", "x = rng.standard_normal((5, 3))", "x = undefined")
    with pytest.raises(ValidationError, match="cannot be judged"):
        proof().reference()


def test_a_notebook_that_stops_says_where(toy_root: Path) -> None:
    edit(toy_root, "notebook.py", 'NUMBERS["mean"] = ', 'NUMBERS["mean"] = 1 / 0 + ')
    build.build(["toy"], toy_root)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        run_notebook(toy_root / "build/solved/toy.ipynb", toy_root / "assignments/toy")


def test_what_a_notebook_writes_is_not_left_in_the_assignment(toy_root: Path) -> None:
    edit(
        toy_root,
        "notebook.py",
        'NUMBERS["mean"] = ',
        'open("left", "w").close()\nNUMBERS["mean"] = ',
    )
    build.build(["toy"], toy_root)
    folder = toy_root / "assignments/toy"
    before = sorted(folder.iterdir())
    assert run_notebook(toy_root / "build/solved/toy.ipynb", folder)
    assert sorted(folder.iterdir()) == before
