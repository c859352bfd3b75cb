"""Every attack scores what its honest work deserves, and harms nothing and nobody."""

from __future__ import annotations

import collections
from pathlib import Path

import pytest

from attacks import answers, breaking, forging, luck, people, record
from attacks.corpus import LINES, Attack
from attacks.runner import grade, home
from attacks.world import SECRET, World
from autograder.assignment.source import Assignment, load
from autograder.judging.judge import Judge, unreadable
from autograder.sandbox import WarmParent

THEMES = {
    theme.__name__.rpartition(".")[2]: theme.ATTACKS
    for theme in (forging, answers, record, breaking, people, luck)
}
EVERY = [attack for attacks in THEMES.values() for attack in attacks]


def test_every_line_is_tried_and_no_name_twice() -> None:
    elsewhere = {32}  # archives: tests/course/collect/test_extract.py
    assert {attack.line for attack in EVERY} | elsewhere == set(LINES)
    assert len(EVERY) >= 80
    names = collections.Counter(f"{theme}/{a.name}" for theme in THEMES for a in THEMES[theme])
    assert not [name for name, times in names.items() if times > 1]


def judged(theme: str, name: str = "toy") -> list[Attack]:
    """The attacks of a theme that the judge alone can be asked about."""
    return [a for a in THEMES[theme] if a.lay is None and a.assignment == name]


@pytest.mark.parametrize(
    ("theme", "name"), [*((theme, "toy") for theme in THEMES), ("answers", "mlp")]
)
def test_attacks_in_the_middle_of_a_class(
    theme: str, name: str, world: World, isolation: str, subtests: pytest.Subtests
) -> None:
    attacks = judged(theme, name)
    assignment = load(name, home(world, name))
    verdicts, honest = grade(world, name, attacks, isolation, kill=theme == "luck")
    for attack in attacks:
        with subtests.test(attack.name):
            assert attack.complaints(verdicts[attack.name], assignment) == []
    assert [verdict.score for verdict in honest] == [worth(assignment)] * len(attacks)
    assert world.damage() == []
    assert not [name for name, verdict in verdicts.items() if SECRET in verdict.to_json()]


def worth(assignment: Assignment) -> float:
    """What a right submission scores."""
    return sum(cell.points for cell in assignment.exercises)


REAL = [attack for attack in EVERY if attack.wins]


def test_these_attacks_win_where_nothing_confines_them(
    world: World, subtests: pytest.Subtests
) -> None:
    """Their zeros above are the confinement's doing."""
    toy = load("toy", world.root)
    with WarmParent(layers=()) as parent:
        judge = Judge(toy, {frozenset(): parent})
        for attack in REAL:
            with subtests.test(attack.name):
                assert judge.submission(attack.file(toy, world.places)).score == attack.wins
    assert len(REAL) >= 15


def test_what_a_verdict_must_not_be_is_noticed(world: World) -> None:
    toy = load("toy", world.root)
    verdict = unreadable(toy, "malformed", "It holds 0.1234.")
    attack = Attack("x", 1, "", solved=True, becomes={"scale": "passed"}, never=r"\d\.\d{3}")
    said = " ".join(attack.complaints(verdict, toy))
    for part in ("malformed, not graded", "scores 0, not 5", "scale is failed", "carries '0.123'"):
        assert part in said


def test_damage_is_noticed(world: World) -> None:
    (world.root / "reference/toy/hidden_tests.py").write_text("")
    Path(world.places["feedback"]).unlink()
    world.victim.kill()
    world.victim.wait()
    lines = " ".join(world.damage())
    for part in ("hidden_tests.py", "toy.html", "the victim lives: True → False"):
        assert part in lines


def test_starving_is_noticed(world: World) -> None:
    """And the attack that does it would, if nothing kept it from the victim."""
    exec(breaking.STARVE, {"others": {world.victim.pid}})
    starved = {line.split(":")[0] for line in world.damage()}
    assert starved >= {"the victim's limits", "the victim's priority", "the victim's scheduler"}
