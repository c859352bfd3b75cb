"""Central differences, and gradients compared with them."""

from collections.abc import Callable

import numpy as np
import pytest

from autograder.checking.comparing import Mismatch
from autograder.gradcheck import gradcheck, numerical_gradient, numerical_gradients, relative_error

RNG = np.random.default_rng(1)


def test_relative_error() -> None:
    assert relative_error([3.0, 0.0], [0.0, 4.0]) == pytest.approx(5 / 7)
    assert relative_error(np.zeros(2), np.zeros(2)) == 0
    assert relative_error(np.ones(2), np.ones(2)) == 0
    assert relative_error([1e300], [2e300]) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="one shape"):
        relative_error(np.ones(2), np.ones(3))


def test_numerical_gradient_of_a_cubic() -> None:
    x = RNG.normal(size=(2, 3))
    kept, dout = x.copy(), RNG.normal(size=(2, 3))
    assert relative_error(numerical_gradient(lambda v: v**3, x, dout), 3 * x**2 * dout) < 1e-9
    assert relative_error(numerical_gradient(lambda v: np.sum(v**3), x), 3 * x**2) < 1e-9
    assert np.array_equal(x, kept)


def test_several_arrays_are_differentiated_in_their_places_and_by_their_names() -> None:
    x, w, dout = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=(4, 2))
    dx, dw = numerical_gradients(lambda values: values[0] @ values[1], (x, w), dout)
    assert relative_error(dx, dout @ w.T) < 1e-9
    assert relative_error(dw, x.T @ dout) < 1e-9
    named = numerical_gradients(lambda v: np.sum(v["x"] @ v["w"]), {"w": w, "x": x})
    assert list(named) == ["w", "x"]
    assert relative_error(named["w"], x.T @ np.ones((4, 2))) < 1e-9


def test_whole_numbers_and_single_numbers_are_differentiated() -> None:
    assert numerical_gradient(lambda v: v**2, np.array([1, 2, 3])) == pytest.approx([2, 4, 6])
    assert numerical_gradient(lambda v: v**2, 3.0).shape == ()


def linear(
    x: np.ndarray, w: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    return x @ w + b, (x, w)


def backward(factor: float) -> Callable[..., tuple[np.ndarray, ...]]:
    def linear_backward(
        dout: np.ndarray, cache: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, ...]:
        x, w = cache
        return dout @ w.T, x.T @ dout, factor * dout.sum(axis=0)

    return linear_backward


INPUTS = (RNG.normal(size=(5, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2))
NAMES = ("dx", "dw", "db")


def test_gradcheck_passes_what_is_right() -> None:
    gradcheck(linear, backward(1), INPUTS, NAMES, RNG, axes=("ND", "DM", "M"))


def test_gradcheck_names_the_gradient_and_its_fault() -> None:
    with pytest.raises(
        Mismatch, match="db has the right direction, but is exactly 5 times too small"
    ):
        gradcheck(linear, backward(1 / 5), INPUTS, NAMES, RNG)


def test_gradcheck_takes_a_single_gradient() -> None:
    x = INPUTS[0]
    gradcheck(lambda v: (v**2, v), lambda dout, v: 2 * v * dout, (x,), ("dx",), RNG)
    with pytest.raises(Mismatch, match="none of its 15 entries is right"):
        gradcheck(lambda v: (v**2, v), lambda dout, v: 2 * v, (x,), ("dx",), RNG)
