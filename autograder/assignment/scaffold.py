"""A new assignment to start from: one exercise, with everything that its proof asks for."""

from __future__ import annotations

import re
from pathlib import Path

from autograder.assignment.source import AssignmentError

NOTEBOOK = '''\
# %% [markdown]
# # $title
#
# What this assignment is about, in a few sentences: what students will have built at its end.

# %% provided=true
import numpy as np

from autograder import check, progress

NUMBERS = {}  # what the experiments measure, by name: numbers.toml says what they must reach

# %% [markdown]
# ## The mean over a batch
#
# A batch of $$N$$ samples with $$D$$ features is an array of shape $$(N, D)$$, one sample a row.
# Derive here what the next cell asks for, and stop one step short of it.

# %% exercise="batch_mean" points=10
def batch_mean(x):
    """Average a batch over its samples.

    m_d = (1/N) Σ_n x_nd

    Parameters
    ----------
    x : ndarray (N, D)

    Returns
    -------
    mean : ndarray (D,)
    """
    ### BEGIN SOLUTION  the sum over the rows, divided by how many there are
    return x.sum(axis=0) / len(x)
    ### END SOLUTION

# %% [markdown] written="why" points=4
# **Why** is the mean of a batch a better thing to look at than its sum?
#
# ### BEGIN SOLUTION
# Its size does not depend on N, so batches of different sizes can be compared. (4 points)
# ### END SOLUTION

# %% experiment="means"
draws = np.random.default_rng(0).standard_normal((1000, 3))
NUMBERS["largest_mean"] = float(np.abs(batch_mean(draws)).max())
'''
CHECKS = '''\
"""The visible tests, on fixed inputs: students run them with check("batch_mean")."""

import numpy as np

from autograder.testing import assert_close, exercise


@exercise("batch_mean")
def test_a_small_batch(student):
    """batch_mean averages over the rows."""
    x = np.array([[1.0, -2.0, 4.0], [3.0, 5.0, -7.0]])
    assert_close(student.batch_mean(x), np.array([2.0, 1.5, -1.5]), name="mean", axes="D")
'''
HIDDEN_TESTS = '''\
"""The tests that decide the points."""

import numpy as np

from autograder.testing import assert_close, assert_unchanged, exercise


@exercise("batch_mean", weight=2)
def test_random_batch(student, rng):
    """batch_mean averages over the batch."""
    x = rng.standard_normal((5, 3))
    expected = np.array([sum(column) / len(column) for column in x.T])
    assert_close(student.batch_mean(x), expected, name="mean", axes="D", sizes={"N": 5})


@exercise("batch_mean")
def test_one_sample(student, rng):
    """batch_mean of one sample is that sample."""
    x = rng.standard_normal((1, 4))
    assert_close(student.batch_mean(x), x[0], name="mean", axes="D")


@exercise("batch_mean")
def test_inputs_stay(student, rng):
    """batch_mean averages, and leaves x as it was."""
    x = rng.standard_normal((3, 2))
    assert_close(student.batch_mean(x), sum(x) / 3, name="mean", axes="D")
    assert_unchanged(student, "batch_mean", x)
'''
MISTAKES = '''\
"""Wrong solutions that students really write: (name, find, replace, hint)."""

from autograder.assignment.edits import Mistakes

BATCH_MEAN = Mistakes("batch_mean",
    ("divided by the columns", "/ len(x)", "/ x.shape[1]",
     "You divide by the number of columns, D; a batch is counted by its rows, N."),
    ("sum", " / len(x)", "", "This is the sum over the batch; it is not divided by N yet."),
    ("over the features", "sum(axis=0) / len(x)", "mean(axis=1)",
     "The mean runs over the features of each sample; it should run over the samples."),
)
'''
ALTERNATIVES = '''\
"""Right solutions, written differently: (name, find, replace)."""

from autograder.assignment.edits import Alternatives

BATCH_MEAN = Alternatives("batch_mean",
    ("numpy's mean", "x.sum(axis=0) / len(x)", "x.mean(axis=0)"),
    ("a product", "x.sum(axis=0) / len(x)", "np.full(len(x), 1 / len(x)) @ x"),
)
'''
NUMBERS = """\
# What the experiments of the solved notebook must reach.
[largest_mean]
at_most = 0.2
"""
FILES = {
    "notebook.py": NOTEBOOK,
    "checks.py": CHECKS,
    "hidden_tests.py": HIDDEN_TESTS,
    "mistakes.py": MISTAKES,
    "alternatives.py": ALTERNATIVES,
    "numbers.toml": NUMBERS,
}


def create(name: str, root: Path) -> Path:
    """Write ``reference/<name>``, which `autograder validate` passes as it is.

    Raises
    ------
    AssignmentError
        If the name cannot be one, or is taken.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name):
        raise AssignmentError(
            f"{name!r} cannot be an assignment's name; use lower-case letters, digits and _."
        )
    folder = root / "reference" / name
    if folder.exists():
        raise AssignmentError(f"{folder} is there already; choose another name.")
    title = name.replace("_", " ").capitalize()
    folder.mkdir(parents=True)
    for file, text in FILES.items():
        filled = text.replace("$title", title).replace("$$", "$")
        (folder / file).write_text(filled, encoding="utf-8")
    return folder
