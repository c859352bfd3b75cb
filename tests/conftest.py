"""What the kit's tests share: a toy assignment, small enough to break in every way."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autograder.assignment.source import Assignment, load

TOY = Path(__file__).parent / "toy"
SEQUEL = {
    "notebook": """\
# %% [markdown]
# # What comes after

# %% provided=true
import numpy as np

from autograder import check, progress

# %% provided="toy/scale"

# %% exercise="double" points=1
def double(x):
    \"\"\"Twice x (N, D).\"\"\"
    ### BEGIN SOLUTION  scale by two
    return scale(x, 2)
    ### END SOLUTION
""",
    "checks": """\
import numpy as np

from autograder.testing import assert_close, exercise


@exercise("double")
def test_double(student):
    \"\"\"double gives twice as much.\"\"\"
    assert_close(student.double(np.array([[1.5]])), np.array([[3.0]]), name="out", axes="ND")
""",
    "mistakes": """\
from autograder.assignment.edits import Mistakes

DOUBLE = Mistakes("double", ("threefold", "scale(x, 2)", "scale(x, 3)", "This is three times x."))
""",
    "alternatives": "",
    "hidden_tests": "",
}


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


@pytest.fixture
def sequel(toy_root: Path) -> Assignment:
    """An assignment that comes after the toy and provides an exercise of it."""
    folder = toy_root / "reference" / "zequel"
    folder.mkdir()
    for stem, text in SEQUEL.items():
        (folder / f"{stem}.py").write_text(text)
    return load("zequel", toy_root)
