"""What a test of a student's function is made of: a mark, comparisons, and a student to call.

A test is a plain function. Its first docstring line is the sentence that the student reads, and its
parameters are fixtures: ``student``, ``rng`` and, in hidden tests, ``reference``.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import operator
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from autograder.checking import diagnose

Test = TypeVar("Test", bound=Callable[..., None])

#: Libraries that a NumPy exercise leaves to others: missing one of these is no accident.
LIBRARIES = {
    *("cupy", "cv2", "jax", "keras", "matplotlib", "mxnet", "numba", "pandas", "scipy", "skimage"),
    *("sklearn", "tensorflow", "theano", "torch", "torchvision", "tqdm", "transformers", "umap"),
}


@dataclass
class _Call:
    """The latest call of the student's code: what it was given, by name, and what it gave back."""

    function: str = ""
    label: Callable[[], Iterator[tuple[str, np.ndarray]]] = lambda: iter(())
    result: Any = None

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """The arrays that went in, by the names that the student knows."""
        return dict(self.label())


_call: ContextVar[_Call] = ContextVar("call")


def _latest() -> _Call:
    return _call.get(None) or _Call()


@dataclass(frozen=True)
class Mark:
    """Which exercise a test belongs to, what it weighs there, and the CPU seconds of one call."""

    name: str
    weight: float = 1.0
    cpu_seconds: float | None = None


def exercise(
    name: str, *, weight: float = 1.0, cpu_seconds: float | None = None
) -> Callable[[Test], Test]:
    """Mark a test as one of an exercise's.

    Parameters
    ----------
    name : str
        The exercise, as in the notebook's cell and the gradebook.
    weight : float
        The test's share of the exercise's points, relative to its other tests.
    cpu_seconds : float, optional
        A tighter limit for each call of the student's code.
    """

    def decorate(test: Test) -> Test:
        test.__exercise__ = Mark(name, weight, cpu_seconds)  # type: ignore[attr-defined]
        return test

    return decorate


def mark_of(test: Callable[..., Any]) -> Mark | None:
    """Return the mark that `exercise` gave a test, if any."""
    return getattr(test, "__exercise__", None)


class Mismatch(AssertionError):
    """A result is not what it should be; its text is the diagnosis that the student reads."""


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
    message = diagnose.explain(
        actual,
        expected,
        name=name,
        axes=axes,
        sizes=sizes,
        rtol=rtol,
        inputs=lambda: _latest().inputs,
    )
    if message is not None:
        raise Mismatch(message + _elsewhere(expected, rtol))


def _elsewhere(expected: Any, rtol: float) -> str:
    """Say where among the results of the latest call the right value is, if it is one of them."""
    call = _latest()
    if not isinstance(call.result, tuple) or np.size(expected) == 0:
        return ""
    for place, item in enumerate(call.result):
        if diagnose.explain(item, expected, name="", rtol=rtol) is None:
            return (
                f" The right value is what {call.function} gives as its {_ordinal(place)} result."
            )
    return ""


def assert_unchanged(student: Any, function: str, *args: Any, **kwargs: Any) -> None:
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


# The student in this process. Values are copied on the way in and out, as they are across a pipe.


class Namespace:
    """The names that a notebook defined, in this process, with the face of a remote student.

    Attribute access gives functions, classes and values. Plain values come back as copies, torch
    tensors as arrays, and anything else as a proxy with attributes and calls of its own. Exceptions
    in the student's code are raised as `StudentError`.
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


class Recorder:
    """A student, in this process or another, whose answers are written down.

    Attributes
    ----------
    log : list
        What came back from calls and attribute reads, in order. An exception is logged as itself.
    last : str or None
        The function that was asked last.
    """

    def __init__(self, namespace: Any, signatures: Any = None) -> None:
        self.__dict__.update(_inner=namespace, _signatures=signatures, log=[], last=None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
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
        _call.set(call := _Call(name))
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

        call = _Call(str(self._name), label)
        _call.set(call)
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
    """Give the arrays among the arguments, and within tuples, the names that the student knows."""
    pairs = [*zip(names, args, strict=False), *kwargs.items()]
    for name, value in pairs:
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            yield name, value
        elif isinstance(value, tuple):
            yield from _labelled([f"{name}[{i}]" for i in range(len(value))], value, {})


def is_plain(value: Any) -> bool:
    """Tell a value that was copied from one that stays with the student."""
    kinds = (bool, int, float, complex, str, bytes, tuple, list, dict, np.ndarray, np.generic)
    return value is None or isinstance(value, kinds)


def _stripped(value: Any) -> Any:
    """Take the recorders off a value that goes to the student."""
    if isinstance(value, _Recorded):
        return value.__dict__["_proxy"]
    if type(value) in (tuple, list):
        return type(value)(map(_stripped, value))
    if type(value) is dict:
        return {key: _stripped(item) for key, item in value.items()}
    return value


# Running a test


@dataclass(frozen=True)
class Result:
    """What came of one test.

    ``outcome`` is ``"passed"``, ``"failed"``, ``"unanswered"`` (still the stub) or ``"forbidden"``
    (a library that the exercise does without). ``log`` is what the student's code gave back.
    """

    name: str
    exercise: str
    sentence: str
    outcome: str
    diagnosis: str | None = None
    weight: float = 1.0
    log: list[Any] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        test: Callable[..., None],
        outcome: str,
        diagnosis: str | None = None,
        log: list[Any] | None = None,
    ) -> Result:
        """Put a test's outcome beside its name and its sentence."""
        mark = mark_of(test) or Mark("")
        sentence = (inspect.getdoc(test) or test.__name__).partition("\n")[0].strip()
        return cls(test.__name__, mark.name, sentence, outcome, diagnosis, mark.weight, log or [])


def run_test(
    test: Callable[..., None],
    fixtures: Mapping[str, Any],
    control: Callable[[], Mapping[str, Any]] | None = None,
) -> Result:
    """Run one test on a student and say what came of it.

    Parameters
    ----------
    test : callable
        The test; it is given those of the fixtures that it names.
    fixtures : mapping
        ``student`` and whatever else tests ask for.
    control : callable, optional
        Makes fixtures whose ``student`` is known to be right. When the test's own lines raise, it
        is run on these as well: if it raises again the test is broken, else the student's results
        are the cause (too few values, say). Without it, they are if there are any.

    Raises
    ------
    Exception
        Whatever a broken test raises, and the death of a remote student.
    """
    student = fixtures["student"]
    given = dict(fixtures)
    reference = given.get("reference")
    recorder = student if isinstance(student, Recorder) else Recorder(student, reference)
    given["student"] = recorder
    _call.set(_Call())
    outcome, diagnosis = "passed", None
    try:
        test(**{key: given[key] for key in inspect.signature(test).parameters})
    except AssertionError as error:
        outcome, diagnosis = "failed", _assertion(error)
    except Exception as error:
        if _is_students(error) and getattr(error, "origin", None) is not reference:
            outcome, diagnosis = explain_error(error, recorder.last, mark_of(test))
        elif (
            _is_students(error) or recorder.raised(error) or (control is None and not recorder.log)
        ):
            raise
        else:
            right = None if control is None else _logged(test, control())
            outcome, diagnosis = "failed", _unusable(error, recorder, right)
    return Result.of(test, outcome, diagnosis, recorder.log)


def _is_students(error: Exception) -> bool:
    return hasattr(error, "kind") and hasattr(error, "message")


def explain_error(error: Any, called: str | None, mark: Mark | None) -> tuple[str, str]:
    """Turn an exception in the student's code into an outcome and one sentence."""
    kind, message = error.kind, _shortened(error.message)
    where = last_line(error.trace)
    if kind == "NotImplementedError":
        return "unanswered", _unwritten(message, mark)
    if kind == "ModuleNotFoundError":
        library = re.search(r"No module named '([\w]+)", message)
        if library and library[1] in LIBRARIES:
            return (
                "forbidden",
                f"{library[1]} is not to be used here{where}: this exercise needs NumPy alone.",
            )
    if kind in ("MemoryError", "_ArrayMemoryError"):
        return "out_of_memory", f"{called or 'The code'} asked for more memory than it may{where}."
    if kind == "NameError" and not where and message.endswith("is not defined"):
        return "failed", f"{message}: run the cell that defines it first."
    return (
        "failed",
        f"{called or 'The code'} raised {kind}{': ' + message if message else ''}{where}.",
    )


def _shortened(message: Any) -> str:
    """One line of at most 200 characters, and plain words for what NumPy says of `@`."""
    text = re.sub(
        r"matmul: .*\(size (\d+) is different from (\d+)\)",
        r"`@` needs inner sizes that agree, and these are \2 and \1",
        " ".join(str(message).split()),
    )
    return text if len(text) <= 200 else text[:199] + "…"


def _unwritten(message: str, mark: Mark | None) -> str:
    stub, _, task = message.partition(":")
    if mark and task and stub.strip() != mark.name:
        return f"This needs {stub.strip()}, which is not written yet:{task.rstrip('.')}."
    task = task.strip().rstrip(".")
    return f"Not written yet: {task}." if task else "Not written yet: replace the line that raises."


def last_line(trace: str) -> str:
    """Say which line of the student's raised, from the text of a traceback: `` (line 7: `…`)``."""
    entries = re.findall(
        r'File "[^"]*", line (\d+), in [^\n]*(?:\n +(?!File )(\S[^\n]*))?', trace or ""
    )
    if not entries:
        return ""
    number, code = entries[-1]
    return f" (line {number}: `{code}`)" if code else f" (line {number})"


def _assertion(error: AssertionError) -> str | None:
    if isinstance(error, Mismatch):
        return str(error)
    # pytest adds the values that were compared below the message: these stay with us.
    first = str(error).partition("\n")[0].strip()
    return None if not first or first.startswith("assert ") else first


def _logged(test: Callable[..., None], fixtures: Mapping[str, Any]) -> list[Any]:
    """Run a test on a student who is right and list what came back."""
    recorder = Recorder(fixtures["student"])
    given = {**fixtures, "student": recorder}
    test(**{key: given[key] for key in inspect.signature(test).parameters})
    return recorder.log


def _unusable(error: Exception, recorder: Recorder, right: list[Any] | None) -> str:
    """Say what about the last result made a test's own lines raise."""
    called = recorder.last or "The code"
    if not recorder.log:
        return (
            f"{called} gives an object that the test cannot use as it expects to: "
            "see what the docstring says."
        )
    result, place = recorder.log[-1], len(recorder.log) - 1
    if right is not None and place < len(right):
        name = f"{called}(…)" if called == _latest().function else called
        with contextlib.suppress(Exception):  # whatever it is, the test did not stand it either
            different = diagnose.explain(result, right[place], name=name)
            if different:
                return different
    if isinstance(error, KeyError) and isinstance(result, dict) and error.args[0] not in result:
        return f"{called} has no {error.args[0]!r}."
    if result is None:
        return f"{called} gives None: does every path through it end in a `return`?"
    return _unpacked(error, called, result) or (
        f"{called} gives {diagnose.kind_of(result)}, which the test cannot use as it expects to "
        f"({type(error).__name__}): see what the docstring says."
    )


def _unpacked(error: Exception, called: str, result: Any) -> str | None:
    """Say how many values are expected, if the result as a whole was certainly unpacked."""
    wanted = re.search(r"unpack \(expected (\d+)", str(error))
    line = traceback.extract_tb(error.__traceback__)[-1].line or ""
    targets, _, value = line.partition("=")
    if (
        not wanted
        or "(" in targets
        or f"student.{called}(" not in value
        or "[" in value.split(")")[-1]
    ):
        return None
    found = diagnose.kind_of(result)
    if isinstance(result, (tuple, list)):
        found = f"{len(result)} values" if len(result) != 1 else "one value"
    return f"{called} gives {found}, and {wanted[1]} values are expected: see its docstring."
