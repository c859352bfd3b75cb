"""Every mechanical operator has its mutants."""

from __future__ import annotations

import pytest

from autograder.assignment.mutants import mutants
from autograder.assignment.source import Assignment, Cell

SOURCE = '''
def f(x, w):
    """A docstring + that is no site."""
    y = -x + 1
    ### BEGIN SOLUTION
    y = -x @ w.T + 2
    y += np.sum(x, axis=0) if x.max() > 0 else True
    return x, y
    ### END SOLUTION
'''


def found() -> set[tuple[str, str, str]]:
    cell = Cell("f_code", "solution", "f", SOURCE)
    return {(m.operator, m.before, m.after) for m in mutants(cell)}


@pytest.mark.parametrize(
    "mutant",
    [
        ("arithmetic", "-x @ w.T + 2", "-x @ w.T - 2"),
        ("arithmetic", "-x @ w.T", "-x * w.T"),
        ("minus", "-x", "x"),
        ("transpose", "w.T", "w"),
        ("constant", "2", "3"),
        ("constant", "2", "1"),
        ("boolean", "True", "False"),
        ("comparison", "x.max() > 0", "x.max() >= 0"),
        ("reduction", "np.sum", "np.mean"),
        ("reduction", "x.max", "x.min"),
        ("rotation", "return (x, y)", "return (y, x)"),
        ("deletion", "return (x, y)", "pass"),
    ],
)
def test_operator_has_its_mutant(mutant: tuple[str, str, str]) -> None:
    assert mutant in found()


def test_augmented_assignment_swaps_its_operator() -> None:
    assert any(op == "augmented" and "y -=" in after for op, _, after in found())


def test_nothing_outside_the_regions_is_touched() -> None:
    assert not any(before == "-x + 1" for _, before, _ in found())


def test_each_mutant_changes_one_thing_and_parses(toy: Assignment) -> None:
    cell = toy.exercise("batch_mean")
    sources = [mutant.source for mutant in mutants(cell)]
    assert len(sources) == len(set(sources)) > 5
    for source in sources:
        compile(source, "mutant", "exec")
