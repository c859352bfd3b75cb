"""Hidden tests, collected and driven by pytest; what each test finds is for its caller to say."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from _pytest.config import _prepareconfig

from autograder.checking.marks import mark_of
from autograder.errors import UserError
from autograder.sandbox import ParentGone

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


#: What every hidden test can ask for.
FIXTURES = frozenset({"student", "reference", "rng"})


class SuiteError(UserError):
    """The hidden tests themselves are broken: never the student's fault."""


class Suite:
    """A module of hidden tests, collected once and run on one student after the other.

    Parameters
    ----------
    module : module
        The hidden tests.

    Raises
    ------
    SuiteError
        If they cannot be collected.
    """

    def __init__(self, module: ModuleType) -> None:
        self._plugin = _Plugin(module)
        with _silence():
            session = _collected(Path(str(module.__file__)), self._plugin)
        self._plugin.complain()
        self._items = [item for item in session.items if isinstance(item, pytest.Function)]

    def run(self, fixtures: Fixtures, runner: Runner, only: Iterable[str] | None = None) -> float:
        """Run the tests in order, each through ``runner``.

        Parameters
        ----------
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

        Raises
        ------
        SuiteError
            If a test is broken or did not run.
        """
        chosen = None if only is None else frozenset(only)
        items = [item for item in self._items if chosen is None or _exercise(item) in chosen]
        self._plugin.start(fixtures, runner, len(items))
        with _silence():
            for item in items:
                if _is_plain(item):
                    self._plugin.run(item)
                else:
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        self._plugin.complain()
        return self._plugin.cpu


def _is_plain(item: pytest.Function) -> bool:
    """Whether a test asks for nothing that pytest has to make: its protocol can be saved."""
    return FIXTURES.issuperset(item.fixturenames) and not [*item.iter_markers()]


def _exercise(item: pytest.Function) -> str:
    mark = mark_of(item.function)
    assert mark is not None  # collection has seen to it
    return mark.name


@contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def _collected(path: Path, plugin: _Plugin) -> pytest.Session:
    """Start a pytest session and stop it short of running, which `pytest.main` cannot do."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)  # whoever set them did not think of grading
    arguments = [str(path), "-c", os.devnull, "--rootdir", str(path.parent), "--noconftest"]
    config = _prepareconfig([*arguments, *(f"-pno:{name}" for name in UNUSED)], [plugin])
    config._do_configure()
    session = pytest.Session.from_config(config)
    config.hook.pytest_sessionstart(session=session)
    config.hook.pytest_collection(session=session)
    return session


class _Imported(pytest.Module):
    """A module that is imported already; its asserts are plain and show no values."""


class _Plugin:
    """Gives tests their fixtures and hands each one to the runner."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.error: str | None = None
        self.values: Mapping[str, Any] = {}
        self.left = 0

    def start(self, fixtures: Fixtures, runner: Runner, count: int) -> None:
        """Get ready for one run of so many tests."""
        self.make = fixtures
        self.runner = runner
        self.left = count
        self.error = None  # of another submission, if any
        self.cpu = 0.0

    def complain(self) -> None:
        """Raise what went wrong, if something did."""
        if self.error is not None:
            raise SuiteError(self.error)
        if self.left:
            raise SuiteError(f"{self.left} hidden tests did not run.")

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

    def run(self, item: pytest.Function) -> None:
        """Run a test that needs our own fixtures only."""
        try:
            values = self.make(item.function)
            self._call(item, {name: values[name] for name in item.fixturenames})
        except ParentGone:
            raise  # no fault of the test's: whoever asked for the run starts another parent
        except Exception:
            self._broken(item.name, traceback.format_exc())

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        names = pyfuncitem._fixtureinfo.argnames
        self._call(pyfuncitem, {name: pyfuncitem.funcargs[name] for name in names})
        return True

    def _call(self, item: pytest.Function, arguments: dict[str, Any]) -> None:
        began = time.process_time()
        try:
            self.runner(item.function, arguments)
        finally:
            self.cpu += time.process_time() - began
            self.left -= 1

    def _broken(self, name: str, report: str) -> None:
        self.error = self.error or f"{name} itself is broken:\n{report}"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._broken(report.nodeid.split("::")[-1], report.longreprtext)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self.error is None:
            self.error = f"The hidden tests cannot be collected:\n{report.longreprtext}"
