"""A module of hidden tests: plain functions, collected once, run on one student after another."""

from __future__ import annotations

import hashlib
import inspect
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from autograder.checking.marks import mark_of, place_of
from autograder.checking.running import BrokenTest, blaming

Test = Callable[..., None]
#: Runs a test with its fixtures.
Runner = Callable[[Test, dict[str, Any]], None]
#: Makes the fixtures of a test.
Fixtures = Callable[[Test], Mapping[str, Any]]

#: What every hidden test can ask for.
FIXTURES = ("student", "reference", "rng")


class HiddenTests:
    """The functions of a module whose names begin with ``test_``, in their order.

    Parameters
    ----------
    module : module

    Raises
    ------
    BrokenTest
        If one of them cannot be run as a hidden test.
    """

    def __init__(self, module: ModuleType) -> None:
        self._tests = [
            value
            for name, value in vars(module).items()
            if name.startswith("test_") and isinstance(value, FunctionType)
        ]
        for test in self._tests:
            _check(test)
        self.exercises = list(dict.fromkeys(map(_exercise, self._tests)))

    def of(self, exercise: str) -> list[Test]:
        """List the tests of one exercise."""
        return [test for test in self._tests if _exercise(test) == exercise]

    def run(self, fixtures: Fixtures, runner: Runner, only: Iterable[str] | None = None) -> float:
        """Run the tests in order, each through ``runner``.

        Parameters
        ----------
        fixtures : callable
            Gives the values of ``student``, ``reference`` and ``rng`` for a test.
        runner : callable
            Called as ``runner(test, arguments)``; what it raises is a fault of the test.
        only : iterable of str, optional
            The exercises whose tests run; all of them by default.

        Returns
        -------
        float
            Seconds of this process's CPU that the tests took.

        Raises
        ------
        BrokenTest
            If a test is broken.
        """
        chosen = None if only is None else frozenset(only)
        cpu = 0.0
        with _silence():
            for test in self._tests:
                if chosen is None or _exercise(test) in chosen:
                    cpu += _run(test, fixtures, runner)
        return cpu


def generator(test: Test, seed: int) -> np.random.Generator:
    """Make the generator of a hidden test, from a key of its own.

    Whoever learns numbers that it drew learns nothing of the course's seed, nor of other tests'.
    """
    name = getattr(test, "__name__", "")
    key = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(key))


def _check(test: FunctionType) -> None:
    """See that a function is a hidden test that can be run."""
    name, where = test.__name__, place_of(test)
    if mark_of(test) is None:
        raise BrokenTest(f"{where}: {name} has no @exercise(…): say which exercise it tests.")
    strange = [each for each in inspect.signature(test).parameters if each not in FIXTURES]
    if strange:
        raise BrokenTest(
            f"{where}: {name} asks for {strange[0]!r}; a hidden test can ask for "
            f"{', '.join(FIXTURES)}. Make what else it needs in a function that it calls."
        )
    if marks := [mark.name for mark in getattr(test, "pytestmark", ())]:
        raise BrokenTest(
            f"{where}: {name} has pytest's mark {marks[0]!r}; a hidden test always runs, and once: "
            "write a loop, or a test for each case."
        )


def _exercise(test: Test) -> str:
    mark = mark_of(test)
    assert mark is not None  # collection has seen to it
    return mark.name


def _run(test: Test, fixtures: Fixtures, runner: Runner) -> float:
    """Run one test and give the CPU seconds that it took."""
    began = time.process_time()
    with blaming(test):
        values = fixtures(test)
        runner(test, {name: values[name] for name in inspect.signature(test).parameters})
    return time.process_time() - began


@contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield
