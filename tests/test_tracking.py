"""Runs written to local files, and to Weights & Biases without a network or an account."""

import csv
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder import tracking

RNG = np.random.default_rng(0)
CLASSES = ["cat", "dog", "owl"]
MATRIX = np.array([[5, 1, 0], [0, 7, 2], [1, 0, 3]])
WEIGHTS = {"w1": RNG.standard_normal((4, 3)), "b1": np.zeros(3)}


def train(run: tracking.Run) -> None:
    """What a training notes."""
    for step in 1, 2, 3:
        run.log(step, {"loss/training": 1 / step, "loss/test": np.float32(2 / step), "rate": 0.1})
        run.histograms(step, {"w1": step * WEIGHTS["w1"]})
    run.confusion_matrix(MATRIX, CLASSES)
    run.artifact("model", WEIGHTS)


def files(
    folder: Path, name: str, config: Mapping[str, object], backend: str | None = None
) -> tracking.Files:
    """Begin a run in local files."""
    run = tracking.start(name, config, backend=backend, folder=folder)
    assert isinstance(run, tracking.Files)
    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.delenv("CHAINRULE_TRACKING", raising=False)
    with files(tmp_path, "adam", {"rate": 0.1, "layers": [4, 3]}) as run:
        train(run)
    yield run.folder
    import matplotlib.pyplot as plt

    plt.close("all")


def test_files_hold_hyperparameters_and_history(folder: Path) -> None:
    assert json.loads((folder / "config.json").read_text()) == {"rate": 0.1, "layers": [4, 3]}
    rows = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert [row["loss/test"] for row in rows] == pytest.approx([2, 1, 2 / 3])


def test_files_hold_histograms_that_count_every_element(folder: Path) -> None:
    with np.load(folder / "histograms.npz") as file:
        assert file["w1/steps"].tolist() == [1, 2, 3]
        assert file["w1/counts"].sum(axis=1).tolist() == [12, 12, 12]
        assert file["w1/edges"][1, -1] == pytest.approx(2 * WEIGHTS["w1"].max())


def test_files_hold_the_confusion_matrix_with_its_classes(folder: Path) -> None:
    with (folder / "confusion_matrix.csv").open(encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head[1:] == CLASSES
    assert [row[0] for row in rows] == CLASSES
    assert [[int(value) for value in row[1:]] for row in rows] == MATRIX.tolist()


def test_files_hold_the_model(folder: Path) -> None:
    with np.load(folder / "model.npz") as file:
        assert set(file) == {"w1", "b1"}
        assert np.array_equal(file["w1"], WEIGHTS["w1"])


def test_files_hold_plots(folder: Path) -> None:
    for name in "curves", "histograms", "confusion_matrix":
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_curves_share_a_panel_by_kind(tmp_path: Path) -> None:
    run = files(tmp_path, "adam", {}, "files")
    run.log(1, {"loss/training": 3.0, "loss/test": 4.0, "rate": 0.1})
    run.log(2, {"loss/training": 2.0, "loss/test": 3.5, "rate": 0.1})
    panels = {axis.get_ylabel(): axis for axis in run._draw_curves().axes}
    assert set(panels) >= {"loss", "rate"}
    lines = {line.get_label(): line.get_ydata().tolist() for line in panels["loss"].lines}
    assert lines == {"training": [3.0, 2.0], "test": [4.0, 3.5]}


def test_a_second_run_of_the_same_name_does_not_overwrite_the_first(tmp_path: Path) -> None:
    first, second = (files(tmp_path, "adam", {"n": n}) for n in (1, 2))
    assert first.folder != second.folder
    assert json.loads((first.folder / "config.json").read_text()) == {"n": 1}


def test_a_run_that_noted_nothing_finishes(tmp_path: Path) -> None:
    with files(tmp_path, "empty", {}) as run:
        pass
    assert [path.name for path in run.folder.iterdir()] == ["config.json"]


def test_the_environment_chooses_the_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAINRULE_TRACKING", "clay tablets")
    with pytest.raises(tracking.TrackingError, match=r"clay tablets.*choose 'files' or 'wandb'"):
        tracking.start("adam", {}, folder=tmp_path)


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(tracking.TrackingError, match="choose another folder"):
        tracking.start("adam", {}, folder=tmp_path / "runs")


def test_a_missing_library_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(tracking.TrackingError, match="pip install wandb"):
        tracking.start("adam", {}, backend="wandb", folder=tmp_path)


def test_tracking_and_sweep_import_numpy_alone() -> None:
    heavy = ["wandb", "optuna", "matplotlib", "yaml", "torch"]
    code = "import sys, autograder.tracking, autograder.sweep; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(heavy) & set(done.stdout.split())


WANDB = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from autograder import tracking
from test_tracking import train
with tracking.start("adam", {{"rate": 0.1}}, backend="wandb", folder=Path({folder!r})) as run:
    train(run)
"""


def test_wandb_keeps_everything_offline(tmp_path: Path) -> None:
    """A real offline run, in a process of its own, read back from the file that it leaves."""
    pytest.importorskip("wandb")
    tests = str(Path(__file__).parent)
    settings = {"WANDB_MODE": "offline", "HOME": str(tmp_path), "WANDB_SILENT": "true"}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")} | settings
    code = WANDB.format(tests=tests, folder=str(tmp_path))
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=600)

    (path,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    kinds, history, artifacts = set(), [], []
    config: dict[str, Any] = {}
    for record in records(path):
        kind = record.WhichOneof("record_type")
        kinds.add(kind)
        if kind == "history":
            items = record.history.item
            history.append(
                {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in items}
            )
        elif kind == "run":
            config |= {u.key: json.loads(u.value_json) for u in record.run.config.update}
        elif kind == "request" and record.request.WhichOneof("request_type") == "log_artifact":
            artifacts.append(record.request.log_artifact.artifact)
        elif kind == "artifact":
            artifacts.append(record.artifact)
    assert config["rate"] == 0.1
    losses = [row["loss/training"] for row in history if "loss/training" in row]
    assert losses == pytest.approx([1, 1 / 2, 1 / 3])
    counts = [row["histogram/w1/values"] for row in history if "histogram/w1/values" in row]
    assert [sum(entry) for entry in counts] == [12, 12, 12]
    assert any("confusion matrix" in key for row in history for key in row), history
    (table,) = tmp_path.glob("wandb/offline-run-*/files/media/table/**/*.json")
    rows = json.loads(table.read_text())["data"]
    assert len(rows) == 9 and ["dog", "owl", 2] in rows
    assert [artifact.type for artifact in artifacts if artifact.type == "model"], kinds


def records(path: Path) -> Iterator[Any]:
    """What a run's file holds: LevelDB's log format after a header of seven bytes."""
    from wandb.proto import wandb_internal_pb2

    content, place, data = path.read_bytes(), 7, b""
    while place + 7 <= len(content):
        room = 32768 - place % 32768
        if room < 7:  # a block's end that no record fits into
            place += room
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        data += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = wandb_internal_pb2.Record()  # type: ignore[attr-defined]  # made on import
            record.ParseFromString(data)
            data = b""
            yield record
