"""A wrong array beside the right one, and how closely two arrays agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Below this, an error looks like imprecision and not like a mistake in a formula.
IMPRECISE = 1e-4
#: Above this tolerance (statistical tests) resemblances are too easy to find.
LOOSE = 1e-5
#: Beyond this many entries only the cheap relations are looked for.
LARGE = 1_000_000
#: So many different sizes are no toy case, whatever they are.
LARGEST_TOY = 100


FUNCTIONS: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("the square of", np.square),
    ("the square root of", np.sqrt),
    ("the reciprocal of", np.reciprocal),
    ("the exponential of", np.exp),
    ("the logarithm of", np.log),
)


@dataclass(frozen=True)
class Pair:
    """A wrong array and the right one: same shape, finite, float64."""

    actual: NDArray[np.float64]
    expected: NDArray[np.float64]
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
        return max(self.rtol, LOOSE if any(map(is_single, self.dtypes)) else 1e-8)

    @cached_property
    def error(self) -> NDArray[np.float64]:
        """The difference of the two."""
        return self.actual - self.expected

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """Which entries are as they should be."""
        size = np.abs(self.expected)
        allowed: NDArray[np.float64] = 10 * self.tolerance * (size + 0.01 * size.max())
        return np.abs(self.error) <= allowed

    @cached_property
    def wrong(self) -> NDArray[np.bool_]:
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


def are(count: int) -> str:
    """The verb that goes with a count."""
    return "is" if count == 1 else "are"


def is_single(dtype: np.dtype) -> bool:
    """Whether a dtype has less than double precision."""
    return dtype.kind == "f" and dtype.itemsize < 8


def is_constant(x: np.ndarray, axis: int | None = None) -> bool:
    """Whether x stays the same along an axis, to rounding of its own size."""
    spread = np.abs(x - x.mean(axis=axis, keepdims=True)).max()
    return bool(spread <= 1e-7 * np.abs(x).max())


def is_round_number(number: float) -> bool:
    """Whether a number is a multiple of 1/2, …, 1/12, as toy cases and counts are."""
    return any(abs(number * k - round(number * k)) < 1e-9 for k in range(1, 13))


def telling(x: np.ndarray) -> bool:
    """Whether agreeing with these numbers is no accident: three that differ, or one that is odd."""
    sizes = np.unique(np.abs(x[np.isfinite(x)]))
    odd = any(not is_round_number(float(size)) for size in sizes[:LARGEST_TOY])
    return bool(odd and (x.size == 1 or np.count_nonzero(sizes) >= 3))


def common_ratio(a: np.ndarray, e: np.ndarray, tolerance: float) -> float | None:
    """The k for which a = k e, if at least two entries bear witness."""
    if np.count_nonzero(e) < 2 or not np.any(a):
        return None
    scale = np.abs(e).max()
    k = float(np.sum(a * (e / scale)) / np.sum(e * (e / scale)))
    return k if k != 0 and np.isfinite(k) and same(a, k * e, tolerance) else None


def apply(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray | None:
    """Apply a function to every entry; None if it is not defined for one of them."""
    with np.errstate(all="ignore"):
        y = function(x)
    return y if np.isfinite(y).all() else None
