"""``pytest reference/mlp/hidden_tests.py``: hidden tests, run on the reference in this process."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from autograder.assignment.source import Assignment, load
from autograder.checking import hints
from autograder.checking.marks import mark_of
from autograder.checking.student import Namespace


@cache
def _assignment(folder: Path) -> Assignment:
    return load(folder.name, folder.parent.parent)


@cache
def _reference(folder: Path, allows: frozenset[str]) -> Namespace:
    return Namespace(_assignment(folder).namespace(allows))


@pytest.fixture
def reference(request: pytest.FixtureRequest) -> Namespace:
    """The reference solution, with what the test's exercise may import."""
    folder, mark = request.path.parent, mark_of(request.function)
    allows = _assignment(folder).exercise(mark.name).allows if mark else frozenset()
    return _reference(folder, allows)


@pytest.fixture
def student(reference: Namespace) -> Namespace:
    """The functions under test: the reference's own."""
    return reference


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """The generator that the judge would give this test in a course with the seed 0."""
    return hints.generator(request.function)
