"""Chainrule: an autograded course kit for neural networks built by hand."""

from __future__ import annotations

from typing import Any

from autograder.checking.checks import check, progress

__version__ = "0.1.0"
__all__ = ["check", "numerical_gradient", "progress", "relative_error"]


def __getattr__(name: str) -> Any:
    if name in ("numerical_gradient", "relative_error"):
        from autograder import gradcheck

        return getattr(gradcheck, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
