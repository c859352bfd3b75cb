"""nbgrader's Formgrader on a course, where nothing that a student wrote can run.

Its pages are nbgrader's own. What is changed is what they may do: a policy lets the scripts of its
own templates run, by a number that nobody knows beforehand, and no other; nothing comes from
elsewhere, formulas included; and names are text wherever they stand.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from jinja2 import BaseLoader, Environment, FileSystemLoader
from markupsafe import Markup
from nbformat.notebooknode import NotebookNode
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.course.folder import Course
from autograder.pages import exporter

EXTENSION = "nbgrader.server_extensions.formgrader"
NONCE = secrets.token_urlsafe(16)
#: What stands in nbgrader's templates as an attribute, which can carry no number.
HANDLERS = (
    "toggle_name(true);",
    "toggle_name(false);",
    "toggleAllNames()",
    "createAssignmentModal();",
    "createStudentModal();",
)
#: Names are written between quotation marks, into HTML and into scripts: this holds in both.
AS_TEXT = str.maketrans({"<": "&lt;", ">": "&gt;", '"': "&quot;", "\\": "&#92;", "\n": " "})


def _hash(handler: str) -> str:
    digest = base64.b64encode(hashlib.sha256(handler.encode()).digest()).decode()
    return f"'sha256-{digest}'"


POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src 'self' 'nonce-{NONCE}' 'unsafe-hashes' {' '.join(map(_hash, HANDLERS))}",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)


def protect() -> None:
    """Make every page that Formgrader gives from now on a safe one."""
    from nbgrader.server_extensions.formgrader.base import BaseHandler

    # Formgrader makes its exporter and its templates' environment before, or long after, it reads
    # a course's settings: only its handlers ask for them each time.
    BaseHandler.exporter = property(lambda self: _exporter())
    BaseHandler.render = lambda self, name, **known: (
        _environment().get_template(name).render(**known)
    )
    BaseHandler.content_security_policy = property(lambda self: POLICY)
    BaseHandler.db_url = property(lambda self: _db_url(self.coursedir))


def _db_url(coursedir: CourseDirectory) -> str:
    """Give the gradebook, if it is the course's own."""
    Course(coursedir.root).check_gradebook(coursedir.db_url)
    return str(coursedir.db_url)


def run(course: Course, options: Sequence[str] = ()) -> None:
    """Start Formgrader on a course, in a Jupyter server of its own, until it is interrupted.

    Parameters
    ----------
    course : Course
    options : sequence of str
        Options of Jupyter's server, such as ``--no-browser`` and ``--port=8890``.
    """
    from jupyter_server.serverapp import ServerApp

    os.chdir(course.folder)  # where nbgrader looks for its settings
    ServerApp.launch_instance(
        [
            f"--ServerApp.root_dir={course.folder}",
            "--ServerApp.default_url=/formgrader/gradebook",
            *options,
        ]
    )


class Signed(BaseLoader):
    """Gives the scripts of templates the number by which the policy knows them."""

    def __init__(self, loader: BaseLoader) -> None:
        self._loader = loader

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Load a template."""
        source, path, is_current = self._loader.get_source(environment, template)
        return source.replace("<script", f'<script nonce="{NONCE}"'), path, is_current


class FormgradeExporter(exporter.PageExporter):
    """Makes the page on which a submission is marked."""

    def from_notebook_node(  # type: ignore[override]  # as nbconvert's own TemplateExporter is
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """Convert a notebook; what it is called, and by whom it is, is text."""
        named = {name: _as_text(value) for name, value in (resources or {}).items()}
        return super().from_notebook_node(nb, named, **kwargs)

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        assert environment.loader
        environment.loader = Signed(environment.loader)
        return environment


@cache
def _exporter() -> FormgradeExporter:
    from nbgrader.server_extensions.formgrader.handlers import template_path

    config = Config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [template_path]
    return FormgradeExporter(config=config)


@cache
def _environment() -> Environment:
    from nbgrader.server_extensions.formgrader.handlers import template_path

    loader = Signed(FileSystemLoader([template_path]))
    return Environment(loader=loader, autoescape=True, finalize=_as_text)


def _as_text(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Markup):
        return Markup(value.translate(AS_TEXT))
    return value
