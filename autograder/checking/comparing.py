"""What a test says of a result: comparisons that fail with a diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checking import diagnose, resemblance
from autograder.checking.arrays import single
from autograder.checking.recorder import Call
from autograder.checking.resemblance import Pair
from autograder.checking.student import Expression, Student, StudentError, leaves_of


class Mismatch(AssertionError):
    """A result is not what it should be; its text is the diagnosis that the student reads."""

    def explained(self, call: Call) -> str:
        """Say what is wrong, knowing the call of the student's code that gave the result."""
        return str(self)


class Difference(Mismatch):
    """A result differs from what it should be; in what way is looked into when somebody asks."""

    def __init__(self, found: str | Pair, expected: Any, rtol: float) -> None:
        super().__init__(found, expected, rtol)
        self.found, self.expected, self.rtol = found, expected, rtol

    def __str__(self) -> str:
        return self.explained(Call())

    def explained(self, call: Call) -> str:
        """Say what is wrong: a factor or term that is missing may be among the call's inputs."""
        said = self.found
        if isinstance(said, Pair):
            said = resemblance.describe(replace(said, inputs=call.inputs))
        return said + self._elsewhere(call)

    def _elsewhere(self, call: Call) -> str:
        """Say where among the results of the call the right value is, if it is one of them.

        Zeros, constants and round numbers are found in many places, and so is what went in.
        """
        if not isinstance(call.result, tuple) or not isinstance(self.expected, diagnose.ARRAYS):
            return ""
        right = np.asarray(self.expected)
        if right.dtype.kind not in "iuf" or not resemblance.telling(right):
            return ""
        if any(np.isin(right.round(9), x.round(9)).all() for x in call.inputs.values()):
            return ""
        for place, item in enumerate(call.result):
            if diagnose.difference(item, self.expected, name="", rtol=self.rtol) is None:
                which = _ordinal(place)
                return f" The right value is what {call.function} gives as its {which} result."
        return ""


def assert_close(
    actual: Any,
    expected: Any,
    *,
    name: str,
    axes: str | None = None,
    rtol: float = 1e-7,
    sizes: Mapping[str, int] | None = None,
) -> None:
    """Compare a result with what it should be, in type, shape, dtype and value.

    Values agree if ‖a − b‖ / (‖a‖ + ‖b‖) ≤ rtol, with Euclidean norms over the whole array.

    Parameters
    ----------
    actual, expected : number, ndarray, or tuple, list or dict of these
        The student's result and the right one.
    name : str
        What the student calls the result, such as ``"db"``.
    axes : str, optional
        One letter an axis, such as ``"ND"``, from the alphabet of axes.
    rtol : float
        The relative error allowed.
    sizes : dict, optional
        Further sizes, such as ``{"N": 32}``, by which a constant factor can be named.

    Raises
    ------
    Mismatch
        With a diagnosis that shows neither expected values nor inputs.
    """
    found = diagnose.difference(actual, expected, name=name, axes=axes, sizes=sizes, rtol=rtol)
    if found is not None:
        raise Difference(found, expected, rtol)


def assert_unchanged(student: Student, function: str, *args: Any, **kwargs: Any) -> None:
    """Call a function of the student's and see that it leaves its arguments as they were.

    Raises
    ------
    Mismatch
        Naming the argument that changed.
    """
    _, left, named = student.probe(function, args, kwargs)
    before, after = [*args, *kwargs.values()], [*left, *named.values()]
    for number in range(len(before)):
        if not _identical(before[number], after[number]):
            raise Mismatch(_in_place(student, function, args, kwargs, number))


def _in_place(
    student: Student, function: str, args: tuple[Any, ...], kwargs: dict[str, Any], number: int
) -> str:
    """Say what of an argument changes: an array, or what a dict or list holds."""
    given = [*args, *kwargs.values()]
    place = f"its {_ordinal(number)} argument"
    if number >= len(args):
        place = f"its argument {[*kwargs][number - len(args)]}"
    if isinstance(given[number], (dict, list, tuple)):
        whole = given[number]
        parts = whole.items() if isinstance(whole, dict) else enumerate(whole)
        arrays = {key: part for key, part in parts if isinstance(part, np.ndarray)}
        handles = {key: student.put(array) for key, array in arrays.items()}
        given[number] = _with(whole, handles)
        named = dict(zip(kwargs, given[len(args) :], strict=True))
        getattr(student, function)(*given[: len(args)], **named)
        changed = [key for key in arrays if not _identical(arrays[key], student.get(handles[key]))]
        if not changed:
            return (
                f"{function} changes {place} in place: the caller's {type(whole).__name__} no "
                "longer holds what it did. Make a new one."
            )
        key = changed[0]
        which = f"array {key!r}" if isinstance(whole, dict) else f"{_ordinal(key)} array"
        place = f"the {which} of {place}"
    return (
        f"{function} changes {place} in place: the caller's array is no longer what it was. Work "
        "on a copy, or make a new array."
    )


def _with(whole: Any, parts: Mapping[Any, Any]) -> Any:
    """Copy a dict, list or tuple with some of its items replaced."""
    if isinstance(whole, dict):
        return {**whole, **parts}
    return type(whole)(parts.get(place, item) for place, item in enumerate(whole))


class Lent:
    """Values that the student holds while a test runs, to be looked at again when it is over.

    Parameters
    ----------
    student : Student
    **values
        By the names that the student knows; ``lent["x"]`` is what to pass as an argument.
    """

    def __init__(self, student: Student, **values: Any) -> None:
        self._student = student
        self._values = values
        self._handles = {name: student.put(value) for name, value in values.items()}

    def __getitem__(self, name: str) -> Any:
        return self._handles[name]

    def assert_unchanged(self, otherwise: str) -> None:
        """See that all values are what they were.

        Parameters
        ----------
        otherwise : str
            What to say of one that is not, such as ``"train changes {} in place."``
        """
        for name, expected in self._values.items():
            actual = self._student.get(self._handles[name])
            if not np.array_equal(actual, expected):
                raise Mismatch(otherwise.format(name))


def assert_raises(kind: str, call: Callable[[], Any], otherwise: str) -> None:
    """See that a call of the student's code raises an exception of this kind, and no other.

    Parameters
    ----------
    kind : str
        Such as ``"ValueError"``.
    call : callable
    otherwise : str
        What to say if it raises nothing.
    """
    try:
        call()
    except StudentError as error:
        if error.kind != kind:
            raise
    else:
        raise Mismatch(otherwise)


def assert_float32(
    actual: Any, expected: Any, *, name: str, axes: str | None = None, rtol: float = 1e-6
) -> None:
    """See that a result is float32, as its inputs were, and as accurate as float32 allows.

    Parameters are those of `assert_close`.
    """
    kind = np.asarray(actual).dtype
    if kind != np.float32:
        raise Mismatch(f"{name} is {kind} for float32 inputs: keep the dtype of the inputs.")
    assert_close(actual, np.asarray(expected, np.float32), name=name, axes=axes, rtol=rtol)


def assert_returns_float32(student: Student, function: str, *args: Any, **kwargs: Any) -> None:
    """Call a function of the student's with float32 arrays, and see that it gives no others.

    Raises
    ------
    Mismatch
        Naming the dtype that came back.
    """
    result = getattr(student, function)(*single(args), **single(kwargs))
    for _, array in leaves_of(result):
        if array.ndim and array.dtype.kind == "f" and array.dtype != np.float32:
            raise Mismatch(
                f"{function} gives {array.dtype} for float32 inputs: keep the dtype of the inputs."
            )


STRICT = Expression(
    """
def strict(function):
    def called(*args, **kwargs):
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            return function(*args, **kwargs)
    called.__wrapped__ = function
    return called
""",
    "strict",
)


def strictly(student: Student, function: str) -> Callable[..., Any]:
    """Give a function of the student's in which overflow, x/0 and 0/0 raise, and do not warn."""
    given = getattr(student, function)
    strict: Callable[..., Any] = student.get(student.put(STRICT))(given)
    return strict


def _ordinal(index: int) -> str:
    words = ("first", "second", "third", "fourth", "fifth", "sixth")
    return words[index] if index < len(words) else f"{index + 1}th"


def _identical(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(_identical, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_identical(a[key], b[key]) for key in a)
    a, b = np.asarray(a), np.asarray(b)
    return (
        a.shape == b.shape and a.dtype == b.dtype and bool(np.all((a == b) | ((a != a) & (b != b))))
    )
