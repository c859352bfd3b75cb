"""What students must not get: a statement of a solution, an output, a hidden test, bytecode."""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections.abc import Iterator
from pathlib import Path

from autograder.assignment.regions import REGION, stray
from autograder.assignment.source import Assignment, Cell
from autograder.files import counts

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
    notebook = json.loads((folder / f"{assignment.name}.ipynb").read_text(encoding="utf-8"))
    if any(cell.get("outputs") for cell in notebook["cells"]):
        found.append(f"{assignment.name}.ipynb holds outputs; a released notebook has none.")
    found += [
        f"{place} has a line that looks like a solution's marker: {line}"
        for place, text in _texts(folder, notebook)
        for _, line in stray(text)
    ]
    given = {"".join(text.split()): place for place, text in _texts(folder, notebook)}
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
    tests = (assignment.folder / "hidden_tests.py").read_text(encoding="utf-8")
    for name, body in _functions(tests):
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


def _texts(folder: Path, notebook: dict[str, list[dict[str, object]]]) -> Iterator[tuple[str, str]]:
    for cell in notebook["cells"]:
        source = cell["source"]
        text = "".join(source) if isinstance(source, list) else str(source)
        yield f"Cell {cell.get('id')}", text
    for name in ("checks.py", "hints.json", "README.md"):
        yield name, (folder / name).read_text(encoding="utf-8")


def _functions(source: str) -> Iterator[tuple[str, str]]:
    """Yield each test's name and its body without whitespace."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            body = "\n".join(ast.get_source_segment(source, part) or "" for part in node.body[1:])
            if body:
                yield node.name, "".join(body.split())
