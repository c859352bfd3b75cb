"""The student's code as a test sees it, and the face that all its forms share."""

from __future__ import annotations

import copy
import operator
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Expression:
    """A callable or object given as source text, which is evaluated where the student's code lives.

    Without a `name`, `source` is an expression; with one, it is statements that define `name`.
    ``np`` is in scope.
    """

    source: str
    name: str | None = None

    def evaluate(self) -> Any:
        """Return what the source text stands for."""
        scope: dict[str, Any] = {"np": np}
        if self.name is None:
            return eval(self.source, scope)
        exec(self.source, scope)
        return scope[self.name]


class StudentError(Exception):
    """An exception in the student's code: its kind, its message and where it was raised."""

    def __init__(self, kind: str, message: str, trace: str = "", origin: object = None) -> None:
        super().__init__(f"{kind}: {message}" if message else kind)
        self.kind = kind
        self.message = message
        self.trace = trace
        self.origin = origin


class Student(Protocol):
    """What a test holds: the names that a notebook defined, in this process or in another.

    Attribute access gives functions, classes and values. Plain values are copies; anything else is
    a proxy with attributes, items and calls of its own. Exceptions in the student's code are raised
    as `StudentError`.
    """

    def __getattr__(self, name: str) -> Any: ...

    def probe(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        """Call a function; return what it gives and its arguments as it leaves them."""
        ...

    def put(self, value: Any) -> Any:
        """Hand a copy of a value over, to be passed as an argument and looked at again."""
        ...

    def get(self, handle: Any) -> Any:
        """Return a fresh copy of what a handle stands for."""
        ...


def evaluated(student: Student, expression: Expression) -> Any:
    """Evaluate an expression where the student's code lives; what stays there can be called."""
    return student.get(student.put(expression))


class Namespace:
    """A student in this process; values are copied on the way in and out, as across a pipe.

    Torch tensors come back as arrays.
    """

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._outward(self._named(name))

    def _named(self, name: str) -> Any:
        if name not in self._names:
            raise StudentError("NameError", f"{name} is not defined", origin=self)
        return self._names[name]

    def probe(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        """Call a function; return what it gives and its arguments as it leaves them."""
        given = [self.put(value) for value in args]
        named = {key: self.put(value) for key, value in kwargs.items()}
        result = self._call(self._named(name), given, named)
        left = tuple(self.get(handle) for handle in given)
        return result, left, {key: self.get(handle) for key, handle in named.items()}

    def put(self, value: Any) -> _Handle:
        """Hand a copy of a value over, to be passed as an argument and looked at again."""
        return _Handle(self._inward(value))

    def get(self, handle: _Handle) -> Any:
        """Return a fresh copy of what a handle stands for."""
        return self._outward(handle.value)

    def _inward(self, value: Any) -> Any:
        if isinstance(value, (_Handle, _Proxy)):
            return value.__dict__["value"]
        if isinstance(value, Expression):
            return value.evaluate()
        if type(value) in (tuple, list):
            return type(value)(self._inward(item) for item in value)
        if type(value) is dict:
            return {key: self._inward(item) for key, item in value.items()}
        return copy.deepcopy(value)

    def _outward(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float, complex, str, np.generic)):
            return value
        if isinstance(value, np.ndarray):
            return np.array(value)
        if hasattr(value, "detach") and hasattr(value, "numpy"):
            return np.array(value.detach().cpu().numpy())
        if isinstance(value, (tuple, list)):
            kind = tuple if isinstance(value, tuple) else list
            return kind(self._outward(item) for item in value)
        if isinstance(value, dict):
            return {key: self._outward(item) for key, item in value.items()}
        return _Proxy(self, value)

    def _call(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        args = [self._inward(value) for value in args]
        kwargs = {key: self._inward(value) for key, value in kwargs.items()}
        try:
            return self._outward(function(*args, **kwargs))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: a student's exit() ends no test run
            raise self.error(error) from None

    def error(self, error: BaseException) -> StudentError:
        """Turn an exception in the student's code into one that says where it was raised."""
        frames = list(traceback.walk_tb(error.__traceback__))
        own = [frame for frame in frames if frame[0].f_globals is self._names]
        lines = traceback.StackSummary.extract(iter(own)).format()
        message = str(error)
        return StudentError(type(error).__name__, message, "".join(lines), origin=self)


@dataclass
class _Handle:
    """A value that lives with the student."""

    value: Any


class _Proxy:
    """An object that stays with the student."""

    def __init__(self, namespace: Namespace, value: Any) -> None:
        self.__dict__.update(namespace=namespace, value=value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        space = self.__dict__["namespace"]
        return space._call(getattr, (self, name), {})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        space = self.__dict__["namespace"]
        return space._call(self.__dict__["value"], args, kwargs)

    def __getitem__(self, key: Any) -> Any:
        space = self.__dict__["namespace"]
        return space._call(operator.getitem, (self, key), {})

    def __repr__(self) -> str:
        return f"<the student's {type(self.__dict__['value']).__name__}>"


def leaves_of(
    value: Any, path: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], np.ndarray]]:
    """Walk the arrays, numbers and words within tuples, lists and dicts, each with its place."""
    if isinstance(value, (tuple, list)):
        for place, item in enumerate(value):
            yield from leaves_of(item, (*path, place))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves_of(item, (*path, key))
    elif value is None or isinstance(value, (bool, int, float, str, np.ndarray, np.generic)):
        yield path, np.asarray(value)


def is_plain(value: Any) -> bool:
    """Tell a value that was copied from one that stays with the student."""
    kinds = (bool, int, float, complex, str, bytes, tuple, list, dict, np.ndarray, np.generic)
    return value is None or isinstance(value, kinds)
