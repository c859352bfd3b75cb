"""Grades attacks in the middle of a class of honest people."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attacks.corpus import Attack
from attacks.world import World
from autograder.assignment.source import Assignment, load
from autograder.judging.attempt import Attempt
from autograder.judging.pool import Pool
from autograder.judging.verdict import Verdict
from autograder.sandbox import Limits

REPOSITORY = Path(__file__).resolve().parents[2]
MIB = 1 << 20
LIMITS = Limits(
    cell_cpu=0.3, call_cpu=0.3, attempt_cpu=2, wall_factor=20, idle=0.8, memory=192 * MIB,
    frame=8 * MIB, received=32 * MIB, handles=100, disk=4 * MIB, inodes=50, file_bytes=2 * MIB,
)  # fmt: skip
#: Training and cost need more time than a toy does.
SLOW = Limits(cell_cpu=5, call_cpu=3, attempt_cpu=60, wall_factor=20, idle=3, memory=1024 * MIB)


def home(world: World, name: str) -> Path:
    """Where an assignment is: the toy in the attacked world, the others here."""
    return world.root if name == "toy" else REPOSITORY


def grade(
    world: World, name: str, attacks: Iterable[Attack], isolation: str, *, kill: bool = False
) -> tuple[dict[str, Verdict], list[Verdict]]:
    """Grade attacks, each followed by an honest submission, with two workers at a time.

    With ``kill``, one of the workers is killed after the first verdict.

    Returns
    -------
    verdicts : dict
        By the attacks' names.
    honest : list
        The verdicts of the others.
    """
    assignment = load(name, home(world, name))
    verdicts: dict[str, Verdict] = {}
    with pool(world, name, isolation) as engine:
        for attempt, verdict in engine.judge(_class(world, assignment, attacks)):
            verdicts[attempt.key] = verdict
            if kill and len(verdicts) == 1:
                os.kill(engine._workers[0].process.pid, signal.SIGKILL)
    honest = [verdict for key, verdict in verdicts.items() if key.startswith("honest/")]
    return verdicts, honest


def pool(world: World, name: str, isolation: str, workers: int = 2) -> Pool:
    """Start the engine in an isolation."""
    limits = LIMITS if name == "toy" else SLOW
    more: dict[str, Any] = {} if isolation == "process" else {"isolation": isolation}
    return Pool(home(world, name), [name], workers, limits, **more)


def _class(world: World, assignment: Assignment, attacks: Iterable[Attack]) -> Iterable[Attempt]:
    right = Attack("honest", 0, "is right", solved=True).file(assignment, {})
    for number, attack in enumerate(attacks):
        yield Attempt(assignment.name, attack.file(assignment, world.places), key=attack.name)
        yield Attempt(assignment.name, right, key=f"honest/{number}")
