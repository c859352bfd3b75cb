"""What a function's own inputs have to do with its result: left out, once too often, returned."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from autograder.checking.resemblance.pair import LARGE, Pair, apply

PARTS: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("{}", np.positive),
    ("(1 − {})", lambda x: 1 - x),
    ("(1 + {})", lambda x: 1 + x),
    ("{}²", np.square),
    ("(1 − {}²)", lambda x: 1 - x**2),
    ("(1 + {}²)", lambda x: 1 + x**2),
    ("{0}(1 − {0})", lambda x: x * (1 - x)),
    ("(1 − {})²", lambda x: (1 - x) ** 2),
    ("(1 − {}²)²", lambda x: (1 - x**2) ** 2),
    ("exp({})", np.exp),
)


def by_inputs(pair: Pair) -> str | None:
    """What the function's own inputs have to do with it: left out, once too often, returned."""
    if pair.size > LARGE:
        return None
    for relations in (returned, _left_out, _exchanged, _added):
        found = list(dict.fromkeys(relations(pair)))[:2]
        if len(found) == 1:
            return f"{pair.name} {found[0]}."
        if found:
            return f"{pair.name} {', or '.join(found)}: on this input both are so."
    return None


def _varied_inputs(pair: Pair) -> Iterator[tuple[str, np.ndarray]]:
    """The inputs with numbers enough that a relation to them is no accident."""
    for name, x in pair.inputs.items():
        if len(np.unique(np.abs(x))) > 2:
            yield f"`{name}`", x


def returned(pair: Pair) -> Iterator[str]:
    """The result is an input, or a sum or product of inputs, as it stands."""
    a = pair.actual
    inputs = list(_varied_inputs(pair))
    for name, x in inputs:
        if x.shape == a.shape and pair.same(a, x):
            yield f"is just {name}, unchanged"
        for axis in range(x.ndim if x.ndim == a.ndim + 1 else 0):
            for verb, total in (("sum", x.sum(axis)), ("mean", x.mean(axis))):
                over = f" over axis {axis}" if x.ndim > 1 else ""
                if total.shape == a.shape and pair.same(a, total):
                    yield f"is just the {verb} of {name}{over}"
    for (left, x), (right, y) in itertools.permutations(inputs, 2):
        for first, u in ((left, x), (f"{left}.T", x.T)):
            for second, v in ((right, y), (f"{right}.T", y.T)):
                if not (u.ndim and v.ndim) or u.shape[-1] != v.shape[0] or max(u.ndim, v.ndim) > 2:
                    continue
                # The shape first: inputs of a result with few entries may be large.
                if u.shape[:-1] + v.shape[1:] == a.shape and pair.same(a, u @ v):
                    yield f"equals {first} @ {second}, which is not what is asked for"


def _left_out(pair: Pair) -> Iterator[str]:
    """A factor made of an input is missing, or is one too many."""
    a, e = pair.actual, pair.expected
    for name, x in _varied_inputs(pair):
        for text, part in _parts(x, e.shape):
            term = text.format(name)
            if pair.same(a * part, e):
                yield f"would be right if it were multiplied by {term}: that factor is missing"
            elif pair.same(e * part, a):
                yield f"would be right if it were divided by {term}: that factor is one too many"


def _exchanged(pair: Pair) -> Iterator[str]:
    """A factor made of an input stands where another one belongs."""
    a, e = pair.actual, pair.expected
    for name, x in _varied_inputs(pair):
        for (wrong, p), (right, q) in itertools.permutations(_parts(x, e.shape), 2):
            if np.any(e * p) and pair.same(a * q, e * p):
                yield f"is as if {wrong.format(name)} stood where {right.format(name)} belongs"
                break  # the same exchange in other words follows


def _added(pair: Pair) -> Iterator[str]:
    """A term that is an input is missing, or is one too many."""
    for name, x in _varied_inputs(pair):
        for part in _fitting(x, pair.expected.shape):
            if pair.same(pair.actual + part, pair.expected):
                yield f"would be right if {name} were added to it"
            elif pair.same(pair.actual - part, pair.expected):
                yield f"would be right if {name} were subtracted from it"
            elif pair.same(part - pair.actual, pair.expected):
                yield f"is {name} minus what it should be"


def _parts(x: np.ndarray, shape: tuple[int, ...]) -> list[tuple[str, np.ndarray]]:
    """What products are made of, for an input and what derivatives do with it."""
    made = [(text, apply(function, x)) for text, function in PARTS]
    return [(text, fit) for text, part in made if part is not None for fit in _fitting(part, shape)]


def _fitting(x: np.ndarray, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Broadcast an input against the result, a vector along whichever axis it fits."""
    if x.ndim == 1 and len(shape) > 1:
        axes = [axis for axis, size in enumerate(shape) if size == x.size]
        return [np.expand_dims(x, tuple(range(1, len(shape) - axis))) for axis in axes]
    return [x] if x.shape == shape else []
