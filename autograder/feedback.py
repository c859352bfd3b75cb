"""What a student gets back: one HTML page for each submission, which loads and runs nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat.notebooknode import NotebookNode, from_dict
from nbgrader.converters import GenerateFeedback as NbgraderGenerateFeedback
from nbgrader.converters import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import GetGrades as NbgraderGetGrades
from traitlets import List, Type, default

from autograder.attempt import write_atomically
from autograder.build import Said
from autograder.course import Course, CourseError, Submission
from autograder.gradebook import Gradebook, Recorded
from autograder.verdict import Verdict

TEMPLATES = Path(__file__).parent / "templates"


class Graded(Protocol):
    """A submission that has been recorded."""

    @property
    def submission(self) -> Submission:
        """What was handed in."""

    @property
    def verdict(self) -> Verdict:
        """What the judge says of it."""


class GetGrades(NbgraderGetGrades):
    """Put marks and comments into a notebook, read in one go."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Put in those of one student."""
        recorded: Recorded = resources["recorded"]
        marks = {mark.exercise: mark for mark in recorded.marks}
        for cell in nb.cells:
            grading = cell.metadata.get("nbgrader", {})
            name = grading.get("grade_id")
            if grading.get("solution"):
                grading["comment"] = recorded.comments.get(name)
            if grading.get("grade") and name in marks:
                grading["score"], grading["points"] = marks[name].score, marks[name].max_score
        resources["nbgrader"] |= {
            "score": recorded.score,
            "max_score": recorded.max_score,
            "late_penalty": recorded.penalty,
        }
        return nb, resources


class FeedbackExporter(HTMLExporter):
    """nbconvert's HTML, without parsing each page again and rendering the same cell sixty times."""

    optimistic_validation = True

    @default("template_paths")
    def _own_templates_first(self) -> list[str]:
        return [str(TEMPLATES), *super()._template_paths()]

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """Give the filters of the templates, the slow ones with a memory."""
        yield from super().default_filters()
        yield "highlight_code", _highlighted
        yield "markdown2html", self._markdown

    def from_notebook_node(  # type: ignore[override]  # as nbconvert's own TemplateExporter is
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """Convert a notebook; its pictures keep the alternative text that they have."""
        known = WidgetsDataTypeFilter(notebook_metadata={}, parent=self, resources=resources)
        self.register_filter("filter_data_type", known)
        return TemplateExporter.from_notebook_node(self, nb, self._init_resources(resources))

    @pass_context
    def _markdown(self, context: Context, source: str) -> str:
        if context.get("cell", {}).get("attachments"):
            return self.markdown2html(context, source)
        return self._rendered(source)

    @lru_cache(maxsize=4096)  # noqa: B019 - an exporter lives as long as the pages it makes
    def _rendered(self, source: str) -> str:
        return self.markdown2html({}, source)


@lru_cache(maxsize=4096)
def _highlight(source: str) -> str:
    return Highlight2HTML(pygments_lexer="python")(source)


def _highlighted(source: str, language: str | None = None, metadata: Any = None) -> str:
    return _highlight(source)


class GenerateFeedback(NbgraderGenerateFeedback):
    """nbgrader's GenerateFeedback; a page is made anew when something on it changed."""

    preprocessors = List([GetGrades, CSSHTMLHeaderPreprocessor]).tag(config=True)
    exporter_class = Type(FeedbackExporter, klass=HTMLExporter).tag(config=True)

    def start(self) -> None:
        """Make the pages of those whom nbgrader was asked for."""
        with Gradebook(Course.open(self.coursedir.root)) as self._gradebook:
            self._gradebook.settle()
            super().start()

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Look at every submission: a page that is up to date is seen later, and is cheap."""
        return True

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy nothing beside the page."""

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Make one page."""
        resources = self.init_single_notebook_resources(notebook_filename)
        student, assignment = (resources["nbgrader"][key] for key in ("student", "assignment"))
        recorded = self._gradebook.recorded(assignment, student)
        if not recorded:
            raise CourseError(f"The gradebook has nothing of {student}'s {assignment}; grade it.")
        data = Path(notebook_filename).read_bytes()
        mark = _mark(data, recorded[0])
        name = resources["nbgrader"]["notebook"]
        path = Path(self._format_dest(assignment, student)) / f"{name}.html"
        if path.is_file() and path.read_bytes().endswith(mark):
            return
        resources["recorded"] = recorded[0]
        page, _ = self.exporter.from_notebook_node(from_dict(json.loads(data)), resources)
        write_atomically(path, page.encode() + mark)


def feedback(course: Course, graded: Iterable[Graded] | None = None) -> Iterator[Graded]:
    """Write the feedback page of each recorded submission, and yield each one done.

    Parameters
    ----------
    course : Course
    graded : iterable, optional
        What has a submission and a verdict; all that the gradebook has by default.

    Raises
    ------
    CourseError
        If some could not be written; all the others are.
    """
    said = Said()
    converter = GenerateFeedback(coursedir=CourseDirectory(root=str(course.folder)))
    converter.log = said.logger
    failed = []
    with Gradebook(course) as converter._gradebook:
        converter.exporter = converter.exporter_class(parent=converter, config=converter.config)
        for step in converter.preprocessors:
            converter.exporter.register_preprocessor(step)
        for each in converter._gradebook.recorded() if graded is None else graded:
            submission = each.submission
            folder = Path(converter._format_source(submission.assignment, submission.student))
            notebook = folder / f"{submission.assignment}.ipynb"
            if each.verdict.status != "internal_error" or notebook.is_file():
                converter.assignments = {str(folder): [str(notebook)]}
                try:
                    converter.convert_notebooks()
                except NbGraderException:
                    failed.append(f"{submission.student}/{submission.assignment}: {said.reason}")
            yield each
    if failed:
        raise CourseError(
            f"{len(failed)} feedback pages could not be written ({failed[0]}); all others are. "
            "Mend that and run `autograder feedback`."
        )


def _mark(data: bytes, recorded: Recorded) -> bytes:
    """End a page with a digest of what is on it."""
    digest = hashlib.sha256(data + repr(recorded).encode())
    digest.update((TEMPLATES / "mathjax.html.j2").read_bytes() + Path(__file__).read_bytes())
    return f"\n<!-- {digest.hexdigest()} -->\n".encode()
