"""What is wrong with the shape of a result: axes lost, added, transposed or of another size."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from autograder.checking import resemblance

#: A shape beyond these is no mistake: it may be data that somebody carries out of a hidden test.
MOST_AXES, LARGEST_SIZE = 8, 100_000


def sizes_text(shape: tuple[int, ...]) -> str:
    """Write a shape as Python does, as far as it is one that somebody may have meant."""
    if len(shape) > MOST_AXES or any(size > LARGEST_SIZE for size in shape):
        return "(…)"
    return str(tuple(int(size) for size in shape))


def shape_text(shape: tuple[int, ...], letters: str) -> str:
    """Write a shape with the letters of its axes, as ``(N, D) = (4, 3)``."""
    sizes = sizes_text(shape)
    if not letters:
        return sizes
    return f"({', '.join(letters)}{',' if len(letters) == 1 else ''}) = {sizes}"


def explain_shape(
    a: np.ndarray, e: np.ndarray, name: str, letters: str, known: Mapping[str, int], rtol: float
) -> str | None:
    """Say how the shape of an array differs from that of the expected one; None if it does not."""
    if a.shape == e.shape:
        return None
    wanted = f"shape {shape_text(e.shape, letters)}" if e.ndim else "be a single number"
    got = f"has shape {sizes_text(a.shape)}" if a.ndim else "is a single number"
    start = f"{name} {got}, and should {'have ' if e.ndim else ''}{wanted}"
    if a.dtype.kind not in "biuf" or not a.size or not e.size:
        return f"{start}."
    tail = (
        _same_entries(a, e, letters, rtol)
        or _extra_axis(a, e, known, letters, rtol)
        or _lost_axis(a, e, letters, rtol)
        or _axis_by_axis(a, e, letters, rtol)
    )
    return f"{start}{tail or '.'}"


def _same_entries(a: np.ndarray, e: np.ndarray, letters: str, rtol: float) -> str | None:
    """The number of entries is right: axes of size 1, transposed or flattened ones."""
    if a.size != e.size:
        return None
    ones = [size for size in a.shape if size != 1] == [size for size in e.shape if size != 1]
    if ones and a.ndim != e.ndim:
        which = "has an axis of size 1 too many" if a.ndim > e.ndim else "lacks an axis of size 1"
        right = "; its values are right" if equal(a.reshape(e.shape), e, rtol) else ""
        return f": it {which}{right}."
    if a.ndim == e.ndim:
        for order in itertools.permutations(range(e.ndim)):
            if e.transpose(order).shape == a.shape and equal(a, e.transpose(order), rtol):
                return _transposition(order, letters)
        if sorted(a.shape) == sorted(e.shape):
            return ": the sizes are right, but in another order."
    if equal(a.reshape(e.shape), e, rtol):
        return ": it holds the right numbers, and only has to be reshaped."
    return None


def _transposition(order: tuple[int, ...], letters: str) -> str:
    if len(order) == 2:
        return ": it is transposed, and right apart from that."
    named = [letters[axis] if letters else str(axis) for axis in order]
    return f": its axes are in the order ({', '.join(named)}), and it is right apart from that."


def _extra_axis(
    a: np.ndarray, e: np.ndarray, known: Mapping[str, int], letters: str, rtol: float
) -> str | None:
    """An axis that should have been reduced, or that broadcasting made."""
    if a.ndim != e.ndim + 1:
        return None
    for axis, size in enumerate(a.shape):
        if a.shape[:axis] + a.shape[axis + 1 :] != e.shape:
            continue
        label = _letter(size, known, letters) or f"axis {axis}"
        for verb, reduce in (("Summed", np.sum), ("Averaged", np.mean)):
            if size > 1 and equal(reduce(a, axis=axis), e, rtol):
                return f". {verb} over {label}, it would be right."
    if e.ndim == 1 and a.shape == e.shape * 2:
        n = e.shape[0]
        return f". That is the shape that broadcasting makes of ({n},) and ({n}, 1)."
    extra = [i for i in range(a.ndim) if a.shape[:i] + a.shape[i + 1 :] == e.shape]
    if len(extra) == 1:
        letter = _letter(a.shape[extra[0]], known, letters)
        return f": axis {extra[0]}{f' ({letter})' if letter else ''} is one too many."
    return None


def _letter(size: int, known: Mapping[str, int], letters: str) -> str | None:
    """The one letter, not among the expected axes, that has this size."""
    found = [letter for letter, length in known.items() if length == size]
    return found[0] if len(found) == 1 and found[0] not in letters else None


def _lost_axis(a: np.ndarray, e: np.ndarray, letters: str, rtol: float) -> str | None:
    """An axis that should be there was summed, averaged or picked away."""
    if a.ndim == 0 and e.ndim > 1:
        for verb, total in (("sum", e.sum()), ("mean", e.mean())):
            if equal(a, np.asarray(total), rtol) and total != 0:
                return f". It is the {verb} over all the entries of the right one."
    kept = a.ndim == e.ndim
    for axis in range(e.ndim):
        label = letters[axis] if letters else f"axis {axis}"
        for verb, reduce in (("sum", np.sum), ("mean", np.mean)):
            total = reduce(e, axis=axis, keepdims=kept)
            if total.shape == a.shape and np.any(total) and equal(a, total, rtol):
                return f". It is the {verb} over {label} of the right one."
    lost = [i for i in range(e.ndim) if a.shape == e.shape[:i] + e.shape[i + 1 :]]
    if len(lost) == 1 and a.ndim:
        return f": {letters[lost[0]] if letters else f'axis {lost[0]}'} is missing."
    return None


def _axis_by_axis(a: np.ndarray, e: np.ndarray, letters: str, rtol: float) -> str | None:
    if e.ndim == 0:
        for verb, total in (("sum", a.sum()), ("mean", a.mean())):
            if equal(total, e, rtol):
                return f". The {verb} of its entries would be right."
        return None
    if a.ndim == 0:
        return None
    if a.ndim != e.ndim:
        return f": it has {_axes(a.ndim)} where {e.ndim} belong."
    if a.ndim == 1:
        return None
    wrong = [
        f"{letters[i] if letters else f'axis {i}'} is {a.shape[i]} instead of {e.shape[i]}"
        for i in range(e.ndim)
        if a.shape[i] != e.shape[i]
    ]
    return f": {' and '.join(wrong)}."


def _axes(count: int) -> str:
    return f"{count} {'axis' if count == 1 else 'axes'}"


def equal(array: np.ndarray, expected: np.ndarray, rtol: float) -> bool:
    """Whether an array has the shape and, but for rounding, the finite values of another."""
    if array.shape != expected.shape or array.dtype.kind not in "biuf":
        return False
    return bool(np.all(np.isfinite(array))) and resemblance.same(array, expected, max(rtol, 1e-9))
