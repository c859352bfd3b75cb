"""Running one test on one student, and saying what came of it."""

from __future__ import annotations

import contextlib
import inspect
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder.checking import diagnose
from autograder.checking.comparing import Mismatch
from autograder.checking.families import WrongCount
from autograder.checking.marks import Mark, mark_of
from autograder.checking.recorder import Recorder
from autograder.checking.student import Student
from autograder.errors import UserError, told
from autograder.files import shown

#: Libraries that a NumPy exercise leaves to others: missing one of these is no accident.
LIBRARIES = {
    *("cupy", "cv2", "jax", "keras", "matplotlib", "mxnet", "numba", "pandas", "scipy", "skimage"),
    *("sklearn", "tensorflow", "theano", "torch", "torchvision", "tqdm", "transformers", "umap"),
}

#: Numbers with so many digits, and rows of numbers, are data; a sentence needs neither.
DATA = re.compile(r"\[[^\]]*\d[^\]]*\]?|-?\d*\.\d{4,}(?:e[-+]?\d+)?|\d{6,}")
LONGEST_SENTENCE = 300


class BrokenTest(UserError):
    """A test cannot be run: never the student's fault; the message says where and what to do."""


@dataclass(frozen=True)
class Result:
    """What came of one test.

    ``outcome`` is ``"passed"``, ``"failed"``, ``"unanswered"`` (still the stub) or ``"forbidden"``
    (a library that the exercise does without). ``log`` is what the student's code gave back,
    ``asked`` the names that the test asked for.
    """

    name: str
    exercise: str
    sentence: str
    outcome: str
    diagnosis: str | None = None
    weight: float = 1.0
    log: list[Any] = field(default_factory=list, repr=False, compare=False)
    asked: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

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
    given = dict(fixtures)
    student: Student = given["student"]
    reference: Student | None = given.get("reference")
    given["student"] = recorder = Recorder(student, reference)
    outcome, diagnosis = "passed", None
    try:
        test(**{key: given[key] for key in inspect.signature(test).parameters})
    except AssertionError as error:
        outcome, diagnosis = "failed", _assertion(error, recorder)
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
    return replace(
        Result.of(test, outcome, diagnosis, recorder.log), asked=frozenset(recorder.asked)
    )


@contextlib.contextmanager
def blaming(test: Callable[..., None]) -> Iterator[None]:
    """Turn what a test's own lines raise into a `BrokenTest`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        path = test.__code__.co_filename
        said = told(error, path, shown(Path(path)))
        raise BrokenTest(f"{test.__name__} itself is broken: {said}") from error


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
    if kind == "FloatingPointError":
        said = f"{called or 'The code'}: {message}{where}"
        return "failed", f"{said}. NumPy only warns of that; here it counts as an error."
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


def _assertion(error: AssertionError, recorder: Recorder) -> str | None:
    if isinstance(error, Mismatch):
        return error.explained(recorder.latest_call)
    # pytest adds the values that were compared below the message: these stay with us.
    first = str(error).partition("\n")[0].strip()
    return None if not first or first.startswith("assert ") else _without_data(first)


def _without_data(sentence: str) -> str:
    """Take out of a test's own sentence what may be a hidden input that its author put in."""
    short = DATA.sub("…", sentence)
    return short if len(short) <= LONGEST_SENTENCE else short[: LONGEST_SENTENCE - 1] + "…"


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
        name = f"{called}(…)" if called == recorder.latest_call.function else called
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
    wanted = error.expected if isinstance(error, WrongCount) else _count_in(error, called)
    if wanted is None:
        return None
    found = diagnose.kind_of(result)
    if isinstance(result, (tuple, list)):
        found = f"{len(result)} values" if len(result) != 1 else "one value"
    return f"{called} gives {found}, and {wanted} values are expected: see its docstring."


def _count_in(error: Exception, called: str) -> str | None:
    """Find how many values a test's own ``a, b = student.f(…)`` unpacks."""
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
    return wanted[1]
