"""Notebook magic taken out of a cell, so that what is left is Python."""

from __future__ import annotations

import ast
import re
from functools import lru_cache

#: Cell magics whose body is another language's, a file's contents, or another process's code. The
#: body of any other is code that the student meant to run, if it is Python.
FOREIGN = frozenset(
    (
        *("!", "bash", "cmd", "cython", "file", "html", "HTML", "javascript", "js", "julia"),
        *("latex", "markdown", "perl", "powershell", "pypy", "python", "python2", "python3", "R"),
        *("ruby", "script", "sh", "sql", "svg", "SVG", "sx", "system", "writefile"),
    )
)
UNREADABLE = (SyntaxError, ValueError, RuntimeError, MemoryError)
#: IPython reads a cell once more for each magic in it: where that takes seconds, it is not asked.
MOST_WORK = 2**18
#: Nobody writes more of them above one cell.
MOST_CELL_MAGICS = 8
MAGIC = re.compile(r"^[ \t]*[%!?,;/]|=[ \t]*[%!]|\?[ \t]*$", re.MULTILINE)


@lru_cache(maxsize=4096)
def strip(source: str) -> str:
    """Drop ``%magics``, ``!shell`` lines and ``?help`` from a cell's source.

    Source that is Python already, or that nothing can read, comes back as it is.
    """
    name, source = _under_cell_magics(source)
    if name:
        return ""
    if _parses(source):
        return source
    if len(source) * (1 + len(MAGIC.findall(source))) > MOST_WORK:
        return source
    from IPython.core.inputtransformer2 import TransformerManager  # slow to import, seldom needed

    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
        return ast.unparse(ast.fix_missing_locations(_Silence().visit(tree)))
    except Exception:  # IPython stumbles in its own ways, and trees may be too deep for `ast`
        return source


def foreign(source: str) -> str:
    """Give the cell magic, such as ``%%bash``, because of which a cell is not run; "" if it is."""
    return _under_cell_magics(source)[0]


def _under_cell_magics(source: str) -> tuple[str, str]:
    """Take the magics off the top of a cell: the one that makes it no Python, and the rest."""
    for _ in range(MOST_CELL_MAGICS):
        first, _, body = source.lstrip().partition("\n")
        if not first.startswith("%%"):
            break
        name = (first[2:].split() or [""])[0]
        unknown = name not in ("time", "timeit", "capture", "prun")
        if name in FOREIGN or (unknown and not (_parses(body) or MAGIC.search(body))):
            return f"%%{name}"[:40], ""
        source = body
    return "", source


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except UNREADABLE:
        return False
    return True


class _Silence(ast.NodeTransformer):
    """Turns each statement that only talks to IPython into ``pass``."""

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        return ast.Pass() if _asks_ipython(node) else node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        return ast.Pass() if _asks_ipython(node) else node


def _asks_ipython(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Name) and part.id == "get_ipython" for part in ast.walk(node))
