"""Visible tests of the toy."""

import numpy as np

from autograder.testing import assert_close, exercise


@exercise("scale")
def test_scale(student):
    """scale multiplies every element."""
    x = np.array([[1.25, -2.5], [0.5, 3.125]])
    assert_close(student.scale(x, 2.0), np.array([[2.5, -5.0], [1.0, 6.25]]), name="product")


@exercise("batch_mean")
def test_mean(student):
    """batch_mean averages over the batch."""
    x = np.array([[1.2, -2.3], [0.4, 3.1], [7.7, 5.3]])
    assert_close(student.batch_mean(x), np.array([3.1, 6.1 / 3]), name="mean", axes="D")
