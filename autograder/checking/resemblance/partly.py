"""Arrays that are partly right: where they are, and what is wrong with the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.checking.resemblance.factors import factor_text
from autograder.checking.resemblance.pair import IMPRECISE, Pair, are, common_ratio, is_constant


def by_sign(pair: Pair) -> str | None:
    """What is wrong is just what should be negative, positive or zero, or where an input is."""
    if not pair.right.any():
        return None
    how = _how(pair, pair.wrong)
    fields = [("should be", pair.expected)]
    fields += [(name, x) for name, x in pair.inputs.items() if x.shape == pair.expected.shape]
    for label, x in fields:
        for sign, group in (("negative", x < 0), ("positive", x > 0), ("zero", x == 0)):
            if min(group.sum(), (~group).sum()) < 2:
                continue
            which = f"that {label} {sign}" if label == "should be" else f"where `{label}` is {sign}"
            if np.array_equal(pair.wrong, group):
                end = f": there the entries {how}" if how and how != "should be zero" else ""
                return f"{pair.name} is wrong in just the {int(group.sum())} entries {which}{end}."
            if np.array_equal(pair.right, group):
                end = f": the others {how}" if how else ""
                return f"{pair.name} is right in just the {int(group.sum())} entries {which}{end}."
    return None


def by_slices(pair: Pair) -> str | None:
    """Whole slices along an axis are right, the others wholly wrong, or the only other partly."""
    for axis in pair.long_axes:
        right = pair.slices(axis)[2]
        good = right.all(axis=1)
        bad = int((~good).sum())
        whole = not right[~good].any()
        if not good.any() or not (whole or (bad == 1 and pair.wrong.sum() > 1)):
            continue
        where = _which(good, pair.unit(axis), pair.unit(axis, 2), pair.name)
        if where is None:
            continue
        how = _how(pair, pair.wrong)
        others = "the other" if bad == 1 else "the others"
        if not whole:
            count = f"{int(pair.wrong.sum())} of {right.shape[1]}"
            return f"{where}; in {others}, {count} entries {how or 'are wrong'}."
        if how and right.shape[1] > 1:
            return f"{where}; in {others}, the entries {how}."
        return f"{where}; {others} {how or f'{are(bad)} not'}."
    return None


def _which(good: Any, one: str, many: str, name: str) -> str | None:
    """Name the slices that are right, if their places are worth naming."""
    size, count = good.size, int(good.sum())
    places = np.flatnonzero(good)
    if count == 1 and places[0] in (0, size - 1):
        which = "first" if places[0] == 0 else "last"
        return f"Only the {which} of the {size} {many} of {name} is right"
    if count == size - 1 and not (good[0] and good[-1]):
        return f"All {many} of {name} but the {'first' if not good[0] else 'last'} are right"
    if places[-1] == count - 1:
        return f"The first {count} of the {size} {many} of {name} are right"
    if places[0] == size - count:
        return f"The last {count} of the {size} {many} of {name} are right"
    if one == "entry":
        return None
    return f"{count} of the {size} {many} of {name} {are(count)} right"


def by_place(pair: Pair) -> str | None:
    """What is wrong is the diagonal, the border, or one entry a row."""
    wrong = pair.wrong
    if wrong.ndim < 2 or not pair.right.any():
        return None
    how = _how(pair, wrong)
    end = f": the wrong ones {how}" if how else ""
    rows, columns = wrong.shape[-2:]
    if wrong.ndim == 2 and rows == columns > 2:
        diagonal = np.eye(rows, dtype=bool)
        for mask, place in ((diagonal, "on the diagonal"), (~diagonal, "off the diagonal")):
            if np.array_equal(wrong, mask):
                return f"{pair.name} is wrong {place} and right elsewhere{end}."
    if wrong.ndim > 2 and min(rows, columns) > 2:
        inside = np.zeros((rows, columns), bool)
        inside[1:-1, 1:-1] = True
        if np.array_equal(wrong, np.broadcast_to(~inside, wrong.shape)):
            return f"{pair.name} is right inside and wrong at the border of its last two axes{end}."
    for axis in pair.long_axes if wrong.ndim == 2 else ():
        counts = np.moveaxis(wrong, axis, 0).reshape(wrong.shape[axis], -1).sum(axis=1)
        if (counts == 1).all() and wrong.shape[1 - axis] > 2:
            return f"In each {pair.unit(axis)} of {pair.name} just one entry is wrong{end}."
    return None


def partly(pair: Pair) -> str | None:
    """Some entries are right: how many, and what is wrong with the rest."""
    right, wrong = int(pair.right.sum()), int(pair.wrong.sum())
    if not right or not wrong:
        return None
    how = _how(pair, pair.wrong)
    if wrong == 1:
        end = f"; that one {how}" if how else ""
        return f"All {pair.size} entries of {pair.name} but one are right{end}."
    end = f"; the others {how}" if how else ", the others are not"
    return f"{right} of the {pair.size} entries of {pair.name} {are(right)} right{end}."


def _how(pair: Pair, wrong: np.ndarray) -> str | None:
    """What the wrong entries have in common, said of several or of one."""
    a, e = pair.actual[wrong], pair.expected[wrong]
    are, have = ("is", "has") if a.size == 1 else ("are", "have")
    if not a.any():
        return f"{are} zero"
    if pair.same(a, -e):
        return f"{have} the wrong sign"
    if a.size == 1:
        return None
    if not e.any():
        return "should be zero"
    k = common_ratio(a, e, pair.tolerance)
    if k is not None and abs(k - 1) > IMPRECISE:
        return f"are {factor_text(k, pair) or 'off by one common factor'}"
    if is_constant(a - e):
        return f"are too {'large' if (a - e).mean() > 0 else 'small'} by one and the same amount"
    if is_constant(a):
        return _clipped(pair, a[0], wrong)
    return None


def _clipped(pair: Pair, value: float, wrong: np.ndarray) -> str:
    slack = 1e-6 * abs(value)
    if np.array_equal(wrong, pair.expected > value + slack):
        return "have all one value, as if everything above it were clipped"
    if np.array_equal(wrong, pair.expected < value - slack):
        return "have all one value, as if everything below it were clipped"
    return "have all one value"
