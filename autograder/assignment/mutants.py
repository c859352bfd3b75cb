"""Mechanical wrong versions of a right solution: one small fault at every site.

Offutt, *Investigations of the software testing coupling effect*, 1992: tests that find small
mechanical faults find most real ones.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.assignment.regions import REGION
from autograder.assignment.source import Cell


@dataclass(frozen=True)
class Mutant:
    """One mechanical change at one site of a solution."""

    exercise: str
    operator: str
    line: int
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        """A name that stays the same while the solution does."""
        return f"{self.exercise}: {self.before} → {self.after}"


BINARY = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.MatMult: ast.Mult,
}
COMPARE = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
SWAPPED = {
    a: b
    for pair in (("sum", "mean"), ("max", "min"), ("maximum", "minimum"), ("argmax", "argmin"))
    for a, b in (pair, pair[::-1])
}


def mutants(cell: Cell) -> Iterator[Mutant]:
    """Yield every mechanical mutant of a cell's solution regions."""
    tree = ast.parse(cell.source)
    lines = _solution_lines(cell.source)
    for index, node in enumerate(ast.walk(tree)):
        line = getattr(node, "lineno", None)
        if line is None or line not in lines:
            continue
        for operator, changed in _changes(node):
            mutated = _replaced(tree, index, changed)
            yield Mutant(
                str(cell.name),
                operator,
                line,
                ast.unparse(node),
                ast.unparse(changed),
                ast.unparse(ast.fix_missing_locations(mutated)),
            )


def _solution_lines(source: str) -> set[int]:
    lines: set[int] = set()
    for region in REGION.finditer(source):
        first = source.count("\n", 0, region.start("body")) + 1
        lines.update(range(first, first + region["body"].count("\n")))
    return lines


def _replaced(tree: ast.Module, index: int, changed: ast.AST) -> ast.Module:
    """Copy the tree with its ``index``-th node (in walking order) replaced."""
    duplicate = copy.deepcopy(tree)
    target = next(node for i, node in enumerate(ast.walk(duplicate)) if i == index)
    for parent in ast.walk(duplicate):
        for field, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, field, changed)
                return duplicate
            if isinstance(value, list) and any(item is target for item in value):
                setattr(parent, field, [changed if item is target else item for item in value])
                return duplicate
    raise AssertionError("every node below the module has a parent")


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield the operator's name and the changed copy, for each change that fits the node."""
    match node:
        case ast.BinOp(op=op) if type(op) in BINARY:
            yield "arithmetic", _with(node, op=BINARY[type(op)]())
        case ast.AugAssign(op=op) if type(op) in BINARY:
            yield "augmented", _with(node, op=BINARY[type(op)]())
        case ast.Compare(ops=[op, *_]):
            yield "comparison", _with(node, ops=[COMPARE[type(op)](), *node.ops[1:]])
        case ast.Constant(value=bool()):
            yield "boolean", ast.Constant(not node.value)
        case ast.Constant(value=(int() | float()) as value):
            yield "constant", ast.Constant(value + 1)
            yield "constant", ast.Constant(value - 1)
        case ast.UnaryOp(op=ast.USub()):
            yield "minus", node.operand
        case ast.Attribute(attr="T"):
            yield "transpose", node.value
        case ast.Attribute(attr=attr) if attr in SWAPPED:
            yield "reduction", _with(node, attr=SWAPPED[attr])
        case ast.Name(id=name) if name in SWAPPED and isinstance(node.ctx, ast.Load):
            yield "reduction", _with(node, id=SWAPPED[name])
        case ast.Return(value=ast.Tuple(elts=[first, *rest])) if rest:
            yield "rotation", ast.Return(ast.Tuple([*rest, first], ast.Load()))
    if isinstance(node, ast.stmt) and not isinstance(node, ast.Pass) and not _is_docstring(node):
        yield "deletion", ast.Pass()


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    """Copy a node with some of its fields changed."""
    duplicate = copy.copy(node)
    for name, value in fields.items():
        setattr(duplicate, name, value)
    return duplicate
