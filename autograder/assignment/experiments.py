"""The experiments of an assignment as its author wrote them."""

from __future__ import annotations

from autograder.assignment import source
from autograder.experiment import Experiments, Step

KINDS = ("provided", "solution", "experiment")


def of_reference(name: str) -> Experiments:
    """Read an assignment's experiments; figures go into ``build/figures/<name>``."""
    assignment = source.load(name)
    steps = tuple(
        Step(cell.id, cell.source, cell.name if cell.kind == "experiment" else None)
        for cell in assignment.cells
        if cell.kind in KINDS
    )
    return Experiments(name, steps, assignment.root / "build" / "figures" / name)
