"""Answers that say nothing: right ones emptied, cut short, repeated, blanked, or the input itself.

A hidden test that loops over what it is given passes if it is given nothing. This module's own text
is executed beside a solution, in the process of a submission, so it imports NumPy alone.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

#: The change that leaves what a function does: what wins points then looks at no answer.
DROPPED = "dropped"
#: What becomes of every answer, by the name of the change.
ANSWERS = {
    "idle": "nothing done at all",
    "nothing": "answers with nothing",
    "hollow": "answers of the right kind, with nothing in them",
    "half": "half of each answer",
    "twice": "each answer twice over",
    "blank": "NaN for every number",
    "echo": "its first argument",
}


def answering(solution: str, defines: Iterable[str], kind: str) -> str:
    """Append to a solution what changes the answers of the functions and classes it defines."""
    text = Path(__file__).read_text(encoding="utf-8")
    change = f"{{n: _vacuous['changed'](globals()[n], {kind!r}) for n in {sorted(defines)!r}}}"
    return f"{solution}\n_vacuous = {{}}\nexec({text!r}, _vacuous)\nglobals().update({change})\n"


def changed(given: Any, kind: str) -> Any:
    """Change what a function, or each public method of a class, answers."""
    if not isinstance(given, type):
        return _changed_call(given, kind, 0)
    for name, method in list(vars(given).items()):
        if inspect.isfunction(method) and not name.startswith("_"):
            setattr(given, name, _changed_call(method, kind, 1))
    return given


def _changed_call(function: Callable[..., Any], kind: str, skipped: int) -> Callable[..., Any]:
    """Change what a function answers; a change that leaves it right is no vacuous answer."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kind == "idle":
            return None
        answer = function(*args, **kwargs)
        if inspect.isgenerator(answer):
            answer = list(answer)
        if answer is None:
            return None
        instead = _instead(answer, kind, (*args[skipped:], *kwargs.values(), None)[0])
        if _same(answer, instead):
            raise RuntimeError("the answer is right all the same")
        return instead

    return call


def _instead(answer: Any, kind: str, first: Any) -> Any:
    if kind == DROPPED:
        return None
    if kind == "nothing":
        return type(answer)() if isinstance(answer, (list, dict, tuple)) else None
    if kind == "echo":
        return tuple(first for _ in answer) if isinstance(answer, tuple) else first
    if isinstance(answer, tuple):
        return tuple(_instead(item, kind, first) for item in answer)
    if isinstance(answer, dict):
        pairs = [(key, _instead(item, kind, first)) for key, item in answer.items()]
        return dict(_resized(pairs, kind))
    if isinstance(answer, list):
        return _resized([_instead(item, kind, first) for item in answer], kind)
    if isinstance(answer, np.ndarray) and answer.ndim:
        return answer * np.nan if kind == "blank" else _resized(answer, kind)
    if isinstance(answer, str):
        return _resized(answer, kind)
    return None if answer is None else np.nan  # of a number there is no half


def _resized(items: Any, kind: str) -> Any:
    if kind == "twice":
        return np.concatenate([items, items]) if isinstance(items, np.ndarray) else items + items
    return items[: {"hollow": 0, "half": len(items) // 2}.get(kind, len(items))]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and _same([*a.items()], [*b.items()])
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
    return type(a) is type(b) and (a is b or bool(a == b))
