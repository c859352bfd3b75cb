"""Relations of a whole array to the right one: factor, offset, order, function."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from autograder.checking.resemblance.factors import factor_text
from autograder.checking.resemblance.pair import (
    FUNCTIONS,
    IMPRECISE,
    LOOSE,
    Pair,
    apply,
    common_ratio,
    is_constant,
    is_single,
)


def zero(pair: Pair) -> str | None:
    """All of it is zero, or should be."""
    count = np.count_nonzero(pair.actual)
    if count == 0:
        return f"{pair.name} is zero everywhere, and should not be."
    if not pair.expected.any():
        every = "none is" if count == pair.size else f"{count} of the {pair.size} are not"
        return f"All entries of {pair.name} should be zero here, and {every}."
    return None


def factor(pair: Pair) -> str | None:
    """One factor, or the sign, is between the two."""
    k = common_ratio(pair.actual, pair.expected, pair.tolerance)
    if k is None or abs(k - 1) < IMPRECISE:
        return None
    if abs(k + 1) <= 10 * pair.tolerance:
        return f"{pair.name} has the wrong sign everywhere; apart from that it is right."
    text = factor_text(k, pair)
    if text is None:
        size, word = (1 / abs(k), "small") if abs(k) < 1 else (abs(k), "large")
        text = f"too {word} by a constant factor (about {size:.3g})"
    if k < 0:
        return f"{pair.name} has the wrong sign, and is {text}."
    return f"{pair.name} has the right direction, but is {text}."


def offset(pair: Pair) -> str | None:
    """The error is the same everywhere, or the same along an axis."""
    d = pair.error
    if np.abs(d).max() < 1e-7 * np.abs(pair.expected).max():
        return None  # lost in rounding
    if is_constant(d):
        whole = abs(abs(float(d.mean())) - 1) < 1e-9
        by = "by exactly 1" if whole else "by one and the same amount"
        return f"Every entry of {pair.name} is too {'large' if d.mean() > 0 else 'small'} {by}."
    for axis in pair.long_axes:
        others = [i for i in range(d.ndim) if i != axis]
        if pair.size > d.shape[axis] and is_constant(d, axis):
            shape = ", ".join(pair.axis(i) for i in others)
            return (
                f"The error of {pair.name} is the same in every {pair.unit(axis)}, as if a term "
                f"that depends only on {shape} (a bias, say) were missing, wrong or added twice."
            )
    return None


def imprecise(pair: Pair, error: float) -> str:
    """Say that a result is right but for an error larger than rounding."""
    if is_single(pair.dtypes[0]) and not is_single(pair.dtypes[1]) and error < LOOSE:
        return f"{pair.name} is only as precise as {pair.dtypes[0]}, and float64 is expected here."
    start = f"{pair.name} is nearly right, but its relative error of about {error:.0e} is too large"
    if _went_through_single(pair):
        return f"{start}: its numbers are those of float32, as if they had gone through it."
    return f"{start}."


def _went_through_single(pair: Pair) -> bool:
    """Whether the numbers are the right ones, each rounded to float32."""
    a, e = pair.actual, pair.expected
    rounded = e.astype(np.float32).astype(np.float64)
    return bool(np.all(np.abs(a - rounded) <= 1e-15 * np.abs(e)) and np.any(rounded != e))


def almost(pair: Pair) -> str | None:
    """It is right but for an error larger than rounding."""
    error = np.linalg.norm(pair.error) / (
        np.linalg.norm(pair.actual) + np.linalg.norm(pair.expected)
    )
    size = np.abs(pair.expected)
    everywhere = np.all(np.abs(pair.error) <= 10 * IMPRECISE * (size + 0.01 * size.max()))
    if error >= IMPRECISE or not everywhere:
        return None
    return imprecise(pair, float(error))


def repeated(pair: Pair) -> str | None:
    """All slices along an axis are the same, and should not be."""
    a, e = pair.actual, pair.expected
    for axis in pair.long_axes:
        if not is_constant(a, axis) or is_constant(e, axis):
            continue
        copies: tuple[tuple[str, np.ndarray], ...] = (
            ("the mean of the right ones", e.mean(axis, keepdims=True)),
            ("the sum of the right ones", e.sum(axis, keepdims=True)),
            ("the right first one", e.take([0], axis)),
            ("the right last one", e.take([-1], axis)),
        )
        what = [text for text, value in copies if np.any(value) and pair.same(a, value + 0 * e)]
        end = f": each is {what[0]}" if len(what) == 1 else ""
        if is_constant(a) and a.ndim > 1:
            return f"All entries of {pair.name} are the same, and they should not be."
        return f"All {pair.unit(axis, 2)} of {pair.name} are the same, and they should not be{end}."
    return None


def shifted(pair: Pair) -> str | None:
    """It is one place off along an axis."""
    for axis in pair.long_axes:
        size = pair.actual.shape[axis]
        if size < 3:
            continue
        for word, lag in (("late", 1), ("early", -1)):
            after, before = range(1, size), range(size - 1)
            kept, source = (after, before) if lag == 1 else (before, after)
            moved, origin = pair.actual.take(kept, axis), pair.expected.take(source, axis)
            if pair.same(moved, origin) and len(np.unique(origin)) > 2:
                wraps = pair.same(pair.actual, np.roll(pair.expected, lag, axis))
                end = ", and wraps around" if wraps else ""
                return f"{pair.name} is shifted along {pair.axis(axis)}: one place too {word}{end}."
    return None


def rearranged(pair: Pair) -> str | None:
    """The numbers are right, but not their places."""
    a, e = pair.actual, pair.expected
    found: dict[str, float] = {}
    for label, other in _rearrangements(pair):
        k = common_ratio(a, other, pair.tolerance)
        if k is None or label in found or pair.same(other, e):
            continue
        if abs(k - 1) <= 10 * pair.tolerance or np.count_nonzero(e) > 3:
            found[label] = k
    if len(found) == 1:
        label, k = next(iter(found.items()))
        return f"{pair.name} is {label}{_besides(k, pair)}."
    if len(found) > 1 and all(abs(k - 1) <= 10 * pair.tolerance for k in found.values()):
        return (
            f"{pair.name} holds the right numbers in the wrong places: it may be "
            f"{' or '.join(list(found)[:2])}, for on this input that is the same."
        )
    return _permuted(pair)


def _rearrangements(pair: Pair) -> Iterator[tuple[str, np.ndarray]]:
    e, ndim = pair.expected, pair.expected.ndim
    for order in itertools.permutations(range(ndim)):
        if order == tuple(range(ndim)):
            continue
        if e.transpose(order).shape == e.shape:
            moved = [i for i in range(ndim) if order[i] != i]
            names = " and ".join(pair.axis(i) for i in moved)
            yield (
                "transposed" if ndim == 2 else f"with the axes {names} exchanged",
                e.transpose(order),
            )
        elif e.ndim < 5:
            yield "reshaped where its axes should be exchanged", e.transpose(order).reshape(e.shape)
    for count in range(1, len(pair.long_axes) + 1):
        for axes in itertools.combinations(pair.long_axes, count):
            yield _reversal(pair, axes), np.flip(e, axes)


def _reversal(pair: Pair, axes: tuple[int, ...]) -> str:
    if pair.actual.ndim == 1:
        return "in reverse order"
    if len(axes) == 1 and pair.actual.shape[axes[0]] == 2:
        return f"as if its two {pair.unit(axes[0], 2)} were exchanged"
    return f"reversed along {' and '.join(pair.axis(i) for i in axes)}"


def _besides(k: float, pair: Pair) -> str:
    if abs(k - 1) <= 10 * pair.tolerance:
        return "; apart from that it is right"
    if abs(k + 1) <= 10 * pair.tolerance:
        return ", and has the wrong sign"
    text = factor_text(k, pair)
    return f", and {text}" if text else ", and off by a constant factor besides"


def _permuted(pair: Pair) -> str | None:
    if len(np.unique(pair.expected)) < 3:
        return None
    for axis in pair.long_axes if pair.actual.ndim > 1 else ():
        a, e, _ = pair.slices(axis)
        if e.shape[1] > 1 and pair.same(a[np.lexsort(a.T[::-1])], e[np.lexsort(e.T[::-1])]):
            return f"{pair.name} holds the right {pair.unit(axis, 2)}, but in another order."
    if pair.same(np.sort(pair.actual, axis=None), np.sort(pair.expected, axis=None)):
        return f"{pair.name} holds the right numbers, but in the wrong places."
    return None


def function(pair: Pair) -> str | None:
    """Each entry is a plain function of the right one."""
    a, e = pair.actual, pair.expected
    values = len(np.unique(np.abs(e)))
    if pair.same(a, 1 - e) and (values > 2 or pair.size > 3):
        return f"Every entry of {pair.name} is 1 minus what it should be."
    if values < 3:
        return None
    if np.any(e < 0) and pair.same(a, np.abs(e)):
        return f"{pair.name} has lost its sign: each entry is the absolute value of the right one."
    for text, function in FUNCTIONS:
        value = apply(function, e)
        if value is not None and pair.same(a, value) and not pair.same(value, e):
            return f"Every entry of {pair.name} is {text} what it should be."
    return None


def behind_sigmoid(pair: Pair) -> str | None:
    """Probabilities whose log-odds are off by a factor or an offset: wrong before the sigmoid."""
    a, e = pair.actual, pair.expected
    if min(a.min(), e.min()) <= 0 or max(a.max(), e.max()) >= 1:
        return None
    odds = replace(pair, actual=np.log(a / (1 - a)), expected=np.log(e / (1 - e)))
    start = f"{pair.name}, taken back through the sigmoid, is"
    if is_constant(odds.error):
        return f"{start} off by one and the same amount everywhere, as with a wrong bias."
    k = common_ratio(odds.actual, odds.expected, pair.tolerance)
    text = factor_text(k, pair) if k is not None and k > 0 else None
    return f"{start} {text}." if text else None


def accumulated(pair: Pair) -> str | None:
    """It is summed up along an axis, or should be."""
    a, e = pair.actual, pair.expected
    for axis in pair.long_axes:
        if a.shape[axis] < 3:
            continue
        label = pair.axis(axis)
        for x, turned in ((e, False), (np.flip(e, axis), True)):
            y = np.flip(a, axis) if turned else a
            along = f"along {label}{' from the end' if turned else ''}"
            if pair.same(y, np.cumsum(x, axis)):
                return f"{pair.name} adds up {along}: each entry sums the right ones up to there."
            if pair.same(np.cumsum(y, axis), x):
                return f"{pair.name} is not added up {along}: its running sum would be right."
    return None


def normalised(pair: Pair) -> str | None:
    """It should sum to 1 along an axis, and does not."""
    a, e = pair.actual, pair.expected
    if (e < 0).any():
        return None
    over = [
        axis for axis in pair.long_axes if pair.size > e.shape[axis] and np.allclose(e.sum(axis), 1)
    ]
    if len(over) != 1 or np.allclose(a.sum(over[0]), 1):
        return None
    right = pair.axis(over[0])
    start = f"{pair.name} should sum to 1 over {right}, and does not"
    others = [axis for axis in pair.long_axes if axis != over[0] and np.allclose(a.sum(axis), 1)]
    if len(others) == 1:
        return f"{start}: it sums to 1 over {pair.axis(others[0])} instead."
    if np.isclose(a.sum(), 1):
        return f"{start}: all its entries together sum to 1."
    return f"{start}{_proportional(pair) or '.'}"


def _proportional(pair: Pair) -> str | None:
    """Each slice along an axis is right but for a factor of its own."""
    for axis in pair.long_axes:
        a, e, _ = pair.slices(axis)
        ratios = [common_ratio(x, y, pair.tolerance) for x, y in zip(a, e, strict=True)]
        if all(ratio is not None for ratio in ratios):
            row = pair.unit(axis)
            return f": each {row} has the right proportions, but a factor of its own."
    return None


def own_factors(pair: Pair) -> str | None:
    """Each slice along an axis has a factor of its own."""
    text = _proportional(pair)
    return f"{pair.name} is off by no common factor{text}" if text else None
