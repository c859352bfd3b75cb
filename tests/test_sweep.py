"""One space of hyperparameters, read by Optuna and by Weights & Biases."""

from pathlib import Path
from typing import Any

import pytest

from autograder.sweep import Choice, Range, search, wandb_config, write_wandb

SPACE: dict[str, Range | Choice] = {
    "rate": Range(1e-4, 1.0, log=True),
    "width": Range(4, 64, whole=True),
    "layers": Range(1, 64, log=True, whole=True),
    "dropout": Range(0.0, 0.5),
    "optimiser": Choice("SGD", "Adam"),
    "batchnorm": Choice(False, True),
}


def objective(rate: float, optimiser: str, **_: object) -> float:
    """Best at a rate of 0.01 with Adam."""
    import math

    return -abs(math.log10(rate) + 2) - (optimiser == "SGD")


def test_every_trial_lies_in_the_space() -> None:
    for trial in search(objective, SPACE, trials=15):
        chosen = trial.parameters
        assert set(chosen) == set(SPACE)
        assert 1e-4 <= chosen["rate"] <= 1
        assert isinstance(chosen["width"], int) and 4 <= chosen["width"] <= 64
        assert isinstance(chosen["layers"], int) and 1 <= chosen["layers"] <= 64
        assert chosen["optimiser"] in ("SGD", "Adam")
        assert trial.value == objective(**chosen)


def test_the_search_learns_from_what_it_has_seen() -> None:
    trials = search(objective, SPACE, trials=60, random_trials=10)
    late, early = ([t.value for t in part] for part in (trials[40:], trials[:10]))
    assert sum(late) / 20 > sum(early) / 10 + 0.3
    assert max(late) > -0.3


def test_the_search_can_go_down() -> None:
    def loss(**chosen: Any) -> float:
        return -objective(**chosen)

    trials = search(loss, SPACE, trials=40, random_trials=10, maximise=False)
    assert sum(t.value for t in trials[-10:]) < sum(t.value for t in trials[:10])


def test_equal_seeds_give_equal_searches() -> None:
    first, second = (search(objective, SPACE, trials=8, seed=3) for _ in range(2))
    assert first == second
    assert first != search(objective, SPACE, trials=8, seed=4)


def test_the_sweep_file_describes_the_same_space(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    path = write_wandb(
        tmp_path / "runs" / "sweep.yaml", SPACE, metric="accuracy", program="train.py"
    )
    config = yaml.safe_load(path.read_text())
    assert config["method"] == "bayes"
    assert config["program"] == "train.py"
    assert config["metric"] == {"name": "accuracy", "goal": "maximize"}
    assert config["parameters"] == {
        "rate": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0},
        "width": {"distribution": "int_uniform", "min": 4, "max": 64},
        "layers": {"distribution": "q_log_uniform_values", "min": 1, "max": 64},
        "dropout": {"distribution": "uniform", "min": 0.0, "max": 0.5},
        "optimiser": {"values": ["SGD", "Adam"]},
        "batchnorm": {"values": [False, True]},
    }


def test_the_goal_follows_the_search() -> None:
    assert wandb_config(SPACE, metric="loss", maximise=False)["metric"]["goal"] == "minimize"


@pytest.mark.parametrize(("low", "high", "log"), [(1, 1, False), (2, 1, False), (0, 1, True)])
def test_an_empty_range_is_refused(low: float, high: float, log: bool) -> None:
    with pytest.raises(ValueError, match="empty"):
        Range(low, high, log=log)


def test_a_choice_needs_options() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Choice()
