"""A wrong number beside the right one, where coincidences are many."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autograder.checking.resemblance.factors import factor_text
from autograder.checking.resemblance.inputs import returned
from autograder.checking.resemblance.pair import (
    FUNCTIONS,
    IMPRECISE,
    LOOSE,
    Pair,
    apply,
    is_round_number,
)
from autograder.checking.resemblance.whole import imprecise


def single(pair: Pair) -> str:
    """Say how a wrong number resembles the right one."""
    a, e, name = pair.actual.item(), pair.expected.item(), pair.name
    if a == 0:
        return f"{name} is 0, and should not be."
    if e == 0:
        return f"{name} is not 0, and should be."
    if abs(a / e - 1) < IMPRECISE:
        return imprecise(pair, abs(a - e) / (abs(a) + abs(e)))
    if pair.tolerance > LOOSE:
        return _size_of_single(a, e, pair)
    is_round = is_round_number(a) and is_round_number(e)
    looks = [_single_factor(a / e, pair, is_round), *_single_functions(a, e, pair)]
    if not is_round:
        looks += returned(pair)
    found = [text for text in looks if text]
    if len(found) == 1:
        return f"{'On this input, ' if is_round else ''}{name} {found[0]}."
    if len(found) == 2:
        return f"{name} {found[0]}, or {found[1]}: on this input both are so."
    return _size_of_single(a, e, pair)


def _size_of_single(a: float, e: float, pair: Pair) -> str:
    if a * e < 0:
        return f"{pair.name} has the wrong sign."
    end = "" if pair.tolerance > LOOSE else ", and not by a simple factor"
    return f"{pair.name} is too {'large' if abs(a) > abs(e) else 'small'}{end}."


def _single_factor(k: float, pair: Pair, is_round: bool) -> str | None:
    if abs(k + 1) <= 10 * pair.tolerance:
        return "has the wrong sign, and is right apart from that"
    size = max(abs(k), 1 / abs(k))
    if is_round and abs(size - round(size)) > 1e-9:
        return None  # every two round numbers have a simple ratio
    text = factor_text(k, pair)
    return text and f"{'has the wrong sign and ' if k < 0 else ''}is {text}"


def _single_functions(a: float, e: float, pair: Pair) -> Iterator[str]:
    for text, function in FUNCTIONS:
        value = apply(function, np.array([e]))
        if value is not None and value[0] != e and pair.same([a], value):
            yield f"is {text} what it should be"
    if pair.same([a], [1 - e]):
        yield "is 1 minus what it should be"
    whole = round(a - e)
    if whole in (-1, 1) and abs(a - e - whole) < 1e-9 * max(1, abs(e)) and not 0 < abs(e) < 1:
        yield f"is 1 too {'large' if whole > 0 else 'small'}"
