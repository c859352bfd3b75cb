"""The cells of a notebook's source as jupytext reads them, once their tags say what can be."""

from __future__ import annotations

import ast
import difflib
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from autograder.assignment import fast_start  # noqa: F401 - before jupytext, which imports nbformat

# isort: split
import jupytext

from autograder.checking import magics
from autograder.errors import UserError, told

#: What a cell is, what it is called, and what else is to be known of it.
TAGS = ("exercise", "written", "experiment", "provided", "points", "allows")
#: What jupytext adds.
JUPYTEXT = {"title", "cell_marker", "lines_to_next_cell", "lines_to_end_of_cell_marker"}
#: A name is part of a cell's id and of files' names, and stands in the gradebook.
NAME = re.compile(r"[A-Za-z0-9_]{1,50}")
MARKER = re.compile(r"# ?%%")


class CellError(UserError):
    """A cell cannot be read; the message says where it stands and what to do."""


def read(text: str, label: str) -> Iterator[tuple[Any, str]]:
    """Read the percent format: yield jupytext's cells, each with where it stands.

    Parameters
    ----------
    text : str
    label : str
        How the file is named to its author.

    Raises
    ------
    CellError
        If a cell's tag says what cannot be, or its code is not Python.
    """
    try:
        cells = jupytext.reads(text, fmt="py:percent").cells
    except Exception as error:  # it stumbles over a strange header in ways of its own
        raise CellError(f"{label} has a header that jupytext cannot read; mend it.") from error
    marked = [number for number, line in enumerate(text.splitlines(), 1) if MARKER.match(line)]
    unmarked = [1] * (len(cells) - len(marked))  # what stands above the first marker
    for cell, line in zip(cells, unmarked + marked, strict=False):
        where = f"{label}, line {line}"
        _check_tag(cell.cell_type, cell.metadata, where)
        if cell.cell_type == "code":
            _check_code(cell.source, text, label)
        yield cell, where


def above(text: str, source: str) -> int:
    """Count the lines that stand in a text above a part of it."""
    return text.count("\n", 0, max(text.find(source), 0))


def _check_code(source: str, text: str, label: str) -> None:
    try:
        ast.parse(magics.strip(source), "<cell>")
    except magics.UNREADABLE as error:
        raise CellError(told(error, "<cell>", label, above(text, source))) from error


def _check_tag(cell_type: str, tag: Mapping[str, Any], where: str) -> None:
    if unread := tag.get("incorrectly_encoded_metadata"):
        raise CellError(f'{where}: the tag {unread} cannot be read; write it as name="value".')
    for key in tag.keys() - JUPYTEXT - {*TAGS}:
        close = difflib.get_close_matches(key, TAGS, 1)
        meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(TAGS)}."
        raise CellError(f"{where}: there is no tag {key}: {meant}")
    for key in ("exercise", "written", "experiment"):
        if key in tag and not (isinstance(tag[key], str) and NAME.fullmatch(tag[key])):
            raise CellError(
                f"{where}: {key}={tag[key]!r} is no name; make it one of letters, digits and _."
            )
    if cell_type != "markdown" and "written" in tag:
        raise CellError(f"{where}: a written answer is prose; begin its tag with [markdown].")
    if cell_type == "markdown" and not {"exercise", "experiment"}.isdisjoint(tag):
        raise CellError(f"{where}: an exercise or experiment is code; take [markdown] off its tag.")
    if not isinstance(tag.get("allows", ""), str):
        raise CellError(f'{where}: allows={tag["allows"]!r} is no text; write allows="torch".')
    points = tag.get("points", 0)
    if type(points) not in (int, float) or not 0 <= points < math.inf:
        raise CellError(f"{where}: points={points!r} is no number from 0 on; change it.")
