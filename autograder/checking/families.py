"""Families of tests: what is asked alike of one function after another.

A `Case` is a call of the student's code and what is right about it. An author writes, once for each
function, how inputs become its case; each test of a family draws its inputs and asks one question:

- `assert_gives`: are the results right?
- `assert_caches`: is what is kept for the backward pass as the docstring says?
- `assert_keeps_float32`: does float32 in give float32 out?
- `assert_leaves_inputs_alone`: is no argument changed in place?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checking.arrays import single
from autograder.checking.comparing import assert_close, assert_float32, assert_unchanged
from autograder.checking.gradients import numerical_gradients
from autograder.checking.student import Student

CACHE = "cache"
#: A number in float32 is a sum over many: it may be so many times less accurate than an array.
SLACK = 10
#: What central differences of values of about 10 are off by, eps/h times these, and a margin.
ROUNDING = 1e-9
#: Below this a gradient is taken for one that should be zero.
LEAST_GRADIENT = 1e-6


class WrongCount(ValueError):
    """A function gives another number of results than its case has."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"{expected} results are expected")
        self.expected = expected


@dataclass(frozen=True)
class Right:
    """What a result should be, and what else `assert_close` is told of it."""

    value: Any
    axes: str | None = None
    rtol: float = 1e-7
    sizes: Mapping[str, int] | None = None


#: What was given for a result, with what it is called and what it should be.
Pair = tuple[str, Any, Right]


class Case:
    """A call of a function of the student's, in float64, and what it should give.

    Parameters
    ----------
    function : str
    arguments : tuple
    options : dict, optional
        The keyword arguments.
    **results : Right, dict of Right, or None
        By the student's names, in the order in which the function returns them. A dict is a tuple
        of results, such as ``cache={"x": Right(x, "ND"), …}``; None is not looked at.
    """

    def __init__(
        self,
        function: str,
        arguments: tuple[Any, ...],
        options: Mapping[str, Any] | None = None,
        **results: Right | Mapping[str, Right] | None,
    ) -> None:
        self.function = function
        self.arguments = arguments
        self.options = options or {}
        self.results = results
        self.apart = False  # whether a result counts, however many there are besides

    @classmethod
    def backward(
        cls,
        function: str,
        forward: Callable[..., Any],
        inputs: tuple[Any, ...],
        dout: Any,
        cache: Any,
        sizes: Mapping[str, int] | None = None,
        **axes: str | None,
    ) -> Case:
        """Make the case of a backward pass: its gradients are central differences.

        Each of them counts by itself: where one is missing, the others can still be right.

        Parameters
        ----------
        function : str
        forward : callable
            The definition of the forward pass, ``forward(*inputs)``.
        inputs : tuple of array_like
            What is differentiated by, in the order of the gradients.
        dout, cache
            What the function is called with.
        sizes : dict, optional
            As for `assert_close`.
        **axes : str or None
            The axes of each gradient, by its name.
        """
        gradients = numerical_gradients(lambda values: forward(*values), inputs, dout)
        case = cls(function, (dout, cache), None, **_rights(axes, gradients, sizes))
        case.apart = True
        return case

    @classmethod
    def loss(
        cls,
        function: str,
        definition: Callable[..., float],
        arguments: tuple[Any, ...],
        rtol: float,
        sizes: Mapping[str, int] | None = None,
        **axes: str | None,
    ) -> Case:
        """Make the case of a loss that comes with its gradients, which are central differences.

        Parameters
        ----------
        function : str
        definition : callable
            The loss of the arguments, ``definition(*arguments)``.
        arguments : tuple
            The first of them are what is differentiated by.
        rtol : float
            The relative error allowed in the loss itself.
        sizes : dict, optional
            As for `assert_close`.
        **axes : str or None
            Of what it gives, by name: the loss, which has none, and the axes of each gradient.
        """
        (name, _), *rest = axes.items()
        some, others = arguments[: len(rest)], arguments[len(rest) :]
        gradients = numerical_gradients(lambda values: definition(*values, *others), some)
        value = Right(float(definition(*arguments)), rtol=rtol, sizes=sizes)
        results = {name: value} | _rights(dict(rest), gradients, sizes)
        return cls(function, arguments, None, **results)

    def __repr__(self) -> str:
        return f"{self.function}(…)"

    @property
    def cache(self) -> Any:
        """What the function keeps for its backward pass, when it is right."""
        kept = self.results[CACHE]
        if isinstance(kept, Mapping):
            return tuple(right.value for right in kept.values())
        return None if kept is None else kept.value

    def given(self, student: Student) -> Any:
        """Call the student's function and return what it gives."""
        return getattr(student, self.function)(*self.arguments, **self.options)

    def in_float32(self) -> Case:
        """Make the same call in float32."""
        arguments, options = single((self.arguments, self.options))
        return Case(self.function, arguments, options, **self.results)

    def beside(self, given: Any, *names: str) -> list[Pair]:
        """Set what was given beside what is right: all but the cache, or what is named."""
        wanted = names or tuple(name for name in self.results if name != CACHE)
        parts = [given] if len(self.results) == 1 else self._counted(given, names)
        places = {name: place for place, name in enumerate(self.results)}
        pairs: list[Pair] = []
        for name in wanted:
            right, part = self.results[name], parts[places[name]]
            if isinstance(right, Right):
                pairs.append((name, part, right))
            elif right is not None:
                items = zip(right.items(), part, strict=True)
                pairs += [(f"{key} in the {name}", value, item) for (key, item), value in items]
        if not pairs:
            raise LookupError(f"{self} does not say what is right: there is nothing to compare.")
        return pairs

    def _counted(self, given: Any, names: tuple[str, ...]) -> Any:
        """See that there are as many results as there should be, or some if they count apart."""
        some = names and self.apart
        if not isinstance(given, (tuple, list)) or not (some or len(given) == len(self.results)):
            raise WrongCount(len(self.results))
        return given


def _rights(
    axes: Mapping[str, str | None],
    values: tuple[np.ndarray, ...],
    sizes: Mapping[str, int] | None,
) -> dict[str, Right]:
    pairs = zip(axes.items(), values, strict=True)
    return {
        name: Right(value[()], along, _rtol_of_differences(value), sizes)
        for (name, along), value in pairs
    }


def _rtol_of_differences(gradient: np.ndarray) -> float:
    """Allow for the rounding of central differences, which stays where the terms cancel."""
    return max(Right.rtol, ROUNDING / max(float(np.linalg.norm(gradient)), LEAST_GRADIENT))


def assert_gives(student: Student, case: Case, *names: str) -> None:
    """See that a function gives what is right, in all its results but the cache.

    Parameters
    ----------
    student : Student
    case : Case
    *names : str
        The results that this test is about, if not about all.

    Raises
    ------
    Mismatch
        With a diagnosis of the first result that is off.
    """
    given = case.given(student)
    for name, actual, right in case.beside(given, *names):
        _assert_right(name, actual, right)


def assert_caches(student: Student, case: Case) -> None:
    """See that a forward pass keeps for the backward pass what its docstring says."""
    for name, actual, right in case.beside(case.given(student), CACHE):
        _assert_right(name, actual, right)


def assert_keeps_float32(student: Student, *cases: Case, rtol: float = 1e-6) -> None:
    """See that a function keeps float32 in its arrays, and is as accurate as float32 allows.

    Parameters
    ----------
    student : Student
    *cases : Case
        Of the exercise's functions, one after the other; their arguments are turned into float32.
    rtol : float
        The relative error allowed in an array; a number may have ten times as much.
    """
    for case in map(Case.in_float32, cases):
        for name, actual, right in case.beside(case.given(student)):
            if np.ndim(right.value) == 0:
                assert_close(float(actual), float(right.value), name=name, rtol=SLACK * rtol)
            else:
                assert_float32(actual, right.value, name=name, axes=right.axes, rtol=rtol)


def assert_leaves_inputs_alone(student: Student, *cases: Case) -> None:
    """See that functions change no argument in place.

    A function that does nothing changes nothing, so the first result of the first case has to be
    right as well.

    Parameters
    ----------
    student : Student
    *cases : Case
        Of the exercise's functions, one after the other.
    """
    case = cases[0]
    name, actual, right = case.beside(case.given(student), next(iter(case.results)))[0]
    _assert_right(name, actual, right)
    for case in cases:
        assert_unchanged(student, case.function, *case.arguments, **case.options)


def _assert_right(name: str, actual: Any, right: Right) -> None:
    assert_close(
        actual, right.value, name=name, axes=right.axes, rtol=right.rtol, sizes=right.sizes
    )
