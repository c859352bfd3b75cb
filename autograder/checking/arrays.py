"""Arrays that tests make: definitions applied element by element, inputs in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def each(f: Callable[[float], float], x: np.ndarray) -> np.ndarray:
    """Apply a definition that is written for one number to every element of an array."""
    return np.array([f(float(value)) for value in x.ravel()]).reshape(x.shape)


def single(values: Any) -> Any:
    """Turn arrays of real numbers, also within tuples, lists and dicts, into float32.

    Whole numbers stay what they are, and so does whatever is no array.
    """
    if isinstance(values, dict):
        return {name: single(value) for name, value in values.items()}
    if isinstance(values, (tuple, list)):
        return type(values)(map(single, values))
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return values.astype(np.float32)
    return values
