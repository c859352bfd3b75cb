"""Hidden tests, collected and driven by pytest; what each test finds is for its caller to say."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from autograder.testing import mark_of

#: Runs a test function with its fixtures.
Runner = Callable[[Callable[..., None], dict[str, Any]], None]
#: Makes the fixtures of a test.
Fixtures = Callable[[Callable[..., None]], Mapping[str, Any]]


class SuiteError(Exception):
    """The hidden tests themselves are broken: never the student's fault."""


def run(path: Path, fixtures: Fixtures, runner: Runner, only: Iterable[str] | None = None) -> float:
    """Run the tests of a file, in order, each through ``runner``.

    Parameters
    ----------
    path : Path
        The file of hidden tests.
    fixtures : callable
        Gives the values of ``student``, ``reference`` and ``rng`` for a test.
    runner : callable
        Called as ``runner(function, arguments)``; what it raises is a fault of the test.
    only : iterable of str, optional
        The exercises whose tests run; all of them by default.

    Returns
    -------
    float
        Seconds of this process's CPU that the tests took.
    """
    plugin = _Plugin(fixtures, runner, None if only is None else frozenset(only))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    arguments = [str(path), "-c", os.devnull, "--rootdir", str(path.parent), "--noconftest", "-qq"]
    arguments += ["-p", "no:cacheprovider", "-p", "no:warnings", "-p", "no:logging", "-s"]
    arguments += ["-o", f"python_files={path.name}", "--import-mode=importlib"]
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        pytest.main(arguments, plugins=[plugin])
    if plugin.error is not None:
        raise SuiteError(plugin.error)
    return plugin.cpu


class _Plugin:
    """Gives tests their fixtures and hands each one to the runner."""

    def __init__(self, fixtures: Fixtures, runner: Runner, only: frozenset[str] | None) -> None:
        self.make = fixtures
        self.runner = runner
        self.only = only
        self.error: str | None = None
        self.cpu = 0.0
        self.values: Mapping[str, Any] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        marks = {item: mark_of(item.function) for item in items if isinstance(item, pytest.Function)}
        for item, mark in marks.items():
            if mark is None:
                self.error = f"{item.name} has no @exercise(…): say which exercise it tests."
        items[:] = [
            item for item, mark in marks.items() if mark and (not self.only or mark.name in self.only)
        ]

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        assert isinstance(item, pytest.Function)
        self.values = self.make(item.function)

    @pytest.fixture
    def student(self) -> Any:
        """The functions under test."""
        return self.values["student"]

    @pytest.fixture
    def reference(self) -> Any:
        """The reference solution, in this process."""
        return self.values["reference"]

    @pytest.fixture
    def rng(self) -> Any:
        """A generator seeded by the course and the test's name."""
        return self.values["rng"]

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        names = pyfuncitem._fixtureinfo.argnames
        arguments = {name: pyfuncitem.funcargs[name] for name in names}
        began = time.process_time()
        try:
            self.runner(pyfuncitem.function, arguments)
        finally:
            self.cpu += time.process_time() - began
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.error is None:
            self.error = f"{report.nodeid.split('::')[-1]} itself is broken:\n{report.longreprtext}"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self.error is None:
            self.error = f"The hidden tests cannot be collected:\n{report.longreprtext}"

