"""Code cells: read from a notebook's file, and executed so that a traceback shows their lines."""

from __future__ import annotations

import ast
import json
import linecache
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import UserError


class NotANotebook(UserError):
    """A file is not a notebook."""


@dataclass(frozen=True)
class CodeCell:
    """A code cell, with its place among the code cells, counted from 1."""

    number: int
    id: str
    source: str


def read(path: Path) -> list[CodeCell]:
    """Read the code cells of a notebook.

    Raises
    ------
    NotANotebook
        If the file is none.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        return [
            CodeCell(number, str(cell.get("id", "")), "".join(cell["source"]))
            for number, cell in enumerate(code, start=1)
        ]
    except (ValueError, KeyError, TypeError):
        raise NotANotebook(
            f"{path} is not a notebook; save it again in Jupyter, or unpack the assignment anew."
        ) from None


def execute(source: str, label: str, names: dict[str, Any], tree: ast.Module | None = None) -> None:
    """Execute a cell's source, or what of its tree is left, under a label for tracebacks."""
    linecache.cache[label] = (len(source), None, source.splitlines(keepends=True), label)
    exec(compile(source if tree is None else tree, label, "exec"), names)
