"""Edits find their place; tables say what is wrong with a row, and none is overlooked."""

from __future__ import annotations

from typing import Any

import pytest

from autograder.assignment import edits
from autograder.assignment.edits import BODY, CELL, Alternatives, Mistakes
from autograder.assignment.source import Assignment, AssignmentError, Cell

TWO_REGIONS = """
def f(x):
    ### BEGIN SOLUTION
    return x
    ### END SOLUTION
def g(x):
    ### BEGIN SOLUTION
    return x
    ### END SOLUTION
"""


def test_an_edit_wants_its_place_once(toy: Assignment) -> None:
    cell = toy.exercise("scale")
    absent, twice = Mistakes("scale", ("m", "absent", "y", "hint"), ("n", "x", "y", "hint"))
    with pytest.raises(AssignmentError, match="scale/m: 'absent' occurs 0 times"):
        absent.apply(cell)
    with pytest.raises(AssignmentError, match=r"occurs \d+ times"):
        twice.apply(cell)


def test_further_pairs_are_replaced_one_after_the_other(toy: Assignment) -> None:
    (edit,) = Mistakes("scale", ("m", "x * factor", "x", "hint", ("product = x", "product = 0")))
    assert "product = 0" in edit.apply(toy.exercise("scale"))


def test_a_body_or_a_cell_is_replaced_whole(toy: Assignment) -> None:
    cell = toy.exercise("scale")
    body, whole = Alternatives("scale", ("b", BODY, "    pass"), ("c", CELL, "scale = None"))
    assert "END SOLUTION" in body.apply(cell) and "product" not in body.apply(cell)
    assert body.apply(cell).count("    pass\n") == 1
    assert whole.apply(cell) == "scale = None"


def test_there_must_be_one_body() -> None:
    (edit,) = Alternatives("f", ("b", BODY, "    pass"))
    with pytest.raises(AssignmentError, match="f has 2 regions"):
        edit.apply(Cell("f_code", "solution", "f", TWO_REGIONS))


@pytest.mark.parametrize(
    "row",
    [
        ("name", "find", "replace"),
        ("name", "find", "replace", 3),
        ("name", None, "replace", "hint"),
        ("name", "find", "replace", "hint", "further"),
        ("name", "find", "replace", "hint", ("only one",)),
        ("name", ("find", "replace"), "hint"),
    ],
)
def test_a_row_that_is_none_is_named(row: tuple[Any, ...]) -> None:
    with pytest.raises(AssignmentError, match=r"scale: the row .* is not one of"):
        Mistakes("scale", row)


def test_every_table_of_a_module_counts(toy: Assignment) -> None:
    path = toy.folder / "mistakes.py"
    path.write_text(path.read_text() + '\nMORE = Mistakes("scale", ("n", "x", "y", "hint"))\n')
    found = [(mistake.exercise, mistake.name) for mistake in edits.mistakes(toy)]
    assert found == [("scale", "adds"), ("batch_mean", "wrong axis size"), ("scale", "n")]
    assert [edit.name for edit in edits.alternatives(toy)] == ["numpy's mean"]
