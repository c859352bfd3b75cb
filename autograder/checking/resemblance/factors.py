"""Constant factors in words: what a factor equals, and what would give it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from autograder.checking.resemblance.pair import Pair

CONSTANTS = (
    ("√2", math.sqrt(2)),
    ("√3", math.sqrt(3)),
    ("π", math.pi),
    ("2π", 2 * math.pi),
    ("1/ln 2", 1 / math.log(2)),
    ("ln 10", math.log(10)),
)


def factor_text(k: float, pair: Pair) -> str | None:
    """Say ``exactly N = 32 times too small`` of a factor that has a name."""
    size, small = abs(k), abs(k) < 1
    factor = _named(1 / size if small else size, pair, small)
    if factor is None:
        return None
    word = "small" if small else "large"
    return f"exactly {factor.text} times too {word}{factor.remark}{factor.likeness}"


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
        return Factor(str(integer), _root_of_size(integer, pair))
    products = hits(_products(pair.sizes))
    if len(products) == 1 and (plain := hits(iter(CONSTANTS))):
        either = f"it may be {products[0]} or a plain {plain[0]}"
        return Factor(plain[0], f"{_where(products[0], pair)[:-1]} here, so {either})")
    if len(products) == 1:
        likeness = _mean_or_sum(products[0], small)
        equals = f" = {integer}" if integer is not None else ""
        return Factor(
            f"{products[0]}{equals}", "" if equals else _where(products[0], pair), likeness
        )
    if integer is not None:
        return Factor(str(integer), _count_of_input(integer, pair))
    return _constant(hits)


def _root_of_size(number: int, pair: Pair) -> str:
    for letter, size in pair.sizes.items():
        if size == number**2 > 1:
            return f" ({letter} is {size} here, so it may be √{letter} or a plain {number})"
    return ""


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
