"""Which exercises an exercise is built on, by Python's own rules of scope."""

from __future__ import annotations

import symtable
from collections.abc import Iterable, Mapping
from functools import lru_cache

from autograder.checking.magics import UNREADABLE


def foundations(cells: Iterable[tuple[str | None, str]]) -> dict[str, list[str]]:
    """Name the exercises whose code each exercise reaches, itself or through what it calls.

    Parameters
    ----------
    cells : iterable of (exercise or None, source)
        All code, in order; None for what is no exercise.

    Returns
    -------
    dict
        The exercises below each exercise, in the cells' order.
    """
    uses: dict[str, set[str]] = {}
    owner: dict[str, str] = {}
    for exercise, source in cells:
        for name, looked_up in globals_of(source).items():
            uses.setdefault(name, set()).update(looked_up)
            if exercise is not None:
                owner.setdefault(name, exercise)
    order = list(dict.fromkeys(owner.values()))
    reached = {
        exercise: {
            owner[name]
            for name in _closure([own for own in owner if owner[own] == exercise], uses)
            if name in owner
        }
        for exercise in order
    }
    return {
        exercise: [other for other in order if other != exercise and other in reached[exercise]]
        for exercise in order
    }


def _closure(names: Iterable[str], uses: Mapping[str, set[str]]) -> set[str]:
    seen, ahead = set(names), list(names)
    while ahead:
        new = uses.get(ahead.pop(), set()) - seen
        seen |= new
        ahead += new
    return seen


@lru_cache(maxsize=4096)
def globals_of(source: str) -> Mapping[str, frozenset[str]]:
    """Give, for each name that a source binds at its top level, the global names behind it.

    A parameter or a keyword argument that is called like a function is not that function.
    """
    try:
        top = symtable.symtable(source, "<cell>", "exec")
    except UNREADABLE:
        return {}
    blocks = {child.get_name(): _looked_up(child) for child in top.get_children()}
    bound = [symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned()]
    loose = frozenset(symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced())
    loose = loose.union(*(found for name, found in blocks.items() if name not in bound))
    return {name: blocks.get(name, loose) for name in bound}


def _looked_up(table: symtable.SymbolTable) -> frozenset[str]:
    own = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    return frozenset(own.union(*map(_looked_up, table.get_children())))
