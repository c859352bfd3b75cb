"""What is wrong with a result, in one or two sentences that a student can act on.

The questions are asked in the order in which a person would: is it the right type, the right shape,
a sensible dtype, finite? Only then are values compared (`resemblance`). Whatever is said
has been verified on the data; neither expected values nor inputs are ever shown.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checking import resemblance
from autograder.checking.resemblance import Pair
from autograder.checking.shapes import equal, explain_shape, shape_text, sizes_text

NUMBERS = (int, float, complex, np.number, np.bool_)
ARRAYS = (*NUMBERS, np.ndarray)
LONGEST_KEY = 24
#: A number of the student's own that is repeated is a short one, and no data.
LARGEST_TOLD = 1000
KINDS = {
    "b": "booleans",
    "i": "integers",
    "u": "integers",
    "f": "real numbers",
    "c": "complex numbers",
}


def explain(
    actual: Any,
    expected: Any,
    *,
    name: str,
    axes: str | None = None,
    sizes: Mapping[str, int] | None = None,
    rtol: float = 1e-7,
    inputs: Mapping[str, np.ndarray] | None = None,
) -> str | None:
    """Say in what way a result is not what it should be; None if it is.

    Parameters are those of `difference`, and ``inputs``: what the function was given, by the names
    that the student knows, for a factor or a term that is missing may be one of these.
    """
    found = difference(actual, expected, name=name, axes=axes, sizes=sizes, rtol=rtol)
    if isinstance(found, Pair):
        return resemblance.describe(replace(found, inputs=inputs or {}))
    return found


def difference(
    actual: Any,
    expected: Any,
    *,
    name: str,
    axes: str | None = None,
    sizes: Mapping[str, int] | None = None,
    rtol: float = 1e-7,
) -> str | Pair | None:
    """Find in what way a result is not what it should be.

    Parameters
    ----------
    actual, expected : number, ndarray, or tuple, list or dict of these
        The student's result and the right one. Strings, booleans and None are compared as they are.
    name : str
        What the student calls the result.
    axes : str, optional
        One letter an axis of `expected`.
    sizes : dict, optional
        Further sizes by letter.
    rtol : float
        The error allowed, as ‖a − b‖ / (‖a‖ + ‖b‖).

    Returns
    -------
    str, Pair or None
        What to say of type, shape, dtype and the like; two arrays that differ in their values
        alone, for `resemblance` to describe; None if the result is right.
    """
    if isinstance(expected, Mapping):
        return _mapping(actual, expected, name, sizes, rtol)
    if isinstance(expected, (tuple, list)):
        return _sequence(actual, expected, name, sizes, rtol)
    if not isinstance(expected, (*NUMBERS, np.ndarray)) or isinstance(expected, bool):
        return _object(actual, expected, name)
    expected = np.asarray(expected)
    if axes is not None and len(axes) != expected.ndim:
        raise ValueError(f"axes={axes!r} does not fit {name}, which has {expected.ndim} axes.")
    letters = axes or ""
    known = {**dict(zip(letters, expected.shape, strict=False)), **(sizes or {})}
    return (
        _type(actual, expected, name, letters, rtol)
        or explain_shape(np.asarray(actual), expected, name, letters, known, rtol)
        or _dtype(np.asarray(actual), expected, name)
        or _finite(np.asarray(actual), expected, name, letters)
        or _value(np.asarray(actual), expected, name, letters, known, rtol)
    )


def kind_of(value: Any) -> str:
    """Say in words what kind of thing a value is."""
    if value is None:
        return "None"
    if isinstance(value, (bool, np.bool_)):
        return "a boolean"
    if isinstance(value, np.ndarray):
        return (
            "a single number" if value.ndim == 0 else f"an array of shape {sizes_text(value.shape)}"
        )
    if isinstance(value, NUMBERS):
        return "a single number"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)} {'item' if len(value) == 1 else 'items'}"
    for kind, words in ((str, "a string"), (Mapping, "a dict")):
        if isinstance(value, kind):
            return words
    return "a function" if callable(value) else "an object that is no array"


# Containers and other objects


def _mapping(
    actual: Any, expected: Mapping[Any, Any], name: str, sizes: Any, rtol: float
) -> str | None:
    if not isinstance(actual, Mapping):
        return f"{name} is {kind_of(actual)}, and should be a dict."
    for verb, keys in (
        ("lacks", expected.keys() - actual.keys()),
        ("should not have", actual.keys() - expected.keys()),
    ):
        if keys:
            listed = ", ".join(sorted(map(_key, keys))[:4])
            return f"{name} {verb} the {'key' if len(keys) == 1 else 'keys'} {listed}."
    parts = (
        explain(actual[key], value, name=f"{name}[{key!r}]", sizes=sizes, rtol=rtol)
        for key, value in expected.items()
    )
    return next((part for part in parts if part), None)


def _key(key: Any) -> str:
    """Write a key as Python does, as far as it is a name and not data that is carried out."""
    short = len(str(key)) <= LONGEST_KEY
    return repr(key) if short else f"{str(key)[:LONGEST_KEY]!r}…"


def _sequence(actual: Any, expected: Any, name: str, sizes: Any, rtol: float) -> str | None:
    if expected and all(isinstance(item, NUMBERS) for item in expected):
        if isinstance(actual, (tuple, list)) and all(isinstance(item, NUMBERS) for item in actual):
            return explain(
                np.asarray(actual, float),
                np.asarray(expected, float),
                name=name,
                sizes=sizes,
                rtol=rtol,
            )
        if isinstance(actual, np.ndarray):
            return explain(actual, np.asarray(expected), name=name, sizes=sizes, rtol=rtol)
    if not isinstance(actual, (tuple, list)):
        return f"{name} is {kind_of(actual)}, and should be {kind_of(expected)}."
    if len(actual) != len(expected):
        return f"{name} has {_items(len(actual))}, and should have {_items(len(expected))}."
    parts = [
        explain(a, e, name=f"{name}[{i}]", sizes=sizes, rtol=rtol)
        for i, (a, e) in enumerate(zip(actual, expected, strict=True))
    ]
    wrong = [part for part in parts if part]
    if len(wrong) > 1 and len(actual) <= 5 and _reordered(actual, expected, rtol):
        return f"{name} holds the right items, but in another order."
    return wrong[0] if wrong else None


def _items(count: int) -> str:
    return f"{count} {'item' if count == 1 else 'items'}"


def _reordered(actual: Any, expected: Any, rtol: float) -> bool:
    return any(
        all(explain(a, e, name="", rtol=rtol) is None for a, e in zip(order, expected, strict=True))
        for order in itertools.permutations(actual)
    )


def _object(actual: Any, expected: Any, name: str) -> str | None:
    if expected is None:
        return None if actual is None else f"{name} is {kind_of(actual)}, and should be None."
    if isinstance(expected, bool):
        if not isinstance(actual, (bool, np.bool_)):
            return f"{name} is {kind_of(actual)}, and should be a boolean."
        return None if bool(actual) == expected else f"{name} is {bool(actual)}, and should not be."
    if type(actual) is not type(expected):
        return f"{name} is {kind_of(actual)}, and should be {kind_of(expected)}."
    return None if actual == expected else f"{name} is not what it should be."


# Type


def _type(actual: Any, expected: np.ndarray, name: str, letters: str, rtol: float) -> str | None:
    if isinstance(actual, np.ndarray) or (expected.ndim == 0 and isinstance(actual, NUMBERS)):
        return None
    wanted = (
        f"an array of shape {shape_text(expected.shape, letters)}" if expected.ndim else "a number"
    )
    start = f"{name} is {kind_of(actual)}, and should be {wanted}"
    if actual is None:
        return f"{start}: is a `return` or an assignment missing?"
    if isinstance(actual, NUMBERS):
        return None  # a number where an array should be is a matter of shape
    if isinstance(actual, list) and _holds(actual, expected, rtol):
        return f"{start}. The numbers in it are right: `np.array(...)` is all that is missing."
    if isinstance(actual, (tuple, list)):
        for place, item in enumerate(actual):
            if _holds(item, expected, rtol):
                return f"{start}. Item {place} of it, counted from 0, is the right one."
    return f"{start}."


def _holds(actual: Any, expected: np.ndarray, rtol: float) -> bool:
    """Whether a value holds the numbers that are expected, be it an array or a list."""
    if isinstance(actual, (tuple, list)) and not _is_numeric(actual):
        return False
    try:
        return equal(np.asarray(actual), expected, rtol)
    except (ValueError, MemoryError):  # a ragged list
        return False


def _is_numeric(items: Any) -> bool:
    """Whether there are only numbers in a list; beside one long text each would become as long."""
    return all(
        _is_numeric(item) if isinstance(item, (tuple, list)) else isinstance(item, ARRAYS)
        for item in items
    )


# Dtype, finiteness, value


def _dtype(a: np.ndarray, e: np.ndarray, name: str) -> str | None:
    kind, wanted = a.dtype.kind, e.dtype.kind
    if kind == wanted or {kind, wanted} <= set("iu"):
        return None
    if kind == "O":
        return (
            f"{name} is an array of Python objects (dtype object), not of numbers: some entry is "
            "no number, or the rows are of unequal length."
        )
    if kind not in KINDS:
        return f"{name} has dtype {a.dtype}, and should hold {KINDS[wanted]}."
    if a.ndim == 0 and kind != "c":
        return None  # 1 is as good as 1.0
    if kind == "f" and wanted in "iu" and np.array_equal(a, e):
        return f"{name} holds the right numbers, but as {a.dtype}: they should be integers."
    start = f"{name} holds {KINDS[kind]} ({a.dtype}), and should hold {KINDS[wanted]}"
    if kind in "iu" and wanted == "f" and not np.array_equal(a, e):
        if np.array_equal(a, np.trunc(e)):
            return f"{start}: the fractions are cut off."
        if np.array_equal(a, np.round(e)):
            return f"{start}: the fractions are rounded away."
    return f"{start}."


def _finite(a: np.ndarray, e: np.ndarray, name: str, letters: str) -> str | None:
    bad = ~np.isfinite(a) & np.isfinite(e)
    if not bad.any():
        return None
    nan = np.isnan(a) & bad
    what = "NaN" if nan[bad].all() else "infinite" if not nan.any() else "NaN or infinite"
    why = {
        "NaN": "0/0, ∞ − ∞, 0 · ∞, or the log or root of a negative number gives NaN",
        "infinite": "an overflow (in exp, say), a division by zero or log(0) gives ∞",
        "NaN or infinite": "look for an overflow (in exp, say), a division by zero or log(0)",
    }[what]
    if a.ndim == 0:
        return f"{name} is {what}: {why}."
    if bad.all():
        return f"Every entry of {name} is {what}: {why}."
    where = _whole_slices(bad, letters)
    rest = ""
    good = ~bad
    if resemblance.same(np.where(good, a, 0), np.where(good, e, 0), 1e-9):
        rest = " The others are right."
    return (
        f"{int(bad.sum())} of the {a.size} entries of {name} {'is' if bad.sum() == 1 else 'are'} "
        f"{what}{where}: {why}.{rest}"
    )


def _not_infinite(a: np.ndarray, e: np.ndarray, name: str) -> str:
    """Say what stands where an infinity or NaN belongs."""
    bad = ~np.isfinite(e) & ~((a == e) | (np.isnan(a) & np.isnan(e)))
    found, wanted = np.unique(a[bad]), np.unique(e[bad])
    if len(found) == 1 and abs(found[0]) <= LARGEST_TOLD and found[0] == round(found[0]):
        has = f"{found[0]:g}"
    else:
        has = "a finite number" if np.isfinite(found).any() else _beyond(found)
    should = _beyond(wanted)
    if a.size == 1:
        return f"{name} is {has}, and should be {should}."
    verb = "is" if bad.sum() == 1 else "are"
    which = f"{int(bad.sum())} of the {a.size} entries of {name}"
    return f"{which} should be {should}, and {verb} {has}."


def _beyond(values: np.ndarray) -> str:
    """Name what is not finite."""
    kinds = (("infinite", np.isposinf), ("−∞", np.isneginf), ("NaN", np.isnan))
    return next((word for word, test in kinds if test(values).all()), "infinite or NaN")


def _whole_slices(bad: np.ndarray, letters: str) -> str:
    for axis in range(bad.ndim if bad.ndim > 1 else 0):
        rows = np.moveaxis(bad, axis, 0).reshape(bad.shape[axis], -1)
        full = rows.all(axis=1)
        if np.array_equal(full, rows.any(axis=1)) and rows.shape[1] > 1:
            unit = resemblance.unit(bad.ndim, axis, letters, int(full.sum()))
            return f" (all of {int(full.sum())} {unit})"
    return ""


def _value(
    a: np.ndarray,
    e: np.ndarray,
    name: str,
    letters: str,
    known: Mapping[str, int],
    rtol: float,
) -> str | Pair | None:
    if a.dtype.kind == "c" or e.dtype.kind == "c":
        return (
            None
            if resemblance.same(a, e, rtol)
            else f"{name} has the right shape, but other values."
        )
    finite = np.isfinite(e)
    if not finite.all():
        if not np.array_equal(a[~finite], e[~finite], equal_nan=True):
            return _not_infinite(a, e, name)
        a, e = np.where(finite, a, 0), np.where(finite, e, 0)
    if resemblance.same(a, e, rtol):
        return None
    dtypes = (a.dtype, e.dtype)
    a, e = a.astype(np.float64), e.astype(np.float64)
    return Pair(a, e, name, letters, known, rtol, dtypes)
