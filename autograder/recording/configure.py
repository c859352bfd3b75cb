"""What makes nbgrader's own commands grade a course through our judge."""

from __future__ import annotations

import sys
from pathlib import Path

from autograder.assignment import fast_start  # noqa: F401 - before nbformat

# isort: split
from nbgrader.apps import api, autogradeapp, generatefeedbackapp
from traitlets.config import Config

from autograder.assignment import build
from autograder.course.folder import Course
from autograder.pages import formgrader
from autograder.pages.feedback import GenerateFeedback
from autograder.recording import exchange
from autograder.recording.autograde import Autograde


def configure(config: Config, file: str) -> None:
    """Make nbgrader's commands and formgrader grade a course through its judge.

    Parameters
    ----------
    config : Config
        What ``get_config()`` gives in nbgrader_config.py.
    file : str
        That file's own path: the course is the folder it is in.
    """
    course = Course(Path(file).resolve().parent)
    course.check_gradebook(config.CourseDirectory.get("db_url", course.db_url))
    config.CourseDirectory.db_url = course.db_url
    config.CourseDirectory.root = str(course.folder)
    config.GenerateAssignment.preprocessors = build.RELEASE_STEPS
    exchange.configure(config, course.folder)
    # nbgrader copies students' files before it asks any preprocessor: only its converter's own
    # place is early enough.
    for module in (api, autogradeapp):
        module.Autograde = Autograde
    for module in (api, generatefeedbackapp):
        module.GenerateFeedback = GenerateFeedback
    if formgrader.EXTENSION in sys.modules:  # it takes a second to import
        formgrader.protect()
