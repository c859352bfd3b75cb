"""Notebooks as HTML pages that run and load nothing: formulas are MathML, pictures inline."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache, lru_cache
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import MarkdownWithMath
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbformat.notebooknode import NotebookNode
from traitlets import default

from autograder.pages import formulas
from autograder.pages.prose import Renderer

TEMPLATES = Path(__file__).parent / "templates"


class PageExporter(HTMLExporter):
    """nbconvert's HTML, without parsing each page again and rendering the same cell sixty times."""

    optimistic_validation = True

    @default("template_paths")
    def _own_templates_first(self) -> list[str]:
        return [str(TEMPLATES / self.template_name), str(TEMPLATES), *super()._template_paths()]

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """Give the filters of the templates, the slow ones with a memory."""
        yield from super().default_filters()  # type: ignore[no-untyped-call]  # nbconvert's has no types
        yield "highlight_code", _highlighted
        yield "markdown2html", _markdown
        yield "strip_files_prefix", _unchanged

    def from_notebook_node(  # type: ignore[override]  # as nbconvert's own TemplateExporter is
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """Convert a notebook; its pictures keep the alternative text that they have."""
        known = WidgetsDataTypeFilter(notebook_metadata={}, parent=self, resources=resources)
        self.register_filter("filter_data_type", known)
        return TemplateExporter.from_notebook_node(self, nb, self._init_resources(resources))

    def _create_environment(self) -> Environment:
        environment: Environment
        environment = super()._create_environment()  # type: ignore[no-untyped-call]  # nbconvert's has no types
        environment.globals["formula_css"] = formulas.STYLE
        return environment


class Typesetter(Renderer):
    """Renders Markdown, with the formulas typeset."""

    def block_math(self, body: str) -> str:
        """Typeset a formula between two pairs of dollar signs."""
        return formulas.typeset(body.strip(), block=True)

    def inline_math(self, body: str) -> str:
        """Typeset a formula in a line."""
        return formulas.typeset(body.strip(), block=False)

    def latex_environment(self, name: str, body: str) -> str:
        """Typeset an environment that stands on its own."""
        return formulas.typeset(f"\\begin{{{name}}}{body}\\end{{{name}}}", block=True)


@pass_context
def _markdown(context: Context, source: str) -> str:
    attachments = context.get("cell", {}).get("attachments")
    return _render(source, attachments) if attachments else _rendered(source)


def _render(source: str, attachments: dict[str, dict[str, str]] | None = None) -> str:
    return MarkdownWithMath(renderer=Typesetter(attachments)).render(source)


_rendered = lru_cache(maxsize=4096)(_render)


def _unchanged(text: str) -> str:
    """Leave addresses as they are: nbconvert's own filter takes minutes for brackets in a row."""
    return text


@lru_cache(maxsize=4096)
def _highlight(source: str) -> str:
    return str(Highlight2HTML(pygments_lexer="python")(source))


def _highlighted(source: str, language: str | None = None, metadata: Any = None) -> str:
    if metadata and metadata.get("plain"):
        return f'<div class="highlight"><pre>{escape(source)}</pre></div>'
    return _highlight(source)


@cache
def look(*makers: Path) -> bytes:
    """Digest all that the look of pages depends on, their makers' files too."""
    templates = (path for path in (TEMPLATES / "feedback").iterdir() if path.is_file())
    parts = [*templates, Path(formulas.__file__), Path(__file__), *makers]
    return hashlib.sha256(b"".join(part.read_bytes() for part in sorted(parts))).digest()
