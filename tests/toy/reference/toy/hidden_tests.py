"""Hidden tests of the toy."""

import numpy as np

from autograder.testing import assert_close, assert_unchanged, exercise


@exercise("scale")
def test_scale(student, rng):
    """scale multiplies every element."""
    x = rng.standard_normal((4, 3))
    assert_close(student.scale(x, 2.5), 2.5 * x, name="product", axes="ND")


@exercise("scale")
def test_scale_leaves_x(student, rng):
    """scale leaves x as it was."""
    x = rng.standard_normal((2, 2))
    assert_unchanged(student, "scale", x, 3.0)
    assert_close(student.scale(x, 3.0), 3 * x, name="product", axes="ND")


@exercise("batch_mean", weight=2)
def test_mean(student, reference, rng):
    """batch_mean averages over the batch."""
    x = rng.standard_normal((5, 3))
    expected = np.array([sum(column) / 5 for column in x.T])
    assert_close(reference.batch_mean(x), expected, name="reference")
    assert_close(student.batch_mean(x), expected, name="mean", axes="D", sizes={"N": 5})


@exercise("batch_mean")
def test_one_row(student):
    """batch_mean of one row is that row."""
    assert_close(student.batch_mean(np.array([[1.0, 2.0]])), np.array([1.0, 2.0]), name="mean")
