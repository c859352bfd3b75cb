"""What a test says of a result: comparisons that fail with a diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.checking import diagnose, resemblance
from autograder.checking.recorder import Call
from autograder.checking.resemblance import Pair
from autograder.checking.student import Student, StudentError


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
        """Say where among the results of the call the right value is, if it is one of them."""
        if not isinstance(call.result, tuple) or np.size(self.expected) == 0:
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
    pairs = zip(args, left, strict=True)
    places = [(f"its {_ordinal(i)} argument", *pair) for i, pair in enumerate(pairs)]
    places += [(f"its argument {key}", kwargs[key], named[key]) for key in kwargs]
    for place, before, after in places:
        if not _identical(before, after):
            raise Mismatch(
                f"{function} changes {place} in place: the caller's array is no longer what it "
                "was. Work on a copy, or make a new array."
            )


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
