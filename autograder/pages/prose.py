"""Markdown as pages show it: headings take no names that a page has for something else."""

from __future__ import annotations

from typing import Any

from nbconvert.filters.markdown_mistune import IPythonRenderer


class Renderer(IPythonRenderer):
    """nbconvert's renderer, but that a heading gets no id.

    nbconvert gives each heading its text for one. Formgrader finds the score box of an exercise by
    its name, so a student's heading of that name would take the marks meant for it.
    """

    def __init__(self, attachments: dict[str, dict[str, str]] | None = None) -> None:
        super().__init__(escape=False, attachments=attachments, exclude_anchor_links=True)

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """Render a heading."""
        return f"<h{level}>{text}</h{level}>\n"
