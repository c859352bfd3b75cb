"""An assignment as its author wrote it: the cells of ``reference/<name>/notebook.py``."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder import files
from autograder.assignment import scopes, tags
from autograder.assignment.regions import REGION, stray
from autograder.checking import cells, magics
from autograder.errors import UserError, told
from autograder.files import read_text, shown

KINDS = ("prose", "provided", "solution", "check", "written", "experiment")


class AssignmentError(UserError):
    """An assignment cannot be read as it is written; the message says where and what to do."""


@dataclass(frozen=True)
class Cell:
    """One cell of the source, with what its tag says of it.

    ``name`` is the exercise, the written question or the experiment; ``allows`` names what the cell
    may import beyond NumPy.
    """

    id: str
    kind: str
    name: str | None
    source: str
    points: float = 0.0
    allows: frozenset[str] = frozenset()

    @property
    def is_code(self) -> bool:
        """Whether the cell holds Python."""
        return self.kind in ("provided", "solution", "check", "experiment")

    @property
    def skeleton(self) -> str:
        """The cell as a student gets it: every solution region replaced by what it asks for."""
        return REGION.sub(self._stub, self.source)

    def _stub(self, region: re.Match[str]) -> str:
        if not self.is_code:
            return "*Your answer here.*"
        return f"{region['indent']}raise NotImplementedError({self._asked(region)!r})"

    def _asked(self, region: re.Match[str]) -> str:
        return f"{self.name}: {region['task'].strip() or 'write this function'}"

    @property
    def stubs(self) -> list[str]:
        """What the stubs of the cell say when they are called."""
        return [self._asked(region) for region in REGION.finditer(self.source)]

    @property
    def solved(self) -> str:
        """The cell as a later assignment provides it: without the lines that mark its regions."""
        return REGION.sub(lambda region: region["body"].removesuffix("\n"), self.source)

    @cached_property
    def defines(self) -> frozenset[str]:
        """The functions and classes that the cell defines at its top level."""
        return definitions(self.source)


@lru_cache(maxsize=4096)
def definitions(source: str) -> frozenset[str]:
    """Name the functions and classes that a source defines at its top level."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in body if isinstance(node, kinds))


@dataclass(frozen=True)
class Assignment:
    """A whole assignment: its cells, and the files that stand beside them."""

    name: str
    folder: Path
    cells: tuple[Cell, ...]

    @property
    def root(self) -> Path:
        """The repository."""
        return self.folder.parent.parent

    @property
    def title(self) -> str:
        """The notebook's first heading."""
        for cell in self.cells:
            if cell.kind == "prose" and (heading := re.search(r"^# (.+)$", cell.source, re.M)):
                return heading[1].strip()
        return self.name

    @property
    def digest(self) -> str:
        """A digest of what it is made of: the files beside it, and what it provides of others."""
        beside = files.digest(self.folder, files.modules(self.folder))
        cells = [(cell.source, sorted(cell.allows)) for cell in self.cells]
        whole = json.dumps([beside, cells])
        return hashlib.sha256(whole.encode()).hexdigest()

    @cached_property
    def layout(self) -> tuple[Cell, ...]:
        """The notebook's cells: the author's, and after each exercise the one that checks it."""
        cells: list[Cell] = []
        for cell in self.cells:
            cells.append(cell)
            if cell.kind == "solution":
                source = f'check("{cell.name}")'
                cells.append(Cell(str(cell.name), "check", cell.name, source, cell.points))
        return tuple(cells)

    @cached_property
    def exercises(self) -> tuple[Cell, ...]:
        """The cells with automatic points, in order."""
        return tuple(cell for cell in self.cells if cell.kind == "solution")

    @cached_property
    def written(self) -> tuple[Cell, ...]:
        """The questions that a person marks."""
        return tuple(cell for cell in self.cells if cell.kind == "written")

    @cached_property
    def experiments(self) -> tuple[str, ...]:
        """The names of the experiments, in order."""
        names = (cell.name for cell in self.cells if cell.kind == "experiment")
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def stubs(self) -> list[str]:
        """What the stubs of all exercises say when they are called."""
        return [said for cell in self.exercises for said in cell.stubs]

    @cached_property
    def foundations(self) -> dict[str, list[str]]:
        """The exercises that each exercise's solution is built on."""
        return scopes.foundations(
            (cell.name if cell.kind == "solution" else None, cell.source)
            for cell in self.cells
            if cell.kind in ("provided", "solution")
        )

    def foundation(self, names: Collection[str]) -> list[str]:
        """The exercises that define any of these names."""
        return [str(cell.name) for cell in self.exercises if cell.defines.intersection(names)]

    def exercise(self, name: str) -> Cell:
        """Find an exercise by its name."""
        for cell in self.exercises:
            if cell.name == name:
                return cell
        known = ", ".join(str(cell.name) for cell in self.exercises)
        raise AssignmentError(f"{self.name} has no exercise {name!r}; it has {known or 'none'}.")

    def expect(self, name: str, file: str) -> None:
        """See that an exercise is there that a file speaks of."""
        try:
            self.exercise(name)
        except AssignmentError as error:
            raise AssignmentError(f"{shown(self.folder / file)}: {error}") from None

    def runnable(self, allows: frozenset[str] = frozenset()) -> list[Cell]:
        """List the cells that run where just ``allows`` may be imported; experiments never do."""
        kinds = ("provided", "solution")
        return [cell for cell in self.cells if cell.kind in kinds and cell.allows <= allows]

    def namespace(self, allows: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Execute the reference solution here and return its names. Only for trusted callers."""
        names: dict[str, Any] = {"__name__": "__main__"}
        for cell in self.runnable(allows):
            self.execute(cell, names)
        return names

    def execute(self, cell: Cell, names: dict[str, Any]) -> None:
        """Execute one cell of the reference solution here. Only for trusted callers."""
        filename = f"<{self.name}:{cell.id}>"
        try:
            cells.execute(magics.strip(cell.source), filename, names)
        except (Exception, SystemExit) as error:
            notebook = self.folder / "notebook.py"
            above = tags.above(read_text(notebook), cell.source)
            raise AssignmentError(told(error, filename, shown(notebook), above)) from error

    def file(self, name: str) -> Path:
        """Find one of the files beside the notebook, such as ``checks.py``."""
        if not (self.folder / name).is_file():
            raise AssignmentError(f"{self.name} has no {name}; write {shown(self.folder / name)}.")
        return self.folder / name

    def module(self, stem: str) -> ModuleType:
        """Import one of the modules beside the notebook, such as ``hidden_tests``."""
        path = self.file(f"{stem}.py")
        digest = hashlib.sha256(f"{path}{read_text(path)}".encode()).hexdigest()
        unique = f"_{self.name}_{stem}_{digest[:12]}"  # a changed file is another module
        if unique not in sys.modules:
            spec = importlib.util.spec_from_file_location(unique, path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[unique] = module
            try:
                spec.loader.exec_module(module)
            except (Exception, SystemExit) as error:
                del sys.modules[unique]  # half a module is none
                raise AssignmentError(told(error, str(path), shown(path))) from error
        return sys.modules[unique]


def find_root(start: Path | None = None) -> Path:
    """Find the repository: the nearest folder that holds ``reference/``, else the kit's own."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents, Path(__file__).resolve().parents[2]):
        if (folder / "reference").is_dir():
            return folder
    raise AssignmentError(
        f"There is no reference/ folder in {start} or above it; change to your course's repository."
    )


def names(root: Path | None = None) -> list[str]:
    """List the assignments that a repository holds, in the order of ``reference/order.txt``.

    What is not named there comes after, by name.
    """
    folder = (root or find_root()) / "reference"
    there = sorted(path.parent.name for path in folder.glob("*/notebook.py"))
    order = folder / "order.txt"
    first = read_text(order).split() if order.exists() else []
    return sorted(there, key=lambda name: first.index(name) if name in first else len(first))


def load(name: str, root: Path | None = None) -> Assignment:
    """Read ``reference/<name>/notebook.py``."""
    root = root or find_root()
    folder = root / "reference" / name
    if not (folder / "notebook.py").is_file():
        known = ", ".join(names(root)) or "none yet"
        raise AssignmentError(f"There is no assignment {name!r}; this course has: {known}.")
    return Assignment(name, folder, parse(read_text(folder / "notebook.py"), name, root))


def parse(text: str, name: str, root: Path | None = None) -> tuple[Cell, ...]:
    """Turn the percent format into cells, each with an id that its place does not change.

    Exercises of earlier assignments that the text provides are looked up in ``root``.
    """
    taken: dict[str, int] = {}
    cells: list[Cell] = []
    for raw, where in tags.read(text, f"reference/{name}/notebook.py"):
        _check_markers(where, raw.source)
        cell = _cell(raw.cell_type, raw.metadata, raw.source, where)
        address = raw.metadata.get("provided")
        if cell.kind == "provided" and isinstance(address, str):
            cell = _provided_from(address, cell, where, name, root or find_root())
        count = taken[cell.id] = taken.get(cell.id, 0) + 1
        if count > 1 and cell.kind in ("solution", "written"):
            raise AssignmentError(f"{name} has two cells named {cell.name!r}; rename one of them.")
        if count > 1:
            cell = replace(cell, id=f"{cell.id}-{count}")
        cells.append(cell)
    return tuple(cells)


def _check_markers(where: str, source: str) -> None:
    for _, line in stray(source):
        raise AssignmentError(
            f"{where}: the line {line!r} marks no region, and what follows it would reach the "
            "students; pair ### BEGIN SOLUTION with ### END SOLUTION, each on a line of its own."
        )


def text_digest(source: str) -> str:
    """Digest a text for the id of its cell, by which it is known again when it has changed."""
    return hashlib.sha256(source.encode()).hexdigest()[:8]


def _cell(cell_type: str, tag: dict[str, Any], source: str, where: str) -> Cell:
    allows = frozenset(str(tag.get("allows", "")).replace(",", " ").split())
    points = float(tag.get("points", 0))
    if "exercise" in tag:
        name = tag["exercise"]
        if not REGION.search(source) or not definitions(source):
            raise AssignmentError(
                f"{where}: exercise {name!r} needs a function or class with a region "
                "between ### BEGIN SOLUTION and ### END SOLUTION."
            )
        return Cell(f"{name}_code", "solution", name, source, points, allows)
    if "written" in tag:
        return Cell(tag["written"], "written", tag["written"], source, points)
    if "experiment" in tag:
        return Cell(f"experiment-{tag['experiment']}", "experiment", tag["experiment"], source)
    if cell_type == "markdown":
        return Cell(_id("prose", source), "prose", None, source)
    if tag.get("provided"):
        return Cell(_id("provided", source), "provided", None, source, 0.0, allows)
    raise AssignmentError(
        f"{where}: the cell has no tag; tag it provided=true, exercise=… or experiment=…."
    )


def _id(kind: str, source: str) -> str:
    return f"{kind}-{text_digest(source)}"


def _provided_from(address: str, cell: Cell, where: str, assignment: str, root: Path) -> Cell:
    """Fill a provided cell with a solved exercise of an assignment that students take earlier."""
    if cell.source.strip():
        raise AssignmentError(
            f"{where}: the cell that provides {address!r} has text of its own; "
            "put it into a cell below."
        )
    other, _, exercise = address.partition("/")
    earlier = list(takewhile(lambda name: name != assignment, names(root)))
    if other not in earlier:
        raise AssignmentError(
            f"{where}: {assignment} can provide exercises of the assignments before it "
            f"({', '.join(earlier) or 'there are none'}), not {address!r}; "
            "mend the tag or reference/order.txt."
        )
    known = _exercises(read_text(root / "reference" / other / "notebook.py"), other)
    if exercise not in known:
        raise AssignmentError(
            f"{where}: {other} has no exercise {exercise!r} to provide; it has {', '.join(known)}."
        )
    source, allows = known[exercise].solved, cell.allows | known[exercise].allows
    return replace(cell, id=_id("provided", source), source=source, allows=allows)


@lru_cache(maxsize=32)
def _exercises(text: str, assignment: str) -> dict[str, Cell]:
    """Read the exercises of a notebook, by their names."""
    cells = [
        _cell(raw.cell_type, raw.metadata, raw.source, where)
        for raw, where in tags.read(text, f"reference/{assignment}/notebook.py")
        if "exercise" in raw.metadata
    ]
    return {str(cell.name): cell for cell in cells}
