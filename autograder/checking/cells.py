"""Code cells: read from a notebook's file, and executed so that a traceback shows their lines."""

from __future__ import annotations

import ast
import json
import linecache
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import UserError


class Quiet:
    """Stands for what a notebook shows things with: it takes everything and does nothing."""

    def __call__(self, *args: object, **kwargs: object) -> None:
        """Do nothing."""

    def __getattr__(self, name: str) -> Quiet:
        if name.startswith("__"):
            raise AttributeError(name)
        return self


def notebook_names() -> dict[str, Any]:
    """Give the names that every notebook has before its first cell."""
    shell = Quiet()
    return {
        "__name__": "__main__",
        "display": Quiet(),
        "get_ipython": lambda: shell,
        "In": [""],
        "Out": {},
        "_": "",
        "__": "",
        "___": "",
    }


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
            CodeCell(number, claim(cell), "".join(cell["source"]))
            for number, cell in enumerate(code, start=1)
        ]
    except (ValueError, KeyError, TypeError):
        raise NotANotebook(
            f"{path} is not a notebook; save it again in Jupyter, or unpack the assignment anew."
        ) from None


def claim(cell: Any) -> str:
    """Give the name by which a cell claims its place; a claim only, it earns nothing by itself.

    nbgrader's own name comes before the cell's id, which some editors change and older formats do
    not have; Colab keeps it in the metadata.
    """
    metadata = cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    grading = metadata.get("nbgrader")
    grade_id = grading.get("grade_id") if isinstance(grading, dict) else None
    claims = (grade_id, cell.get("id"), metadata.get("id"))
    return next((claim for claim in claims if isinstance(claim, str)), "")


def execute(source: str, label: str, names: dict[str, Any], tree: ast.Module | None = None) -> None:
    """Execute a cell's source, or what of its tree is left, under a label for tracebacks."""
    linecache.cache[label] = (len(source), None, source.splitlines(keepends=True), label)
    exec(compile(source if tree is None else tree, label, "exec"), names)
