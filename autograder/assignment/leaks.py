"""What students must not get: a statement of a solution, an output, a hidden test, bytecode."""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.assignment.regions import REGION, stray
from autograder.assignment.source import Assignment, AssignmentError, Cell
from autograder.errors import told
from autograder.files import counts, read_text, shown

#: Shorter statements (``return out``) say nothing.
TELLING = 5
NOT_CODE = (
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
)


def find(assignment: Assignment, folder: Path) -> list[str]:
    """List what leaks in a built assignment's folder, one sentence a leak."""
    found = [
        f"{name} does not belong in what students get." for name in _strangers(assignment, folder)
    ]
    cells = _cells(folder / f"{assignment.name}.ipynb")
    if any(cell.get("outputs") for cell in cells):
        found.append(f"{assignment.name}.ipynb holds outputs; a released notebook has none.")
    found += [
        f"{place} has a line that looks like a solution's marker: {line}"
        for place, text in _texts(folder, cells)
        for _, line in stray(text)
    ]
    given = {"".join(text.split()): place for place, text in _texts(folder, cells)}
    provided = "".join("".join(c.source.split()) for c in assignment.cells if c.kind == "provided")
    for cell in assignment.exercises:
        for statement in statements(cell):
            bare = "".join(statement.split())
            if bare not in provided:
                found += [
                    f"{place} shows a line of the solution of {cell.name}: {statement}"
                    for text, place in given.items()
                    if bare in text
                ]
    for name, body in _functions(assignment.file("hidden_tests.py")):
        found += [
            f"{place} shows the hidden test {name}."
            for text, place in given.items()
            if body in text
        ]
    return found


def statements(cell: Cell) -> Iterator[str]:
    """Yield the statements of a cell's solution regions that are long enough to give it away."""
    lines: set[int] = set()
    for region in REGION.finditer(cell.source):
        first = cell.source.count("\n", 0, region.start("body")) + 1
        lines.update(range(first, first + region["body"].count("\n")))
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.stmt) and node.lineno in lines:
            source = ast.get_source_segment(cell.source, node) or ""
            if isinstance(getattr(node, "body", None), list):
                source = source.split("\n")[0]
            if _length(source) >= TELLING:
                yield source


def _length(source: str) -> int:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, IndentationError):
        return len(source.split())
    return sum(token.type not in NOT_CODE for token in tokens)


def _strangers(assignment: Assignment, folder: Path) -> Iterator[str]:
    expected = {f"{assignment.name}.ipynb", "checks.py", "hints.json", "README.md", "pytest.ini"}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and str(name) not in expected and counts(name):
            yield str(name)


def _cells(notebook: Path) -> list[dict[str, Any]]:
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return [{**cell, "source": "".join(cell["source"])} for cell in cells]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AssignmentError(
            f"{shown(notebook)} is not what a build gives; run `autograder build {notebook.stem}`."
        ) from error


def _texts(folder: Path, cells: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for cell in cells:
        yield f"Cell {cell.get('id')}", cell["source"]
    for name in ("checks.py", "hints.json", "README.md"):
        if (folder / name).is_file():  # or it is missing, which is said elsewhere
            yield name, read_text(folder / name)


def _functions(tests: Path) -> Iterator[tuple[str, str]]:
    """Yield each test's name and its body without whitespace."""
    source = read_text(tests)
    try:
        functions = ast.parse(source, str(tests)).body
    except (SyntaxError, ValueError) as error:
        raise AssignmentError(told(error, str(tests), shown(tests))) from error
    for node in functions:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            body = "\n".join(ast.get_source_segment(source, part) or "" for part in node.body[1:])
            if body:
                yield node.name, "".join(body.split())
