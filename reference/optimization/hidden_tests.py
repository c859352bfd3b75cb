"""Hidden tests of `optimization`: definitions written naively, torch.optim and scikit-learn."""

import numpy as np

from autograder.testing import Expression, assert_close, assert_unchanged, exercise

EXACT = 1e-12
COST = 0.25  # CPU seconds in which a loop over half a million elements does not end
MANY = 500_000


# Gradient descent


@exercise("gradient_descent")
def test_descent_toy(student):
    """On half a square, a learning rate of ½ halves the distance at each step."""
    path = student.gradient_descent(
        Expression("lambda p: p"), np.array([8.0, -4.0]), learning_rate=0.5, steps=3
    )
    expected = np.array([[8.0, -4.0], [4.0, -2.0], [2.0, -1.0], [1.0, -0.5]])
    assert_close(path, expected, name="path", rtol=EXACT)


@exercise("gradient_descent", weight=2)
def test_descent_of_any_function(student, rng):
    """Gradient descent follows the gradient of whatever function it is given."""
    slope = Expression("lambda p: np.sin(p) + 0.1 * p.sum()")
    for d, steps, rate in (1, 5, 0.3), (4, 9, 0.05), (3, 3, 1.1):
        point = rng.standard_normal(d)
        expected = [list(point)]
        for _ in range(steps):
            p = expected[-1]
            expected.append([v - rate * (np.sin(v) + 0.1 * sum(p)) for v in p])
        start = np.array(expected[0])
        path = student.gradient_descent(slope, start, learning_rate=rate, steps=steps)
        assert_close(path, np.array(expected), name="path", rtol=EXACT)


@exercise("gradient_descent", weight=0.5)
def test_descent_without_a_step(student, rng):
    """Without a step, the path is the start alone."""
    start = rng.standard_normal(3)
    path = student.gradient_descent(
        Expression("lambda p: p"), start, learning_rate=0.5, steps=0
    )
    assert_close(path, start[None], name="path")


@exercise("gradient_descent", weight=0.5)
def test_descent_leaves_the_start_alone(student, rng):
    """The walk gives its path and leaves the start where it was."""
    start = rng.standard_normal(3)
    slope = Expression("lambda p: p")
    path = student.gradient_descent(slope, start, learning_rate=0.5, steps=2)
    assert_close(path[-1], start / 4, name="the last point")
    handle = student.put(start)
    student.gradient_descent(slope, handle, learning_rate=0.5, steps=2)
    assert np.array_equal(student.get(handle), start), (
        "gradient_descent changes start in place: work on a copy, or make a new array."
    )


# Optimisers


@exercise("sgd")
def test_sgd_toy(student):
    """SGD moves each element by −η times its gradient."""
    param, _ = student.sgd(np.array([1.0, 2.0]), np.array([10.0, -5.0]), {}, learning_rate=0.1)
    assert_close(param, np.array([0.0, 2.5]), name="param", rtol=EXACT)


@exercise("sgd")
def test_sgd_state(student, rng):
    """SGD remembers nothing, and leaves its arguments as they were."""
    param, grad = rng.standard_normal((2, 3, 4))
    after, state = student.sgd(param, grad, {}, learning_rate=0.2)
    assert state == {}, "The state of SGD should be an empty dictionary."
    assert_close(after, param - grad / 5, name="param")
    assert_unchanged(student, "sgd", param, grad, {}, learning_rate=0.2)
