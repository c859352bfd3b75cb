"""``pytest`` in an assignment's folder: its ``checks.py``, run on its notebook.

The plugin stays out of the way everywhere else: it works only where ``pytest.ini`` says
``python_files = checks.py`` and a notebook called like the folder lies beside it.
"""

from __future__ import annotations

import ast
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.checking import cells, hints, magics
from autograder.checking.checks import Checks
from autograder.checking.running import Result, explain_error, run_test
from autograder.checking.student import Namespace


def pytest_configure(config: pytest.Config) -> None:
    """Join in if this is an assignment's folder."""
    folder = config.rootpath
    notebook = folder / f"{folder.name}.ipynb"
    if config.getini("python_files") == ["checks.py"] and notebook.is_file():
        config.pluginmanager.register(NotebookChecks(notebook), "chainrule-notebook")


class NotebookChecks:
    """Fixtures and reports for the checks of one notebook."""

    def __init__(self, notebook: Path) -> None:
        self.notebook = notebook
        self.checks = Checks(notebook.parent)
        self.stopped: list[str] = []

    @cached_property
    def names(self) -> dict[str, Any]:
        """The names that the notebook's cells define."""
        names, self.stopped = execute(self.notebook)
        return names

    @pytest.fixture
    def student(self) -> Namespace:
        """The notebook, as checks see it."""
        return Namespace(self.names)

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        """The generator that ``check()`` gives this test."""
        return hints.generator(request.function)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Run a check, and fail with its diagnosis alone."""
        values = {"student": Namespace({}), **pyfuncitem.funcargs}
        result = run_test(pyfuncitem.function, values)
        if result.outcome != "passed":
            said = self._explained(result).diagnosis or ""
            pytest.fail(f"{result.sentence}\n{said}".strip(), pytrace=False)
        return True

    def _explained(self, result: Result) -> Result:
        """Say what is wrong as `check()` does, which knows the other checks of the exercise."""
        others = self.checks.results(result.exercise, self.names)
        return next(other for other in others if other.name == result.name)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the cells that did not run to their end."""
        if self.stopped:
            terminalreporter.section(f"{self.notebook.name}: cells that stopped")
            for line in self.stopped:
                terminalreporter.line(line)


def execute(notebook: Path) -> tuple[dict[str, Any], list[str]]:
    """Execute a notebook's cells in this process, but for its checks and experiments.

    Returns
    -------
    names : dict
        What the cells defined.
    stopped : list of str
        One sentence for each cell that raised.
    """
    os.environ.setdefault("MPLBACKEND", "agg")  # a plot opens no window here
    names = cells.notebook_names()
    stopped = []
    for cell in cells.read(notebook):
        if cell.id.startswith("experiment-"):
            continue
        error = _run(cell.source, f"<{notebook.name}, code cell {cell.number}>", names)
        if error is not None:
            stopped.append(f"code cell {cell.number}: {error}")
    return names, stopped


def _run(source: str, label: str, names: dict[str, Any]) -> str | None:
    """Execute one cell and say what stopped it, if anything did."""
    try:
        tree = ast.parse(magics.strip(source), label)
        tree.body = [statement for statement in tree.body if not _asks_for_checks(statement)]
        cells.execute(source, label, names, tree)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return explain_error(Namespace(names).error(error), "It", None)[1]
    return None


def _asks_for_checks(statement: ast.stmt) -> bool:
    """Whether a statement is ``check(...)`` or ``progress()``: pytest does that itself."""
    match statement:
        case ast.Expr(ast.Call(ast.Name("check" | "progress"))):
            return True
    return False
