"""Gradients checked against finite differences."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.checking.comparing import assert_close
from autograder.checking.gradients import numerical_gradient, numerical_gradients

__all__ = ["gradcheck", "numerical_gradient", "numerical_gradients", "relative_error"]


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
    some, rest = tuple(inputs[: len(names)]), inputs[len(names) :]
    expected = numerical_gradients(lambda values: forward(*values, *rest)[0], some, dout)
    for place, (name, gradient) in enumerate(zip(names, gradients, strict=True)):
        each = axes[place] if axes else None
        assert_close(gradient, expected[place], name=name, axes=each, rtol=rtol)
