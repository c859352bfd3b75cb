"""From ``reference/<name>/`` to what students get, through nbgrader's own release step."""

from __future__ import annotations

import filecmp
import json
import logging
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from autograder.assignment import fast_start  # noqa: F401

# isort: split
import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat.notebooknode import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearOutput,
    ComputeChecksums,
    LockCells,
)
from nbgrader.preprocessors import ClearSolutions as NbgraderClearSolutions
from nbgrader.preprocessors import SaveCells as NbgraderSaveCells
from nbgrader.utils import is_grade, is_solution
from traitlets.config import Config

from autograder import files
from autograder.assignment import lessons
from autograder.assignment.source import Assignment, Cell, find_root, load
from autograder.checking.checks import Checks
from autograder.errors import UserError

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
PYTEST_INI = """\
[pytest]
python_files = checks.py
addopts = -p autograder.checking.pytest_plugin -p no:cacheprovider
"""
README = """\
# {title}

Open `{name}.ipynb`, replace each `raise NotImplementedError(...)` by your own code, and run the
`check(...)` cell below it: it says what is right and what is wrong with the rest. `progress()`
shows how far you are. The same checks run from a shell, in this folder, with `pytest`.

Hand in `{name}.ipynb`. Keep the names of the functions; add as many cells of your own as you like.

| exercise | points |
|---|---:|
{rows}
"""


class BuildError(UserError):
    """An assignment cannot be built; the message says why."""


class ClearSolutions(NbgraderClearSolutions):  # type: ignore[misc]  # nbgrader has no types
    """Replace each solution region by a stub that says what is asked for there."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Replace the regions of one cell."""
        grading = cell.metadata.get("nbgrader", {})
        if grading.get("solution"):
            kind = "solution" if cell.cell_type == "code" else "written"
            name = grading["grade_id"].removesuffix("_code")
            cell.source = Cell(cell.id, kind, name, cell.source).skeleton
        return cell, resources


class SaveCells(NbgraderSaveCells):  # type: ignore[misc]  # nbgrader has no types
    """Save the graded cells only: nbgrader refuses other prose once students have handed in."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        """Save one cell."""
        if is_grade(cell) or is_solution(cell):
            cell, resources = super().preprocess_cell(cell, resources, cell_index)
        return cell, resources


RELEASE_STEPS = [
    LockCells,
    ClearSolutions,
    ClearOutput,
    CheckCellMetadata,
    ComputeChecksums,
    SaveCells,
    CheckCellMetadata,
]


def build(names: Iterable[str], root: Path | None = None, *, out: Path | None = None) -> list[Path]:
    """Build assignments: what students get in ``assignments/``, the solved notebooks in ``build/``.

    Parameters
    ----------
    names : iterable of str
        The assignments.
    root : Path
        The repository.
    out : Path
        Where ``assignments/`` and ``build/solved/`` are written; the repository by default.

    Returns
    -------
    list of Path
        The assignments' folders.
    """
    root = root or find_root()
    out = out or root
    folders = []
    for name in names:
        assignment = load(name, root)
        folder = out / "assignments" / name
        with tempfile.TemporaryDirectory() as scratch:
            write_source(assignment, Path(scratch) / "source" / name)
            generate(Path(scratch), name)
            _mirror(Path(scratch) / "release" / name, folder)
        _write(out / "build" / "solved" / f"{name}.ipynb", solved(assignment))
        folders.append(folder)
    return folders


def drift(names: Iterable[str], root: Path | None = None) -> list[str]:
    """List what is committed in ``assignments/`` and is not, byte for byte, what a build gives."""
    root = root or find_root()
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for folder in build(names, root, out=Path(scratch)):
            committed = root / "assignments" / folder.name
            for path in sorted({*files.counted(folder), *files.counted(committed)}):
                built, kept = folder / path, committed / path
                label = f"assignments/{folder.name}/{path}"
                if not kept.is_file():
                    found.append(f"{label} is missing; run `autograder build`.")
                elif not built.is_file():
                    found.append(f"{label} comes from no source; delete it.")
                elif not filecmp.cmp(built, kept, shallow=False):
                    found.append(f"{label} is not what its source gives; run `autograder build`.")
    return found


def solved(assignment: Assignment) -> str:
    """Give the solved notebook, as JSON with nbgrader's metadata."""
    return _json(source_notebook(assignment))


def source_notebook(assignment: Assignment) -> NotebookNode:
    """Make nbgrader's source notebook: every cell with its solution and its grading metadata."""
    cells = []
    for cell in assignment.layout:
        known = {"source": cell.source, "id": cell.id, "metadata": grading(cell)}
        if cell.is_code or cell.kind == "check":
            cells.append(nbformat.v4.new_code_cell(**known))
        else:
            cells.append(nbformat.v4.new_markdown_cell(**known))
    notebook: NotebookNode = nbformat.v4.new_notebook(cells=cells, metadata=METADATA)
    return notebook


def grading(cell: Cell) -> dict[str, object]:
    if cell.kind == "experiment":
        return {}
    grade, solution = cell.kind in ("check", "written"), cell.kind in ("solution", "written")
    known: dict[str, object] = {
        "schema_version": 3,
        "grade_id": cell.id,
        "grade": grade,
        "solution": solution,
        "locked": not solution,
        "task": False,
    }
    if grade:
        known["points"] = cell.points
    return {"nbgrader": known}


def write_source(assignment: Assignment, folder: Path) -> None:
    """Write an assignment as nbgrader's ``source/``: solved notebook and the files beside it."""
    exercises = {str(cell.name): cell.points for cell in assignment.exercises}
    rows = [f"| `{name}` | {points:g} |" for name, points in exercises.items()]
    rows += [f"| {cell.name} (written) | {cell.points:g} |" for cell in assignment.written]
    own = assignment.folder / "README.md"
    readme = (
        files.read_text(own)
        if own.is_file()
        else README.format(title=assignment.title, name=assignment.name, rows="\n".join(rows))
    )
    checks = assignment.file("checks.py")
    tests = Checks(checks.parent).exercises
    for name in tests:
        assignment.expect(name, checks.name)
    known = lessons.book(assignment, tests) | {
        "_exercises": exercises,
        "_builds_on": lessons.built_on(assignment, tests),
    }
    _write(folder / f"{assignment.name}.ipynb", solved(assignment))
    _write(folder / "checks.py", files.read_text(checks))
    _write(folder / "hints.json", json.dumps(known, indent=1, sort_keys=True) + "\n")
    _write(folder / "README.md", readme)
    _write(folder / "pytest.ini", PYTEST_INI)


def generate(folder: Path, name: str, db_url: str | None = None) -> None:
    """Run nbgrader's generate_assignment in a course folder, with a gradebook or without."""
    config = Config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.assignment_id = name
    config.GenerateAssignment.preprocessors = RELEASE_STEPS
    config.GenerateAssignment.force = True
    if db_url is None:
        config.GenerateAssignment.no_database = True
        config.SaveCells.enabled = False
    else:
        config.CourseDirectory.db_url = db_url
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
    said = Said()
    converter.log = said.logger
    try:
        converter.start()
    except NbGraderException as error:
        raise BuildError(f"nbgrader could not release {name}: {said.reason or error}") from error


class Said(logging.Handler):
    """The last line of the traceback that nbgrader logs instead of raising."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.reason = ""
        self.logger = logging.Logger("nbgrader")
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage().strip()
        if message.startswith("Traceback"):
            self.reason = message.splitlines()[-1].split(": ", 1)[-1]


def _json(notebook: NotebookNode) -> str:
    return str(nbformat.writes(notebook)).rstrip("\n") + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _mirror(source: Path, target: Path) -> None:
    """Make one folder equal to another, leaving caches alone."""
    for path in {*files.counted(target)} - {*files.counted(source)}:
        (target / path).unlink()
    for path in files.counted(source):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, target / path)
