"""Checks of `optimization` on fixed numbers: what `check("…")` runs. The grader tests more."""

import numpy as np

from autograder.testing import Expression, assert_close, assert_unchanged, exercise

START = np.array([1.5, -0.8])
PARAM = np.array([[0.42, -1.31, 0.77], [2.05, -0.16, -0.93]])
GRADS = [
    np.array([[0.85, -0.34, 0.0], [-1.72, 0.06, 2.4]]),
    np.array([[-0.51, 0.93, 0.27], [-0.64, 1.18, -3.1]]),
    np.array([[0.12, -1.45, -0.68], [0.39, -0.02, 0.75]]),
]
BOWL = Expression("lambda point: np.array([4.0, 0.5]) * point")


# Gradient descent


@exercise("gradient_descent")
def test_descent_path(student):
    """Each point of the walk lies η times the gradient below the one before."""
    path = student.gradient_descent(BOWL, START, learning_rate=0.1, steps=3)
    expected = np.array([[1.5 * 0.6**t, -0.8 * 0.95**t] for t in range(4)])
    assert_close(path, expected, name="path")


@exercise("gradient_descent")
def test_descent_without_a_step(student):
    """Without a step, the path is the start alone."""
    path = student.gradient_descent(BOWL, START, learning_rate=0.1, steps=0)
    assert_close(path, START[None], name="path")


# Optimisers


@exercise("sgd")
def test_sgd_step(student):
    """SGD moves the parameter by −η times the gradient."""
    param, _ = student.sgd(PARAM, GRADS[0], {}, learning_rate=0.3)
    rows = zip(PARAM.ravel(), GRADS[0].ravel(), strict=True)
    expected = np.array([p - g * 3 / 10 for p, g in rows]).reshape(PARAM.shape)
    assert_close(param, expected, name="param")


@exercise("sgd")
def test_sgd_state(student):
    """SGD remembers nothing, and leaves its arguments as they were."""
    _, state = student.sgd(PARAM, GRADS[0], {}, learning_rate=0.3)
    assert state == {}, "The state of SGD should be an empty dictionary."
    assert_unchanged(student, "sgd", PARAM, GRADS[0], {}, learning_rate=0.3)
