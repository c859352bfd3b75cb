"""thin"""
from __future__ import annotations
from typing import Any, Mapping
import numpy as np

def kind_of(value: Any) -> str:
    return f"a {type(value).__name__}"

def explain(actual: Any, expected: Any, *, name: str, axes: str | None = None, sizes: Mapping[str, int] | None = None, rtol: float = 1e-7) -> str | None:
    if isinstance(expected, (tuple, list)):
        if not isinstance(actual, (tuple, list)) or len(actual) != len(expected):
            return f"{name} should be a {type(expected).__name__} of {len(expected)} items."
        return next((m for i, (x, y) in enumerate(zip(actual, expected)) if (m := explain(x, y, name=f"{name}[{i}]", rtol=rtol))), None)
    if isinstance(expected, dict):
        if not isinstance(actual, dict) or actual.keys() != expected.keys():
            return f"{name} should be a dict with the keys {sorted(expected)}."
        return next((m for k in expected if (m := explain(actual[k], expected[k], name=f"{name}[{k!r}]", rtol=rtol))), None)
    try:
        a, e = np.asarray(actual, float), np.asarray(expected, float)
    except (TypeError, ValueError):
        return None if actual == expected else f"{name} is {kind_of(actual)}."
    if a.shape != e.shape:
        return f"{name} has shape {a.shape}, not {e.shape}."
    error, scale = np.linalg.norm(a - e), np.linalg.norm(a) + np.linalg.norm(e)
    return None if error <= rtol * scale else f"{name} has the right shape but not the right values."
