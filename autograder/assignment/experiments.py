"""The experiments of an assignment as its author wrote them."""

from __future__ import annotations

from autograder.assignment import source, tags
from autograder.checking import magics
from autograder.experiment import Experiments, Step
from autograder.files import read_text, shown

KINDS = ("provided", "solution", "experiment")


def of_reference(name: str) -> Experiments:
    """Read an assignment's experiments; figures go into ``build/figures/<name>``."""
    assignment = source.load(name)
    path = assignment.folder / "notebook.py"
    text, label = read_text(path), shown(path)
    steps = tuple(
        Step(
            cell.id,
            magics.strip(cell.source),
            cell.name if cell.kind == "experiment" else None,
            label,
            tags.above(text, cell.source),
        )
        for cell in assignment.cells
        if cell.kind in KINDS
    )
    return Experiments(name, steps, assignment.root / "build" / "figures" / name)
