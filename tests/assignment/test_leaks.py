"""Whatever gives a solution away in what students get is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autograder.assignment import leaks, source
from autograder.assignment.source import Assignment


@pytest.fixture
def released(toy: Assignment, tmp_path: Path) -> Path:
    """A released toy in which nothing leaks."""
    folder = tmp_path / "released"
    folder.mkdir()
    cells = [
        {"id": c.id, "cell_type": "code", "source": c.skeleton, "outputs": []} for c in toy.layout
    ]
    (folder / "toy.ipynb").write_text(json.dumps({"cells": cells}))
    for name in ("checks.py", "hints.json", "README.md", "pytest.ini"):
        (folder / name).write_text("")
    return folder


def test_nothing_leaks_from_a_skeleton(toy: Assignment, released: Path) -> None:
    assert leaks.find(toy, released) == []


@pytest.mark.parametrize("place", ["checks.py", "hints.json", "README.md"])
def test_a_statement_of_a_solution_is_found(toy: Assignment, released: Path, place: str) -> None:
    (released / place).write_text("# as in\n    product  =  x*factor\n")
    (leak,) = leaks.find(toy, released)
    assert leak.startswith(f"{place} shows a line of the solution of scale")


def test_a_solved_cell_is_found(toy: Assignment, released: Path) -> None:
    path = released / "toy.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][2]["source"] = toy.exercise("scale").source
    path.write_text(json.dumps(notebook))
    assert any("scale_code" in leak for leak in leaks.find(toy, released))


def test_an_output_is_found(toy: Assignment, released: Path) -> None:
    path = released / "toy.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][2]["outputs"] = [{"text": "0.5"}]
    path.write_text(json.dumps(notebook))
    assert any("holds outputs" in leak for leak in leaks.find(toy, released))


@pytest.mark.parametrize("name", ["hidden_tests.py", "solution.pyc", "deep/mistakes.py"])
def test_a_file_that_does_not_belong_is_found(toy: Assignment, released: Path, name: str) -> None:
    (released / name).parent.mkdir(exist_ok=True)
    (released / name).write_text("")
    assert leaks.find(toy, released) == [f"{name} does not belong in what students get."]


def test_a_hidden_test_is_found(toy: Assignment, released: Path) -> None:
    (released / "checks.py").write_text((toy.folder / "hidden_tests.py").read_text())
    found = leaks.find(toy, released)
    assert any("hidden test test_mean" in leak for leak in found)


def test_what_is_provided_anyway_is_no_leak(toy: Assignment, released: Path) -> None:
    text = (toy.folder / "notebook.py").read_text()
    text = text.replace("NUMBERS = {}", "NUMBERS = {}\nx, factor = 1, 2\nproduct = x * factor")

    provided = Assignment("toy", toy.folder, source.parse(text, "toy"))
    (released / "README.md").write_text("product = x * factor")
    assert leaks.find(provided, released) == []
