"""An assignment's experiments from a shell: the same cells, with the figures saved."""

from __future__ import annotations

import os
import re
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.checking import cells, magics
from autograder.data import DataUnavailable
from autograder.errors import UserError, told


class ExperimentError(UserError):
    """An experiment cannot be run; the message says why and what to do."""


def results() -> Path:
    """Give the folder for what experiments leave behind: checkpoints, processed data sets.

    It is ``$CHAINRULE_RESULTS``, or ``results`` where the notebook runs.
    """
    folder = Path(os.environ.get("CHAINRULE_RESULTS") or "results")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass(frozen=True)
class Step:
    """A cell to execute, and the experiment it belongs to, if any.

    ``file`` names the text that it comes from, if it does, and ``above`` is how many lines of it
    come before the cell.
    """

    label: str
    source: str
    experiment: str | None = None
    file: str = ""
    above: int = 0


@dataclass(frozen=True)
class Experiments:
    """An assignment's cells, in order, and where its figures go."""

    name: str
    steps: tuple[Step, ...]
    figures: Path

    def run(self, which: str | None = None, *, full: bool = False) -> dict[str, float]:
        """Execute experiments and save their figures.

        All provided and solution cells run, then the cells of the experiments, in order.

        Parameters
        ----------
        which : str, optional
            One experiment; all of them if it is left out.
        full : bool
            Run at full length instead of the short one (sets ``CHAINRULE_FULL=1``).

        Returns
        -------
        dict
            What the experiments measured: the notebook's ``NUMBERS``. Figures are saved as
            ``<experiment>-1.png`` and so on, beside whatever else the experiments write.

        Raises
        ------
        ExperimentError
            If there is no such experiment or a cell fails.
        """
        known = list(dict.fromkeys(step.experiment for step in self.steps if step.experiment))
        if which is not None and which not in known:
            raise ExperimentError(
                f"{self.name} has no experiment {which!r}; it has {', '.join(known) or 'none'}."
            )
        wanted = (None, which) if which else (None, *known)
        steps = [step for step in self.steps if step.experiment in wanted]
        length = _setting("CHAINRULE_FULL", "1" if full else None)
        with length, _setting("CHAINRULE_RESULTS", str(self.figures)):
            return _numbers(self._executed(steps).get("NUMBERS", {}))

    def _executed(self, steps: Iterable[Step]) -> dict[str, Any]:
        """Execute cells and give the names that they define."""
        namespace: dict[str, Any] = {"__name__": "__main__"}
        count: Counter[str] = Counter()
        with _figures_in_memory() as plt:
            for step in steps:
                _execute(step, namespace)
                for number in plt.get_fignums() if step.experiment else ():
                    count[str(step.experiment)] += 1
                    path = self.figures / f"{step.experiment}-{count[str(step.experiment)]}.png"
                    _save(plt.figure(number), path)
                plt.close("all")
        return namespace


def _numbers(measured: Any) -> dict[str, float]:
    try:
        return {str(name): float(value) for name, value in measured.items()}
    except (AttributeError, TypeError, ValueError):
        raise ExperimentError(
            f"NUMBERS is to map names to numbers, and is {measured!r:.200}; change the cell that "
            "sets it."
        ) from None


def of_notebook(path: Path) -> Experiments:
    """Read the experiments of a student's notebook; figures go into ``figures`` beside it."""
    return Experiments(path.stem, tuple(_steps(path)), path.parent / "figures")


def _steps(path: Path) -> Iterator[Step]:
    for cell in cells.read(path):
        if re.match(r"\s*(check|progress)\(", cell.source):
            continue  # it has nothing to do with the experiments
        experiment = re.fullmatch(r"experiment-(\w+?)(-\d+)?", cell.id)
        source = magics.strip(cell.source)
        yield Step(f"code cell {cell.number}", source, experiment and experiment[1])


def _execute(step: Step, namespace: dict[str, Any]) -> None:
    filename = f"<{step.label}>"
    try:
        cells.execute(step.source, filename, namespace)
    except DataUnavailable as error:
        raise ExperimentError(f"{step.experiment or step.label} needs data: {error}") from error
    except (Exception, SystemExit) as error:
        raise ExperimentError(_sentence(step, filename, error)) from error


def _sentence(step: Step, filename: str, error: BaseException) -> str:
    """Say where a cell failed, with the line of the cell and not of a library."""
    named = f"The experiment {step.experiment}" if step.experiment else ""
    if step.file:
        return f"{named or 'A cell'} stops: {told(error, filename, step.file, step.above)}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.line for frame in frames if frame.filename == filename]
    where = f" at `{lines[-1]}`" if lines else ""
    return f"{named or step.label.capitalize()} stops{where}: {type(error).__name__}: {error}"


@contextmanager
def _setting(name: str, value: str | None) -> Iterator[None]:
    """Set an environment variable for a while; None leaves it as it is."""
    before = os.environ.get(name)
    if value is not None:
        os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


@contextmanager
def _figures_in_memory() -> Iterator[Any]:
    """Matplotlib without a screen: figures stay open until they are saved."""
    try:
        import matplotlib
        import matplotlib.pyplot as plt
    except ImportError:
        raise ExperimentError(
            "The experiments draw with matplotlib, which is not installed: "
            "pip install 'chainrule[student]'."
        ) from None
    matplotlib.use("Agg")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*non-interactive.*")
        yield plt


def _save(figure: Any, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150, bbox_inches="tight")
    except OSError as error:
        raise ExperimentError(
            f"{path} cannot be written ({error.strerror}); choose another folder for the figures."
        ) from None
    print(f"saved {path}")
