"""A search for good hyperparameters: one definition of the space, two readers.

space = {"learning_rate": Range(1e-4, 1e-1, log=True), "optimiser": Choice("SGD", "Adam")}
trials = search(objective, space, trials=30)               # here, by Optuna's TPE
write_wandb("sweep.yaml", space, metric="val_metric")      # for `wandb sweep`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Attributes
    ----------
    log : bool
        Evenly spread by their logarithm: right for what matters by factors.
    whole : bool
        Whole numbers only.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"{self} is empty, or reaches 0 on a logarithmic scale.")

    def suggest(self, trial: Any, name: str) -> Any:
        """Ask an Optuna trial for a value."""
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def wandb(self) -> dict[str, Any]:
        """Write it as Weights & Biases does."""
        scale = "log_uniform_values" if self.log else "uniform"
        if self.whole:
            scale = "q_log_uniform_values" if self.log else "int_uniform"
        low, high = (int(v) if self.whole else float(v) for v in (self.low, self.high))
        return {"distribution": scale, "min": low, "max": high}


class Choice:
    """One of a few options: strings, numbers, True, False or None."""

    def __init__(self, *options: Any) -> None:
        if not options:
            raise ValueError("A Choice needs at least one option.")
        self.options = options

    def suggest(self, trial: Any, name: str) -> Any:
        """Ask an Optuna trial for an option."""
        return trial.suggest_categorical(name, self.options)

    def wandb(self) -> dict[str, Any]:
        """Write it as Weights & Biases does."""
        return {"values": list(self.options)}


Space = Mapping[str, Range | Choice]


@dataclass(frozen=True)
class Trial:
    """What was tried, and what came of it."""

    parameters: dict[str, Any]
    value: float


def search(
    objective: Callable[..., float],
    space: Space,
    *,
    trials: int,
    seed: int = 0,
    maximise: bool = True,
    random_trials: int = 5,
) -> list[Trial]:
    """Search by Optuna's tree-structured Parzen estimator (Bergstra et al., 2011).

    Parameters
    ----------
    objective : callable
        ``objective(**parameters) -> float``.
    space : mapping of str to Range or Choice
    trials : int
        How many points are tried.
    seed : int
    maximise : bool
        Whether a larger value is better.
    random_trials : int
        How many of the first points are drawn at random, before there is anything to learn from.

    Returns
    -------
    list of Trial
        In the order in which they were tried.
    """
    try:
        import optuna
    except ImportError:
        raise RuntimeError("The search needs Optuna: pip install optuna.") from None
    from tqdm.auto import tqdm

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=random_trials)
    study = optuna.create_study(direction="maximize" if maximise else "minimize", sampler=sampler)
    done = []
    for _ in tqdm(range(trials), unit="trial"):
        asked = study.ask()
        parameters = {name: part.suggest(asked, name) for name, part in space.items()}
        value = float(objective(**parameters))
        study.tell(asked, value)
        done.append(Trial(parameters, value))
    return done


def wandb_config(
    space: Space, *, metric: str, maximise: bool = True, **further: Any
) -> dict[str, Any]:
    """Write the same space as the configuration of a Bayesian sweep at Weights & Biases.

    Parameters
    ----------
    space : mapping of str to Range or Choice
    metric : str
        The name under which the runs log what is to be optimised.
    maximise : bool
    **further
        Whatever else the configuration holds, such as ``program="train.py"``.
    """
    return {
        **further,
        "method": "bayes",
        "metric": {"name": metric, "goal": "maximize" if maximise else "minimize"},
        "parameters": {name: part.wandb() for name, part in space.items()},
    }


def write_wandb(path: Path | str, space: Space, **options: Any) -> Path:
    """Write `wandb_config` as the YAML file that ``wandb sweep`` reads."""
    import yaml

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(wandb_config(space, **options), sort_keys=False), "utf-8")
    return path
