"""The command line: one command for authors, instructors, teaching assistants and CI."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder.cli.options import complain  # first: it says what is not installed

# isort: split
import typer

from autograder.cli import authors, instructors
from autograder.errors import UserError
from autograder.files import shown

app = typer.Typer(
    help="Chainrule: an autograded course on neural networks built by hand.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
COMMANDS: tuple[Callable[..., None], ...] = (
    authors.new,
    authors.build,
    authors.validate,
    instructors.score,
    instructors.demo,
    instructors.collect,
    instructors.grade,
    instructors.feedback,
    instructors.replay,
    instructors.report,
    instructors.export,
    authors.experiment,
    instructors.formgrader,
    instructors.doctor,
    authors.release,
)
for command in COMMANDS:
    app.command()(command)


def main(run: Callable[[], Any] = app) -> None:
    """Run the command line; what a person can mend is one sentence and exit code 2."""
    try:
        run()
    except UserError as error:
        complain(str(error))
        sys.exit(2)
    except OSError as error:
        sentence = _of_the_system(error)
        if sentence is None:
            raise
        complain(sentence)
        sys.exit(2)


def _of_the_system(error: OSError) -> str | None:
    """Say what keeps a file from being used; nothing if it is no file, but perhaps a bug."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full: free some space and run the same command to go on."
    if not isinstance(error.filename, str):
        return None
    return (
        f"{shown(Path(error.filename))} cannot be used ({error.strerror}); see what is there, and "
        "that you may read and write it."
    )
