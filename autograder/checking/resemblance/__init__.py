"""How a wrong array resembles the right one: sign, factor, offset, order, parts that are right.

Each look below tests one relation between the two arrays and gives a sentence only if the relation
holds to rounding, so that nothing is guessed. Causes are said as resemblances ("as if a mean over N
were taken"), because different mistakes can give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograder.checking.resemblance.inputs import by_inputs
from autograder.checking.resemblance.pair import LARGE, LOOSE, Pair, are, same, telling, unit
from autograder.checking.resemblance.partly import by_place, by_sign, by_slices, partly
from autograder.checking.resemblance.single import single
from autograder.checking.resemblance.whole import (
    accumulated,
    almost,
    behind_sigmoid,
    factor,
    function,
    normalised,
    offset,
    own_factors,
    rearranged,
    repeated,
    shifted,
    zero,
)

__all__ = ["Pair", "describe", "same", "telling", "unit"]


def describe(pair: Pair) -> str:
    """Say how a wrong array resembles the right one."""
    if pair.dtypes[0].kind == "b":
        return _booleans(pair)
    if pair.size == 1:
        return single(pair)
    if pair.tolerance > LOOSE:
        return zero(pair) or f"{pair.name} is further from what it should be than chance allows."
    looks = CHEAP if pair.size > LARGE else CHEAP + THOROUGH
    text = next((text for look in looks if (text := look(pair))), None)
    if text is None:
        return _general(pair)
    return _on_this_input(text, pair.name) if pair.is_toy else text


def _on_this_input(text: str, name: str) -> str:
    start = text if text.startswith(name) else text[0].lower() + text[1:]
    return f"On this input, {start}"


def _booleans(pair: Pair) -> str:
    wrong = int(np.sum(pair.actual != pair.expected))
    if wrong == pair.size:
        every = f"{pair.name} is" if pair.size == 1 else f"Every entry of {pair.name} is"
        return f"{every} the opposite of what it should be."
    which = f"{wrong} of the {pair.size} entries of {pair.name}"
    return f"{which} {are(wrong)} the opposite of what is right."


def _general(pair: Pair) -> str:
    a, e, name = pair.actual, pair.expected, pair.name
    start = f"{name} has the right shape, but none of its {pair.size} entries is right"
    if pair.right.any():
        return f"{name} has the right shape, but not the right values."
    for axis in pair.long_axes:
        total, wanted = a.sum(axis), e.sum(axis)
        scale = np.abs(e).sum(axis).max()
        if np.abs(wanted).max() > 1e-8 * scale and pair.same(total, wanted) and np.ndim(total):
            return f"{start}; only its sums over {pair.axis(axis)} are."
        if np.abs(wanted).max() <= 1e-10 * scale and np.abs(total).max() > 1e-3 * scale:
            return f"{start}. It should sum to 0 over {pair.axis(axis)}, and does not."
    return f"{start}{_by_magnitude(pair)}"


def _by_magnitude(pair: Pair) -> str:
    a, e = pair.actual, pair.expected
    if pair.size > 3 and np.array_equal(np.sign(a), np.sign(e)):
        for word, holds in (("large", np.abs(a) >= np.abs(e)), ("small", np.abs(a) <= np.abs(e))):
            if holds.all():
                return f": each has the right sign and is too {word}, but not by a common factor."
        return ": each has the right sign, and some are too large and some too small."
    ratio = float(np.linalg.norm(a) / np.linalg.norm(e))
    if not 0.1 < ratio < 10:
        size = ratio if ratio > 1 else 1 / ratio
        return (
            f": on the whole it is about {size:.0f} times too {'large' if ratio > 1 else 'small'}."
        )
    return ", and it is off by no common factor, offset or rearrangement."


Look = Callable[[Pair], "str | None"]

CHEAP: tuple[Look, ...] = (zero, factor, by_inputs, offset, almost)
THOROUGH: tuple[Look, ...] = (
    repeated,
    shifted,
    rearranged,
    function,
    behind_sigmoid,
    accumulated,
    normalised,
    by_sign,
    by_slices,
    by_place,
    own_factors,
    partly,
)
