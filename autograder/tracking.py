"""A training written down while it runs: into local files with plots, or to Weights & Biases.

    with tracking.start("adam", {"learning_rate": 1e-3}) as run:
        run.log(epoch, {"loss": 0.31, "gradient norm/w1": 0.02})
        run.histograms(epoch, network.parameters)
        run.confusion_matrix(matrix, classes)
        run.artifact("model", network.parameters)

Both backends have the same face. The files need no account and no further library; Weights & Biases
works offline unless ``WANDB_MODE=online`` says otherwise, and ``wandb sync`` uploads later.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, SupportsFloat

import numpy as np

from autograder.errors import UserError

BINS = 40


class TrackingError(UserError):
    """A run cannot be tracked; the message says what to do."""


class Run(ABC):
    """One training, from its hyperparameters to the trained model."""

    @abstractmethod
    def log(self, step: int, numbers: Mapping[str, SupportsFloat]) -> None:
        """Note numbers by name; those that belong together as ``kind/part``."""

    @abstractmethod
    def histograms(self, step: int, arrays: Mapping[str, Any]) -> None:
        """Note how the elements of each array are distributed."""

    @abstractmethod
    def confusion_matrix(self, matrix: Any, classes: Sequence[str]) -> None:
        """Keep a confusion matrix (C, C): rows are the truth, columns the predictions."""

    @abstractmethod
    def artifact(self, name: str, arrays: Mapping[str, Any]) -> None:
        """Keep arrays by name, such as a model's parameters, as one ``.npz`` file."""

    @abstractmethod
    def finish(self) -> None:
        """Write what is left to write; nothing can be noted afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()


def start(
    name: str,
    config: Mapping[str, Any],
    *,
    backend: str | None = None,
    folder: Path | str = "runs",
    project: str = "chainrule",
) -> Run:
    """Begin a run.

    Parameters
    ----------
    name : str
        What the run is called.
    config : mapping
        Its hyperparameters.
    backend : {"files", "wandb"}, optional
        Where it goes; by default what ``CHAINRULE_TRACKING`` says, and files otherwise.
    folder : path
        Where local files are put: the run gets a folder of its own in there.
    project : str
        The project at Weights & Biases.

    Raises
    ------
    TrackingError
        If there is no such backend, or its library is not installed.
    """
    backend = backend or os.environ.get("CHAINRULE_TRACKING", "files")
    if backend == "files":
        return Files(name, config, Path(folder))
    if backend == "wandb":
        return WandB(name, config, Path(folder), project)
    raise TrackingError(f"There is no tracking backend {backend!r}; choose 'files' or 'wandb'.")


class Files(Run):
    """A folder: ``config.json``, ``history.jsonl``, ``histograms.npz``, models, tables, plots.

    Attributes
    ----------
    folder : Path
        The run's own; a second run of the same name gets another one.
    history : list of dict
        One entry a call of `log`.
    """

    def __init__(self, name: str, config: Mapping[str, Any], folder: Path) -> None:
        self.folder = _fresh(folder, name)
        self.history: list[dict[str, float]] = []
        self._counts: dict[str, list[tuple[int, np.ndarray, np.ndarray]]] = {}
        self._matrix: tuple[np.ndarray, list[str]] | None = None
        text = json.dumps(dict(config), indent=1, default=str)
        (self.folder / "config.json").write_text(text + "\n", encoding="utf-8")

    def log(self, step: int, numbers: Mapping[str, SupportsFloat]) -> None:
        """Append a line to ``history.jsonl``."""
        row = {"step": step} | {key: float(value) for key, value in numbers.items()}
        self.history.append(row)
        with (self.folder / "history.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def histograms(self, step: int, arrays: Mapping[str, Any]) -> None:
        """Count the elements of each array in bins."""
        for key, values in arrays.items():
            counts, edges = _counted(values)
            self._counts.setdefault(key, []).append((step, counts, edges))

    def confusion_matrix(self, matrix: Any, classes: Sequence[str]) -> None:
        """Write ``confusion_matrix.csv``, with the classes in the first row and column."""
        self._matrix = np.asarray(matrix), list(classes)
        with (self.folder / "confusion_matrix.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["truth \\ prediction", *classes])
            for label, row in zip(classes, self._matrix[0].tolist(), strict=True):
                writer.writerow([label, *row])

    def artifact(self, name: str, arrays: Mapping[str, Any]) -> None:
        """Write ``<name>.npz``."""
        np.savez(self.folder / f"{name}.npz", **dict(arrays))

    def finish(self) -> None:
        """Write ``histograms.npz`` and, where matplotlib is installed, the plots.

        In a notebook the plots are shown as well.
        """
        if self._counts:
            flat: dict[str, Any] = {}
            for key, rows in self._counts.items():
                steps, counts, edges = (np.array(part) for part in zip(*rows, strict=True))
                flat |= {f"{key}/steps": steps, f"{key}/counts": counts, f"{key}/edges": edges}
            np.savez(self.folder / "histograms.npz", **flat)
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            return
        for name, draw, wanted in (
            ("curves", self._draw_curves, self.history),
            ("histograms", self._draw_histograms, self._counts),
            ("confusion_matrix", self._draw_matrix, self._matrix),
        ):
            if wanted:
                draw().savefig(self.folder / f"{name}.png", dpi=150, bbox_inches="tight")

    def _draw_curves(self) -> Any:
        """A panel for each kind of number: what stands before a slash is the kind."""
        from autograder.figures import figure

        kinds: dict[str, dict[str, list[tuple[float, float]]]] = {}
        for row in self.history:
            for key, value in row.items():
                if key != "step":
                    kind, _, part = key.partition("/")
                    points = kinds.setdefault(kind, {}).setdefault(part or kind, [])
                    points.append((row["step"], value))
        columns = min(2, len(kinds))
        axes = figure(columns, -(-len(kinds) // columns), height=2.8)
        for axis, (kind, parts) in zip(axes, kinds.items(), strict=False):
            for number, (part, points) in enumerate(parts.items()):
                style = ("-", "--", "-.", ":")[number % 4]
                axis.plot(*np.transpose(points), style, label=part)
            axis.set(xlabel="step", ylabel=kind)
            if len(parts) > 1:
                axis.legend(fontsize=8)
        for axis in axes[len(kinds) :]:
            axis.axis("off")
        return axes[0].figure

    def _draw_histograms(self) -> Any:
        """A panel for each array: time to the right, values upwards, darker where more are."""
        from autograder.figures import figure

        names = list(self._counts)
        columns = min(3, len(names))
        axes = figure(columns, -(-len(names) // columns), height=2.2)
        for axis, key in zip(axes, names, strict=False):
            rows = self._counts[key]
            low = min(edges[0] for _, _, edges in rows)
            high = max(edges[-1] for _, _, edges in rows)
            grid = np.linspace(low, high, BINS + 1)
            image = [np.interp(grid, edges[1:], counts.cumsum()) for _, counts, edges in rows]
            share = np.diff(np.array(image), axis=1)
            share /= np.maximum(share.max(axis=1, keepdims=True), 1e-12)
            extent = (rows[0][0] - 0.5, rows[-1][0] + 0.5, low, high)
            axis.imshow(share.T, origin="lower", aspect="auto", extent=extent, cmap="Greys")
            axis.set(title=key, xlabel="step", ylabel="value")
        for axis in axes[len(names) :]:
            axis.axis("off")
        return axes[0].figure

    def _draw_matrix(self) -> Any:
        from autograder.figures import draw_matrix, figure

        assert self._matrix is not None
        (axis,) = figure(height=5)
        draw_matrix(axis, *self._matrix)
        return axis.figure


class WandB(Run):
    """A run at Weights & Biases; offline, it lies in ``<folder>/wandb`` until ``wandb sync``."""

    def __init__(self, name: str, config: Mapping[str, Any], folder: Path, project: str) -> None:
        try:
            import wandb
        except ImportError:
            raise TrackingError(
                "Weights & Biases is not installed: pip install wandb, "
                "or leave backend out to track into local files."
            ) from None
        self._wandb = wandb
        folder.mkdir(parents=True, exist_ok=True)
        self.run = wandb.init(
            project=project,
            name=name,
            config=dict(config),
            dir=str(folder),
            mode=os.environ.get("WANDB_MODE", "offline"),  # type: ignore[arg-type]  # wandb checks it
            settings=wandb.Settings(silent=True, console="off"),
        )

    def log(self, step: int, numbers: Mapping[str, SupportsFloat]) -> None:
        """Log numbers; Weights & Biases makes a panel of each kind."""
        self.run.log({key: float(value) for key, value in numbers.items()}, step=step)

    def histograms(self, step: int, arrays: Mapping[str, Any]) -> None:
        """Log histograms."""
        made = {
            f"histogram/{key}": self._wandb.Histogram(np_histogram=_counted(values))
            for key, values in arrays.items()
        }
        self.run.log(made, step=step)

    def confusion_matrix(self, matrix: Any, classes: Sequence[str]) -> None:
        """Log the matrix in the form that its own chart reads."""
        columns: list[str | int] = ["Actual", "Predicted", "nPredictions"]
        rows = [
            [classes[i], classes[j], int(count)]
            for i, row in enumerate(np.asarray(matrix))
            for j, count in enumerate(row)
        ]
        chart = self._wandb.plot_table(
            "wandb/confusion_matrix/v1",
            self._wandb.Table(columns=columns, data=rows),
            {str(name): str(name) for name in columns},
            {"title": "Confusion matrix"},
        )
        self.run.log({"confusion matrix": chart})

    def artifact(self, name: str, arrays: Mapping[str, Any]) -> None:
        """Log the arrays as an artifact of the type "model"."""
        made = self._wandb.Artifact(f"{name}-{self.run.id}", type="model")
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / f"{name}.npz"
            np.savez(path, **dict(arrays))
            made.add_file(str(path))  # copies it
            self.run.log_artifact(made)

    def finish(self) -> None:
        """Close the run."""
        self.run.finish()


def _counted(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """How many elements lie in each bin, and the edges of the bins."""
    counts, edges = np.histogram(np.asarray(values, dtype=np.float64), bins=BINS)
    return counts, edges


def _fresh(folder: Path, name: str) -> Path:
    """Make a folder of this name, or the first free one of ``name-2``, ``name-3``, …"""
    number = 1
    while True:
        path = folder / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            number += 1
        except OSError as error:
            raise TrackingError(
                f"{path} cannot be made ({error.strerror}); choose another folder for the runs."
            ) from None
