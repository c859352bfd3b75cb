"""Gradients checked against finite differences."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checking.comparing import assert_close


def relative_error(a: Any, b: Any) -> float:
    """Return ‖a − b‖ / (‖a‖ + ‖b‖), with Euclidean norms over the whole arrays; 0 if both are zero.

    Parameters
    ----------
    a, b : array_like
        Arrays of one shape.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(
            f"relative_error needs two arrays of one shape, not {a.shape} and {b.shape}."
        )
    scale = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
    if scale == 0:
        return 0.0
    a, b = a / scale, b / scale
    return float(np.linalg.norm(a - b) / (np.linalg.norm(a) + np.linalg.norm(b)))


def numerical_gradient(
    f: Callable[[np.ndarray], Any], x: Any, dout: Any = None, h: float = 1e-5
) -> np.ndarray:
    """Differentiate Σ dout · f(x) with respect to x by central differences.

    dx[i] = Σ dout · (f(x + h eᵢ) − f(x − h eᵢ)) / 2h

    Parameters
    ----------
    f : callable
        Takes an array like `x` and returns a number or an array.
    x : array_like
        Where to differentiate; away from kinks by more than `h`. It is not changed.
    dout : array_like, optional
        The upstream gradient, of the shape of f(x); ones by default.
    h : float
        The step: the error grows as h² and as the rounding error over h.

    Returns
    -------
    ndarray
        float64, of the shape of `x`.
    """
    at = np.array(x, dtype=np.float64)
    gradient = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        sides = []
        for step in (h, -h):
            moved = at.copy()
            moved[index] += step
            sides.append(np.asarray(f(moved), dtype=np.float64))
        difference = (sides[0] - sides[1]) / (2 * h)
        gradient[index] = np.sum(difference if dout is None else dout * difference)
    return gradient


def gradcheck(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Sequence[Any],
    names: Sequence[str] | None = None,
    rng: np.random.Generator | None = None,
    *,
    axes: Sequence[str | None] | None = None,
    rtol: float = 1e-7,
) -> None:
    """Check a backward pass against central differences of its forward pass.

    The upstream gradient is random: with ones, a gradient that ignores it would pass.

    Parameters
    ----------
    forward : callable
        ``forward(*inputs) -> out, cache``.
    backward : callable
        ``backward(dout, cache)`` → the gradients, one for each name.
    inputs : sequence
        The arguments of `forward`; the first ``len(names)`` are differentiated.
    names : sequence of str, optional
        What the gradients are called, such as ``["dx", "dw", "db"]``; by default as the parameters
        of `forward`, with a d before each.
    rng : numpy.random.Generator, optional
        Draws the upstream gradient; by default the same one every time.
    axes : sequence of str, optional
        The axes of each gradient, as for `assert_close`.

    Raises
    ------
    Mismatch
        With a diagnosis of the first gradient that is off.
    """
    if names is None:
        parameters = list(inspect.signature(forward).parameters)[: len(inputs)]
        names = [f"d{parameter}" for parameter in parameters]
    rng = rng or np.random.default_rng(0)
    out, cache = forward(*inputs)
    dout = rng.standard_normal(np.shape(out))
    gradients = backward(dout, cache)
    if len(names) == 1 and not isinstance(gradients, (tuple, list)):
        gradients = (gradients,)
    for place, (name, gradient) in enumerate(zip(names, gradients, strict=True)):

        def along(value: np.ndarray, place: int = place) -> Any:
            return forward(*inputs[:place], value, *inputs[place + 1 :])[0]

        expected = numerical_gradient(along, inputs[place], dout)
        assert_close(gradient, expected, name=name, axes=axes[place] if axes else None, rtol=rtol)
