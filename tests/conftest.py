"""What the kit's tests share: a toy assignment, small enough to break in every way."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autograder.assignment.source import Assignment, load

TOY = Path(__file__).parent / "toy"


@pytest.fixture
def toy_root(tmp_path: Path) -> Path:
    """A repository of its own with the toy assignment in it."""
    root = tmp_path / "toy"
    shutil.copytree(TOY, root, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.fixture
def toy(toy_root: Path) -> Assignment:
    """The toy assignment."""
    return load("toy", toy_root)
