"""A student whose answers are written down, so that they can be explained."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.checking.student import Student, StudentError, is_plain


@dataclass
class Call:
    """A call of the student's code: what it was given, by name, and what it gave back."""

    function: str = ""
    label: Callable[[], Iterator[tuple[str, np.ndarray]]] = lambda: iter(())
    result: Any = None

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """The arrays that went in, by the names that the student knows."""
        return dict(self.label())


class Recorder:
    """A student, in this process or another, whose answers are written down.

    Attributes
    ----------
    log : list
        What came back from calls and attribute reads, in order. An exception is logged as itself.
    last : str or None
        The function that was asked last.
    asked : set of str
        All names that were asked for.
    latest_call : Call
        Its call, if it was called.

    Parameters
    ----------
    student : Student
    signatures : Student, optional
        Whoever knows the names of the parameters: a student elsewhere does not tell them.
    """

    log: list[Any]
    last: str | None
    asked: set[str]
    latest_call: Call

    def __init__(self, student: Student, signatures: Student | None = None) -> None:
        self.__dict__.update(_inner=student, _signatures=signatures)
        self.__dict__.update(log=[], last=None, asked=set(), latest_call=Call())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.asked.add(name)
        return self._record(name, lambda: getattr(self._inner, name))

    def put(self, value: Any) -> Any:
        """Hand a value over; nothing comes back that is worth a note."""
        try:
            return self._inner.put(_stripped(value))
        except Exception as error:
            self.log.append(error)
            raise

    def get(self, handle: Any) -> Any:
        """Fetch what a handle stands for, and note it."""
        return self._record(self.last, lambda: self._inner.get(handle))

    def probe(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
        """Call a function, and note what it gives and how it leaves its arguments."""
        self.__dict__["latest_call"] = call = Call(name)
        self.asked.add(name)
        call.result, left, named = self._asked(
            name, lambda: self._inner.probe(name, _stripped(args), _stripped(kwargs))
        )
        for value in (call.result, *left, *named.values()):
            self._note(value)
        return call.result, left, named

    def raised(self, error: BaseException) -> bool:
        """Whether an exception came from asking the student, not from the test's own lines."""
        return any(entry is error for entry in self.log)

    def _signature(self, name: str | None) -> list[str]:
        """Name the parameters of a function that lives elsewhere, as the reference has them."""
        try:
            return _parameters(getattr(self._signatures, str(name)))
        except (AttributeError, StudentError):
            return []

    def _record(self, name: str | None, ask: Callable[[], Any]) -> Any:
        value = self._asked(name, ask)
        self._note(value)
        return value

    def _asked(self, name: str | None, ask: Callable[[], Any]) -> Any:
        self.__dict__["last"] = name
        try:
            return self._wrapped(ask(), name)
        except Exception as error:
            self.log.append(error)
            raise

    def _note(self, value: Any) -> None:
        if not isinstance(value, _Recorded):
            self.log.append(value)

    def _wrapped(self, value: Any, name: str | None) -> Any:
        if isinstance(value, (tuple, list)):
            return type(value)(self._wrapped(item, name) for item in value)
        if isinstance(value, dict):
            return {key: self._wrapped(item, name) for key, item in value.items()}
        return value if is_plain(value) else _Recorded(self, value, name)


class _Recorded:
    """A function or object of the student's, whose calls and attributes are written down."""

    def __init__(self, recorder: Recorder, proxy: Any, name: str | None) -> None:
        self.__dict__.update(_recorder=recorder, _proxy=proxy, _name=name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._recorder._record(f"{self._name}.{name}", lambda: getattr(self._proxy, name))

    def __getitem__(self, key: Any) -> Any:
        return self._recorder._record(self._name, lambda: self._proxy[key])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args = _stripped(args)
        kwargs = _stripped(kwargs)

        def label() -> Iterator[tuple[str, np.ndarray]]:
            names = _parameters(self._proxy) or self._recorder._signature(self._name)
            return _labelled(names, args, kwargs)

        call = Call(str(self._name), label)
        self._recorder.__dict__["latest_call"] = call
        call.result = self._recorder._record(self._name, lambda: self._proxy(*args, **kwargs))
        return call.result


def _parameters(proxy: Any) -> list[str]:
    """Name the parameters of a function that is in this process."""
    try:
        return list(inspect.signature(proxy.__dict__["value"]).parameters)
    except (AttributeError, KeyError, TypeError, ValueError):
        return []


def _labelled(
    names: list[str], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Iterator[tuple[str, np.ndarray]]:
    """Give the arrays among the arguments, and within these, the names that the student knows."""
    pairs = [*zip(names, args, strict=False), *kwargs.items()]
    for name, value in pairs:
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            yield name, value
        elif isinstance(value, tuple):
            yield from _labelled([f"{name}[{i}]" for i in range(len(value))], value, {})
        elif isinstance(value, dict):
            yield from _labelled([f"{name}[{key!r}]" for key in value], (*value.values(),), {})


def _stripped(value: Any) -> Any:
    """Take the recorders off a value that goes to the student."""
    if isinstance(value, _Recorded):
        return value.__dict__["_proxy"]
    if type(value) in (tuple, list):
        return type(value)(map(_stripped, value))
    if type(value) is dict:
        return {key: _stripped(item) for key, item in value.items()}
    return value
