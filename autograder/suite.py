"""Hidden tests, collected and driven by pytest; what each test finds is for its caller to say."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autograder.testing import mark_of

#: Runs a test function with its fixtures.
Runner = Callable[[Callable[..., None], dict[str, Any]], None]
#: Makes the fixtures of a test.
Fixtures = Callable[[Callable[..., None]], Mapping[str, Any]]


#: pytest's own plugins that a judge has no use for; together they cost more than the tests.
UNUSED = [
    "cacheprovider",
    "capture",
    "debugging",
    "doctest",
    "faulthandler",
    "junitxml",
    "legacypath",
    "logging",
    "monkeypatch",
    "nose",
    "pastebin",
    "recwarn",
    "setuponly",
    "setupplan",
    "stepwise",
    "subtests",
    "terminal",
    "threadexception",
    "tmpdir",
    "unittest",
    "unraisableexception",
    "warnings",
]


class SuiteError(Exception):
    """The hidden tests themselves are broken: never the student's fault."""


def run(
    module: ModuleType, fixtures: Fixtures, runner: Runner, only: Iterable[str] | None = None
) -> float:
    """Run the tests of a module, in order, each through ``runner``.

    Parameters
    ----------
    module : module
        The hidden tests. It is imported already, so that a class of submissions imports it once.
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
    path = Path(str(module.__file__))
    plugin = _Plugin(module, fixtures, runner, None if only is None else frozenset(only))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)  # whoever set them did not think of grading
    arguments = [str(path), "-c", os.devnull, "--rootdir", str(path.parent), "--noconftest"]
    arguments += [f"-pno:{name}" for name in UNUSED]
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        code = pytest.main(arguments, plugins=[plugin])
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if plugin.error is not None:
        raise SuiteError(plugin.error)
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) or plugin.left:
        raise SuiteError(f"pytest did not run the hidden tests (exit code {int(code)}).")
    return plugin.cpu


class _Imported(pytest.Module):
    """A module that is imported already; its asserts are plain and show no values."""


class _Plugin:
    """Gives tests their fixtures and hands each one to the runner."""

    def __init__(
        self,
        module: ModuleType,
        fixtures: Fixtures,
        runner: Runner,
        only: frozenset[str] | None,
    ) -> None:
        self.module = module
        self.make = fixtures
        self.runner = runner
        self.only = only
        self.error: str | None = None
        self.cpu = 0.0
        self.left = 1  # tests that have not run; the true number is known when they are collected
        self.values: Mapping[str, Any] = {}

    def pytest_pycollect_makemodule(
        self, module_path: Path, parent: pytest.Collector
    ) -> pytest.Module:
        collector: pytest.Module = _Imported.from_parent(parent, path=module_path)
        collector.obj = self.module
        return collector

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        marks = {
            item: mark_of(item.function) for item in items if isinstance(item, pytest.Function)
        }
        for item, mark in marks.items():
            if mark is None:
                self.error = f"{item.name} has no @exercise(…): say which exercise it tests."
        items[:] = [
            item
            for item, mark in marks.items()
            if mark and (not self.only or mark.name in self.only)
        ]
        self.left = len(items)

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
            self.left -= 1
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.error is None:
            self.error = f"{report.nodeid.split('::')[-1]} itself is broken:\n{report.longreprtext}"

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self.error is None:
            self.error = f"The hidden tests cannot be collected:\n{report.longreprtext}"
