"""A student's process reaches nothing outside it, tried one by one."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from attacks.corpus import Attack
from attacks.probes import PROBES, Probe, allowed, leaks, script
from attacks.runner import pool
from attacks.world import World
from autograder.assignment.source import load
from autograder.judging.attempt import Attempt
from autograder.sandbox import LAYERS, WarmParent

TELLS = """
def scale(x, factor):
    reached = [name for name, result in results.items() if not result.startswith("refused")]
    if len(results) != COUNT or reached:
        raise RuntimeError(f"{len(results)} tried, allowed: {reached}")
    return x * factor
"""


def tried(
    world: World, probes: list[Probe], layers: Collection[str] | None
) -> tuple[WarmParent, dict[str, str]]:
    with WarmParent(layers=layers) as parent, parent.attempt() as student:
        (outcome,) = student.execute([("probes", script(probes, world.places))])
        assert outcome.error is None
        return parent, student.namespace.results


def test_every_probe_is_refused(world: World) -> None:
    parent, results = tried(world, PROBES, None)
    assert "landlock" in parent.isolation
    assert allowed(results) <= leaks(parent.isolation.lacking)
    assert len(results) == len(PROBES)
    assert world.damage() == []


def test_probes_are_good(world: World) -> None:
    """Where nothing confines them, they reach what they are after."""
    good = [probe for probe in PROBES if probe.works]
    _, results = tried(world, good, ())
    assert {name: r for name, r in results.items() if r != "allowed"} == {}
    assert len(good) >= 70
    assert [line.split(":")[0] for line in world.damage()] == ["what reached a server"]


# Without seccomp some would fork and crash on purpose: tests/sandbox/test_confine.py tries those.
@pytest.mark.parametrize("without", [layer for layer in LAYERS if layer != "seccomp"])
def test_every_layer_has_another_behind_it(world: World, without: str) -> None:
    """Without any one of them, next to nothing more is let through."""
    parent, results = tried(world, PROBES, LAYERS.keys() - {without})
    if {"files", "landlock"} <= parent.isolation.lacking.keys():
        pytest.skip(f"on this machine nothing is behind {without}: {parent.isolation}")
    assert allowed(results) <= leaks(parent.isolation.lacking)
    assert world.damage() == []


def test_probes_through_the_engine(world: World, isolation: str) -> None:
    """The same from a notebook, through the whole of the judge, in any isolation."""
    toy = load("toy", world.root)
    with pool(world, "toy", isolation, workers=1) as engine:
        let_through = leaks(engine.isolation.lacking)
        probes = [probe for probe in PROBES if f"{probe.group}: {probe.name}" not in let_through]
        count = str(len(probes))
        notebook = Attack(
            "probes", 12, "reaches for everything",
            own=script(probes, world.places) + TELLS.replace("COUNT", count), solved=True,
        ).file(toy, {})  # fmt: skip
        ((_, verdict),) = engine.judge([Attempt("toy", notebook)])
    assert verdict.score == verdict.max_score, verdict
    assert world.damage() == []
