"""Derivatives by central differences, of definitions that a test trusts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


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


def numerical_gradients(f: Callable[[Any], Any], values: Any, dout: Any = None) -> Any:
    """Differentiate Σ dout · f(values) with respect to each of several arrays.

    Parameters
    ----------
    f : callable
        Takes a tuple or a dict like `values`, and returns a number or an array.
    values : tuple or dict of array_like
    dout : array_like, optional
        As for `numerical_gradient`.

    Returns
    -------
    tuple or dict of ndarray
        In the places, or under the names, of `values`.
    """
    if not isinstance(values, dict):
        placed = dict(enumerate(values))
        return tuple(numerical_gradients(lambda v: f(tuple(v.values())), placed, dout).values())

    def along(name: Any) -> Callable[[np.ndarray], Any]:
        return lambda value: f({**values, name: value})

    return {name: numerical_gradient(along(name), x, dout) for name, x in values.items()}
