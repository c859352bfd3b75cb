"""What commands share: where they print, the options that mean the same everywhere, opening."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

try:
    import typer
    from rich.console import Console
    from rich.table import Table
except ModuleNotFoundError as missing:
    sys.exit(f"The command line needs {missing.name}; run: pip install 'chainrule[grade]'")

from autograder.errors import UserError

if TYPE_CHECKING:
    from autograder.course.folder import Course

out = Console()
err = Console(stderr=True)

Names = Annotated[list[str] | None, typer.Argument(help="Assignments; all by default.")]
CourseFolder = Annotated[Path, typer.Option("--course", help="The course's folder.")]
Workers = Annotated[
    int, typer.Option("--workers", min=1, help="How many submissions are judged at a time.")
]
Students = Annotated[list[str] | None, typer.Option("--student", help="Only these students.")]
Isolated = Annotated[
    Literal["process", "container"] | None,
    typer.Option("--isolation", help="Where submissions run; by default, as course.toml says."),
]
Gpus = Annotated[
    str, typer.Option(help="GPUs that submissions may use, as the container engine names them.")
]
Weak = Annotated[
    bool,
    typer.Option("--weak", help="Go on where something that must confine students is lacking."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
COURSE = Path("course")
CORES = os.cpu_count() or 1


def say(text: str, style: str | None = None) -> None:
    """Print a text as it is, without wrapping it."""
    out.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def complain(text: str) -> None:
    """Print to where errors go, without wrapping it."""
    err.print(text, markup=False, highlight=False, soft_wrap=True)


def bare_table(*columns: str) -> Table:
    """Make a table without lines."""
    return Table(*columns, box=None, padding=(0, 1))


def root() -> Path:
    """Find the repository."""
    from autograder.assignment import source

    return source.find_root()


def chosen(names: list[str] | None, root: Path) -> list[str]:
    """Check the names of assignments; none means all of them."""
    from autograder.assignment import source

    for name in names or ():
        source.load(name, root)
    known = names or source.names(root)
    if not known:
        raise UserError(f"There is no assignment in {root / 'reference'}; write NAME/notebook.py.")
    return known


def opened(folder: Path, names: list[str] | None) -> tuple[Course, list[str]]:
    """Open a course; without names, choose the assignments of which something was handed in."""
    from autograder.course import grading
    from autograder.course.folder import Course

    repository = root()
    if (folder / "submitted").is_dir():
        Course.create(folder, repository)  # only what is not there yet
    course = Course.open(folder, repository)
    return course, chosen(names, repository) if names else grading.handed_in(course)
