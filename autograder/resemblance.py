"""How a wrong array resembles the right one: sign, factor, offset, order, parts that are right.

Each look below tests one relation between the two arrays and gives a sentence only if the relation
holds to rounding, so that nothing is guessed. Causes are said as resemblances ("as if a mean over N
were taken"), because different mistakes can give the same numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

#: Below this, an error looks like imprecision and not like a mistake in a formula.
IMPRECISE = 1e-4
#: Above this tolerance (statistical tests) resemblances are too easy to find.
LOOSE = 1e-5
#: Beyond this many entries only the cheap relations are looked for.
LARGE = 1_000_000


def same(a: Any, b: Any, rtol: float) -> bool:
    """Whether ‖a − b‖ ≤ rtol (‖a‖ + ‖b‖), whatever the scale of the two."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind in "biu":
        a = a.astype(np.float64)
    if b.dtype.kind in "biu":
        b = b.astype(np.float64)
    scale = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
    if scale == 0 or not np.isfinite(scale):
        return bool(scale == 0)
    if a.dtype == np.float16:
        a = a.astype(np.float64)
    a, b = a / scale, b / scale
    return bool(np.linalg.norm(a - b) <= rtol * (np.linalg.norm(a) + np.linalg.norm(b)))


def unit(ndim: int, axis: int, letters: str, count: int) -> str:
    """What a slice along an axis is called: a row, a column, an entry."""
    if ndim == 1:
        return "entry" if count == 1 else "entries"
    if ndim == 2:
        return ("row", "column")[axis] + ("" if count == 1 else "s")
    label = letters[axis] if letters else f"axis {axis}"
    return f"{'slice' if count == 1 else 'slices'} along {label}"


def _is_single(dtype: np.dtype) -> bool:
    return dtype.kind == "f" and dtype.itemsize < 8


@dataclass(frozen=True)
class Pair:
    """A wrong array and the right one: same shape, finite, float64."""

    actual: np.ndarray
    expected: np.ndarray
    name: str
    letters: str
    sizes: Mapping[str, int]
    rtol: float
    dtypes: tuple[np.dtype, np.dtype]
    inputs: Mapping[str, np.ndarray] = field(default_factory=dict)

    @cached_property
    def is_toy(self) -> bool:
        """Whether the numbers are so few that a relation may hold by accident."""
        return len(np.unique(np.abs(self.expected))) < 4

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.actual.size

    @cached_property
    def tolerance(self) -> float:
        """How well a relation must hold to be spoken of."""
        return max(self.rtol, LOOSE if any(map(_is_single, self.dtypes)) else 1e-8)

    @cached_property
    def error(self) -> np.ndarray:
        """The difference of the two."""
        return self.actual - self.expected

    @cached_property
    def right(self) -> np.ndarray:
        """Which entries are as they should be."""
        size = np.abs(self.expected)
        return np.abs(self.error) <= 10 * self.tolerance * (size + 0.01 * size.max())

    @cached_property
    def wrong(self) -> np.ndarray:
        """Which entries are not."""
        return ~self.right

    def same(self, a: Any, b: Any) -> bool:
        """Whether two arrays agree as well as relations must."""
        return same(a, b, self.tolerance)

    def axis(self, axis: int) -> str:
        """What an axis is called."""
        return self.letters[axis] if self.letters else f"axis {axis}"

    def unit(self, axis: int, count: int = 1) -> str:
        """What a slice along an axis is called."""
        return unit(self.actual.ndim, axis, self.letters, count)

    def slices(self, axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The two arrays and the mask of what is right, one row a slice along an axis."""

        def rows(x: np.ndarray) -> np.ndarray:
            return np.moveaxis(x, axis, 0).reshape(x.shape[axis], -1)

        return rows(self.actual), rows(self.expected), rows(self.right)

    @cached_property
    def long_axes(self) -> list[int]:
        """The axes along which there is more than one entry."""
        return [axis for axis, size in enumerate(self.actual.shape) if size > 1]


def describe(pair: Pair) -> str:
    """Say how a wrong array resembles the right one."""
    if pair.dtypes[0].kind == "b":
        return _booleans(pair)
    if pair.size == 1:
        return _single(pair)
    if pair.tolerance > LOOSE:
        return _zero(pair) or f"{pair.name} is further from what it should be than chance allows."
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
    return f"{which} {_are(wrong)} the opposite of what is right."


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


# Constant factors and what they equal


def _ratio(a: np.ndarray, e: np.ndarray, tolerance: float) -> float | None:
    """The k for which a = k e, if at least two entries bear witness."""
    if np.count_nonzero(e) < 2 or not np.any(a):
        return None
    scale = np.abs(e).max()
    k = float(np.sum(a * (e / scale)) / np.sum(e * (e / scale)))
    return k if k != 0 and np.isfinite(k) and same(a, k * e, tolerance) else None


@dataclass(frozen=True)
class Factor:
    """A factor in words: what it equals, a remark, and what else would give it."""

    text: str
    remark: str = ""
    likeness: str = ""


def _named(value: float, pair: Pair, small: bool) -> Factor | None:
    """Name a factor above 1, if it has a name."""
    near = 10 * pair.tolerance

    def hits(names: Iterator[tuple[str, float]]) -> list[str]:
        return [name for name, number in names if number > 1 and abs(value / number - 1) <= near]

    integer = round(value) if abs(value - round(value)) <= near * value and value < 1e6 else None
    sizes = hits((letter, float(size)) for letter, size in pair.sizes.items())
    if integer is not None and integer > 4 and _is_shared(integer, pair):
        return Factor(str(integer))
    if integer is not None and len(sizes) == 1 and integer > 4:
        return Factor(f"{sizes[0]} = {integer}", likeness=_mean_or_sum(sizes[0], small))
    if integer is not None and len(sizes) == 1:
        either = f"it may be {sizes[0]} or a plain {integer}"
        return Factor(str(integer), f" ({sizes[0]} is {integer} here, so {either})")
    if integer is not None and sizes:
        which = "both" if len(sizes) == 2 else "all"
        return Factor(str(integer), f" ({_either(sizes)} are {which} {integer} here)")
    if integer is not None and integer <= 4:
        return Factor(str(integer))
    products = hits(_products(pair.sizes))
    if len(products) == 1:
        likeness = _mean_or_sum(products[0], small)
        equals = f" = {integer}" if integer is not None else ""
        return Factor(
            f"{products[0]}{equals}", "" if equals else _where(products[0], pair), likeness
        )
    if integer is not None:
        return Factor(str(integer), _count_of_input(integer, pair))
    return _constant(hits)


def _count_of_input(count: int, pair: Pair) -> str:
    for name, x in pair.inputs.items():
        if x.size == count:
            return f" (`{name}` has {count} entries)"
    return ""


def _is_shared(size: int, pair: Pair) -> bool:
    """Whether some input has two axes of a size, so that no letter stands for it alone."""
    return any(x.shape.count(size) > 1 for x in pair.inputs.values())


def _constant(hits: Callable[[Iterator[tuple[str, float]]], list[str]]) -> Factor | None:
    found = hits(iter(CONSTANTS))
    if found:
        likeness = f", by which logarithms to base {found[0][-2:].strip()} differ from natural ones"
        return Factor(found[0], likeness=likeness if "ln" in found[0] else "")
    fractions = (
        (f"{p}/{q}", p / q) for q in range(2, 8) for p in range(q + 1, 4 * q) if math.gcd(p, q) == 1
    )
    found = hits(fractions)
    return Factor(found[0]) if found else None


CONSTANTS = (
    ("√2", math.sqrt(2)),
    ("√3", math.sqrt(3)),
    ("π", math.pi),
    ("2π", 2 * math.pi),
    ("1/ln 2", 1 / math.log(2)),
    ("ln 10", math.log(10)),
)


def _products(sizes: Mapping[str, int]) -> Iterator[tuple[str, float]]:
    large = {letter: size for letter, size in sizes.items() if size > 1}
    pairs = [(f"{a}·{b}", float(large[a] * large[b])) for a, b in itertools.combinations(large, 2)]
    yield from pairs
    yield from ((f"{a}²", float(n * n)) for a, n in large.items())
    for label, number in [*((a, float(n)) for a, n in large.items()), *pairs]:
        yield f"2·{label}", 2 * number
        yield f"{label}/2", number / 2
        yield f"√({label})" if "·" in label else f"√{label}", math.sqrt(number)
    for a, n in large.items():
        yield f"{a}/({a} − 1)", n / (n - 1)
    for a, b in itertools.permutations(large, 2):
        if large[a] % large[b]:
            yield f"{a}/{b}", large[a] / large[b]


def _mean_or_sum(label: str, small: bool) -> str:
    if label.endswith("²"):
        done, due = ("divided", "multiplied") if small else ("multiplied", "divided")
        return f", as if it were {done} by {label[:-1]} where it should be {due}"
    if not all(part.isidentifier() for part in label.split("·")):
        return ""
    over = label.replace("·", " and ")
    if small:
        return f", as if a mean over {over} were taken where a sum is due"
    return f", as if a sum over {over} were taken where a mean is due"


def _either(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _where(label: str, pair: Pair) -> str:
    used = [letter for letter in pair.sizes if letter in label]
    return f" ({', '.join(f'{letter} = {pair.sizes[letter]}' for letter in used)})"


def _factor_text(k: float, pair: Pair) -> str | None:
    """Say ``exactly N = 32 times too small`` of a factor that has a name."""
    size, small = abs(k), abs(k) < 1
    factor = _named(1 / size if small else size, pair, small)
    if factor is None:
        return None
    word = "small" if small else "large"
    return f"exactly {factor.text} times too {word}{factor.remark}{factor.likeness}"


# A single number


def _single(pair: Pair) -> str:
    a, e, name = pair.actual.item(), pair.expected.item(), pair.name
    if a == 0:
        return f"{name} is 0, and should not be."
    if e == 0:
        return f"{name} is not 0, and should be."
    if abs(a / e - 1) < IMPRECISE:
        return _imprecise(pair, abs(a - e) / (abs(a) + abs(e)))
    if pair.tolerance > LOOSE:
        return _size_of_single(a, e, pair)
    is_round = _is_round(a) and _is_round(e)
    looks = [_single_factor(a / e, pair, is_round), *_single_functions(a, e, pair)]
    if not is_round:
        looks += _returned(pair)
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
    text = _factor_text(k, pair)
    return text and f"{'has the wrong sign and ' if k < 0 else ''}is {text}"


def _single_functions(a: float, e: float, pair: Pair) -> Iterator[str]:
    for text, function in FUNCTIONS:
        value = _apply(function, np.array([e]))
        if value is not None and value[0] != e and pair.same([a], value):
            yield f"is {text} what it should be"
    if pair.same([a], [1 - e]):
        yield "is 1 minus what it should be"
    whole = round(a - e)
    if whole in (-1, 1) and abs(a - e - whole) < 1e-9 * max(1, abs(e)) and not 0 < abs(e) < 1:
        yield f"is 1 too {'large' if whole > 0 else 'small'}"


def _is_round(number: float) -> bool:
    return any(abs(number * k - round(number * k)) < 1e-9 for k in range(1, 13))


FUNCTIONS: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("the square of", np.square),
    ("the square root of", np.sqrt),
    ("the reciprocal of", np.reciprocal),
    ("the exponential of", np.exp),
    ("the logarithm of", np.log),
)


def _apply(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray | None:
    with np.errstate(all="ignore"):
        y = function(x)
    return y if np.isfinite(y).all() else None


# Arrays: the looks, from the plainest relation to the most particular


def _zero(pair: Pair) -> str | None:
    count = np.count_nonzero(pair.actual)
    if count == 0:
        return f"{pair.name} is zero everywhere, and should not be."
    if not pair.expected.any():
        every = "none is" if count == pair.size else f"{count} of the {pair.size} are not"
        return f"All entries of {pair.name} should be zero here, and {every}."
    return None


def _factor(pair: Pair) -> str | None:
    k = _ratio(pair.actual, pair.expected, pair.tolerance)
    if k is None or abs(k - 1) < IMPRECISE:
        return None
    if abs(k + 1) <= 10 * pair.tolerance:
        return f"{pair.name} has the wrong sign everywhere; apart from that it is right."
    text = _factor_text(k, pair)
    if text is None:
        size, word = (1 / abs(k), "small") if abs(k) < 1 else (abs(k), "large")
        text = f"too {word} by a constant factor (about {size:.3g})"
    if k < 0:
        return f"{pair.name} has the wrong sign, and is {text}."
    return f"{pair.name} has the right direction, but is {text}."


def _by_inputs(pair: Pair) -> str | None:
    """What the function's own inputs have to do with it: left out, once too often, returned."""
    if pair.size > LARGE:
        return None
    for relations in (_returned, _left_out, _exchanged, _added):
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


def _returned(pair: Pair) -> Iterator[str]:
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
                product = u @ v
                if product.shape == a.shape and pair.same(a, product):
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
    made = [(text, _apply(function, x)) for text, function in PARTS]
    return [(text, fit) for text, part in made if part is not None for fit in _fitting(part, shape)]


def _fitting(x: np.ndarray, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Broadcast an input against the result, a vector along whichever axis it fits."""
    if x.ndim == 1 and len(shape) > 1:
        axes = [axis for axis, size in enumerate(shape) if size == x.size]
        return [np.expand_dims(x, tuple(range(1, len(shape) - axis))) for axis in axes]
    return [x] if x.shape == shape else []


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


def _is_constant(x: np.ndarray, axis: int | None = None) -> bool:
    """Whether x stays the same along an axis, to rounding of its own size."""
    spread = np.abs(x - x.mean(axis=axis, keepdims=True)).max()
    return bool(spread <= 1e-7 * np.abs(x).max())


def _offset(pair: Pair) -> str | None:
    d = pair.error
    if np.abs(d).max() < 1e-7 * np.abs(pair.expected).max():
        return None  # lost in rounding
    if _is_constant(d):
        whole = abs(abs(float(d.mean())) - 1) < 1e-9
        by = "by exactly 1" if whole else "by one and the same amount"
        return f"Every entry of {pair.name} is too {'large' if d.mean() > 0 else 'small'} {by}."
    for axis in pair.long_axes:
        others = [i for i in range(d.ndim) if i != axis]
        if pair.size > d.shape[axis] and _is_constant(d, axis):
            shape = ", ".join(pair.axis(i) for i in others)
            return (
                f"The error of {pair.name} is the same in every {pair.unit(axis)}, as if a term "
                f"that depends only on {shape} (a bias, say) were missing, wrong or added twice."
            )
    return None


def _imprecise(pair: Pair, error: float) -> str:
    if _is_single(pair.dtypes[0]) and not _is_single(pair.dtypes[1]) and error < LOOSE:
        return f"{pair.name} is only as precise as {pair.dtypes[0]}, and float64 is expected here."
    return (
        f"{pair.name} is nearly right, but its relative error of about {error:.0e} is too large. "
        "Finite differences, float32, clipping or an added epsilon leave such errors."
    )


def _almost(pair: Pair) -> str | None:
    error = np.linalg.norm(pair.error) / (
        np.linalg.norm(pair.actual) + np.linalg.norm(pair.expected)
    )
    size = np.abs(pair.expected)
    everywhere = np.all(np.abs(pair.error) <= 10 * IMPRECISE * (size + 0.01 * size.max()))
    if error >= IMPRECISE or not everywhere:
        return None
    return _imprecise(pair, float(error))


def _repeated(pair: Pair) -> str | None:
    a, e = pair.actual, pair.expected
    for axis in pair.long_axes:
        if not _is_constant(a, axis) or _is_constant(e, axis):
            continue
        copies: tuple[tuple[str, np.ndarray], ...] = (
            ("the mean of the right ones", e.mean(axis, keepdims=True)),
            ("the sum of the right ones", e.sum(axis, keepdims=True)),
            ("the right first one", e.take([0], axis)),
            ("the right last one", e.take([-1], axis)),
        )
        what = [text for text, value in copies if np.any(value) and pair.same(a, value + 0 * e)]
        end = f": each is {what[0]}" if len(what) == 1 else ""
        if _is_constant(a) and a.ndim > 1:
            return f"All entries of {pair.name} are the same, and they should not be."
        return f"All {pair.unit(axis, 2)} of {pair.name} are the same, and they should not be{end}."
    return None


def _shifted(pair: Pair) -> str | None:
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


def _rearranged(pair: Pair) -> str | None:
    a, e = pair.actual, pair.expected
    found: dict[str, float] = {}
    for label, other in _rearrangements(pair):
        k = _ratio(a, other, pair.tolerance)
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


def _besides(k: float, pair: Pair) -> str:
    if abs(k - 1) <= 10 * pair.tolerance:
        return "; apart from that it is right"
    if abs(k + 1) <= 10 * pair.tolerance:
        return ", and has the wrong sign"
    text = _factor_text(k, pair)
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


def _function(pair: Pair) -> str | None:
    a, e = pair.actual, pair.expected
    values = len(np.unique(np.abs(e)))
    if pair.same(a, 1 - e) and (values > 2 or pair.size > 3):
        return f"Every entry of {pair.name} is 1 minus what it should be."
    if values < 3:
        return None
    if np.any(e < 0) and pair.same(a, np.abs(e)):
        return f"{pair.name} has lost its sign: each entry is the absolute value of the right one."
    for text, function in FUNCTIONS:
        value = _apply(function, e)
        if value is not None and pair.same(a, value) and not pair.same(value, e):
            return f"Every entry of {pair.name} is {text} what it should be."
    return None


def _behind_sigmoid(pair: Pair) -> str | None:
    """Probabilities whose log-odds are off by a factor or an offset: wrong before the sigmoid."""
    a, e = pair.actual, pair.expected
    if min(a.min(), e.min()) <= 0 or max(a.max(), e.max()) >= 1:
        return None
    odds = replace(pair, actual=np.log(a / (1 - a)), expected=np.log(e / (1 - e)))
    start = f"{pair.name}, taken back through the sigmoid, is"
    if _is_constant(odds.error):
        return f"{start} off by one and the same amount everywhere, as with a wrong bias."
    k = _ratio(odds.actual, odds.expected, pair.tolerance)
    text = _factor_text(k, pair) if k is not None and k > 0 else None
    return f"{start} {text}." if text else None


def _accumulated(pair: Pair) -> str | None:
    a, e = pair.actual, pair.expected
    for axis in pair.long_axes:
        if a.shape[axis] < 3:
            continue
        label = pair.axis(axis)
        for x, turned in ((e, False), (np.flip(e, axis), True)):
            y = np.flip(a, axis) if turned else a
            end = " from the end" if turned else ""
            if pair.same(y, np.cumsum(x, axis)):
                return f"{pair.name} adds up along {label}{end}: it is the sum of the right ones."
            if pair.same(np.cumsum(y, axis), x):
                return f"{pair.name} is not added up along {label}{end}: its running sum is right."
    return None


def _normalised(pair: Pair) -> str | None:
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
        ratios = [_ratio(x, y, pair.tolerance) for x, y in zip(a, e, strict=True)]
        if all(ratio is not None for ratio in ratios):
            row = pair.unit(axis)
            return f": each {row} has the right proportions, but a factor of its own."
    return None


def _own_factors(pair: Pair) -> str | None:
    text = _proportional(pair)
    return f"{pair.name} is off by no common factor{text}" if text else None


# Partly right: where, and what is wrong with the rest


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
    k = _ratio(a, e, pair.tolerance)
    if k is not None and abs(k - 1) > IMPRECISE:
        return f"are {_factor_text(k, pair) or 'off by one common factor'}"
    if _is_constant(a - e):
        return f"are too {'large' if (a - e).mean() > 0 else 'small'} by one and the same amount"
    if _is_constant(a):
        return _clipped(pair, a[0], wrong)
    return None


def _clipped(pair: Pair, value: float, wrong: np.ndarray) -> str:
    slack = 1e-6 * abs(value)
    if np.array_equal(wrong, pair.expected > value + slack):
        return "have all one value, as if everything above it were clipped"
    if np.array_equal(wrong, pair.expected < value - slack):
        return "have all one value, as if everything below it were clipped"
    return "have all one value"


def _by_slices(pair: Pair) -> str | None:
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
        return f"{where}; {others} {how or f'{_are(bad)} not'}."
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
    return f"{count} of the {size} {many} of {name} {_are(count)} right"


def _by_sign(pair: Pair) -> str | None:
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


def _by_place(pair: Pair) -> str | None:
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


def _partly(pair: Pair) -> str | None:
    right, wrong = int(pair.right.sum()), int(pair.wrong.sum())
    if not right or not wrong:
        return None
    how = _how(pair, pair.wrong)
    if wrong == 1:
        end = f"; that one {how}" if how else ""
        return f"All {pair.size} entries of {pair.name} but one are right{end}."
    end = f"; the others {how}" if how else ", the others are not"
    return f"{right} of the {pair.size} entries of {pair.name} {_are(right)} right{end}."


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
CHEAP: tuple[Look, ...] = (_zero, _factor, _by_inputs, _offset, _almost)
THOROUGH: tuple[Look, ...] = (
    _repeated,
    _shifted,
    _rearranged,
    _function,
    _behind_sigmoid,
    _accumulated,
    _normalised,
    _by_sign,
    _by_slices,
    _by_place,
    _own_factors,
    _partly,
)
