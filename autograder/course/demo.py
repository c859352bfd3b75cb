"""A class to try the grader on: right, wrong, blank, late, crashing and cheating submissions.

It is made from an assignment's own reference, mistakes and alternatives: every assignment has one.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from autograder.assignment import build, edits
from autograder.assignment.regions import REGION
from autograder.assignment.source import Assignment, load
from autograder.course.folder import Course
from autograder.files import write_atomically

Notebook = dict[str, Any]
DUE = datetime(2026, 3, 2, 22, 59, tzinfo=UTC)
SEED = 20260302
MISTAKES_SHOWN = 10


def create(folder: Path, root: Path, name: str) -> Course:
    """Make a course under ``folder`` with a class that handed in one assignment.

    Parameters
    ----------
    folder : Path
        Where the course goes; a demo course that stands there already is made anew.
    root : Path
        The repository.
    name : str
        The assignment.
    """
    assignment = load(name, root)
    solved = json.loads(build.solved(assignment))
    handed_in = list(_class(assignment, solved))  # or nothing is touched
    if (folder / ".demo").exists():
        shutil.rmtree(folder)
    course = Course.create(folder, root, seed=SEED)
    write_atomically(folder / ".demo", b"made by `autograder demo`, which may delete this folder\n")
    settings = f"\n[assignments.{name}]\ndue = {DUE.isoformat()}\nlate = {{ per_day = 0.1 }}\n"
    with open(folder / "course.toml", "a", encoding="utf-8") as file:
        file.write(settings)
    for student, notebook, late in handed_in:
        home = course.submitted / student / name
        data = notebook if isinstance(notebook, bytes) else json.dumps(notebook, indent=1).encode()
        write_atomically(home / f"{name}.ipynb", data)
        when = DUE + late
        write_atomically(home / "timestamp.txt", f"{when:%Y-%m-%d %H:%M:%S} UTC".encode())
    return Course.open(folder, root)


def _class(
    assignment: Assignment, solved: Notebook
) -> Iterator[tuple[str, Notebook | bytes, timedelta]]:
    """Yield (student, notebook, how late) for the whole class."""
    on_time = timedelta(days=-1)
    blank = _with(solved, {cell.id: cell.skeleton for cell in assignment.layout})
    for student in ("ada", "blaise", "carl"):
        yield f"{student}_perfect", solved, on_time
    yield "dora_blank", blank, on_time
    yield "emil_half", _half(assignment, solved), on_time
    yield "fay_late", solved, timedelta(days=2)
    for number, mistake in enumerate(_spread(edits.mistakes(assignment))):
        cell = assignment.exercise(mistake.exercise)
        wrong = _with(solved, {cell.id: mistake.apply(cell)})
        yield f"m{number:02}_{mistake.exercise}", wrong, on_time
    yield "gus_otherwise", _otherwise(assignment, solved), on_time
    first, middle = assignment.exercises[0], assignment.exercises[len(assignment.exercises) // 2]
    for student, cell, body in (
        ("hal_loops", middle, "while True: pass"),
        ("ida_crashes", first, "import os; os._exit(1)"),
        ("jan_eats_memory", middle, "return bytearray(1 << 60)"),
    ):
        yield student, _with(solved, {cell.id: _all_regions(cell.source, body)}), on_time
    yield "kay_no_metadata", _stripped(solved), on_time
    yield "leo_helpers", _with_helpers(solved), on_time
    yield "mia_syntax", _with(solved, {first.id: f"def {min(first.defines)}(:"}), on_time
    yield "ned_not_json", b'{"cells": [', on_time
    for student, cheat in CHEATS.items():
        yield student, cheat(copy.deepcopy(blank)), on_time


def _spread(mistakes: list[Any]) -> list[Any]:
    """Choose mistakes from all over the assignment."""
    step = max(1, len(mistakes) // MISTAKES_SHOWN)
    return mistakes[::step][:MISTAKES_SHOWN]


def _with(notebook: Notebook, sources: dict[str, str]) -> Notebook:
    """Copy a notebook with the sources of some cells replaced."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        cell["source"] = sources.get(cell["id"], cell["source"])
    return notebook


def _half(assignment: Assignment, solved: Notebook) -> Notebook:
    undone = assignment.exercises[len(assignment.exercises) // 2 :]
    return _with(solved, {cell.id: cell.skeleton for cell in undone})


def _otherwise(assignment: Assignment, solved: Notebook) -> Notebook:
    """Solve every exercise that has an alternative in that other way."""
    others = {edit.exercise: edit for edit in edits.alternatives(assignment)}
    cells = (assignment.exercise(name) for name in others)
    return _with(solved, {cell.id: others[str(cell.name)].apply(cell) for cell in cells})


def _all_regions(source: str, body: str) -> str:
    return REGION.sub(lambda region: region["indent"] + body, source)


def _stripped(notebook: Notebook) -> Notebook:
    """Take away all metadata and ids, as some editors and hosts do."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    return {**notebook, "metadata": {}, "nbformat_minor": 4}


def _with_helpers(notebook: Notebook) -> Notebook:
    cells = [
        part for cell in notebook["cells"] for part in (cell, _code("scratch = 1 + 1\nscratch"))
    ]
    return {**notebook, "cells": cells}


def _code(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def _skips_the_tests(blank: Notebook) -> Notebook:
    for cell in blank["cells"]:
        cell["metadata"]["tags"] = ["skip-execution"]
    return blank


def _prefixed(source: str) -> Callable[[Notebook], Notebook]:
    def cheat(blank: Notebook) -> Notebook:
        blank["cells"].insert(1, _code(source))
        return blank

    return cheat


#: Each gets full marks, or tries to, where tests run in the student's own interpreter.
CHEATS: dict[str, Callable[[Notebook], Notebook]] = {
    "pia_skips_tests": _skips_the_tests,
    "quin_displayhook": _prefixed("import sys\nsys.displayhook(2.0)\nraise SystemExit"),
    "rex_redefines_check": _prefixed("check = progress = lambda *args: None"),
    "sid_patches_numpy": _prefixed(
        "import numpy as np\nnp.allclose = np.array_equal = lambda *args, **kwargs: True\n"
        "class Same(float):\n    __eq__ = lambda self, other: True\n"
    ),
}
