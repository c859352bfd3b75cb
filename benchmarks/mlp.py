"""Training time of the reference MLP beside its PyTorch twin.

Both train on the same data, from the same weights, with the same mini-batches, on one thread each,
in turns within one run; the figures are medians. Data sets that are not on this machine are left
out.

    python benchmarks/mlp.py [--repeats 7] [--data digits fashion_mnist cifar10]
"""

from __future__ import annotations

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import argparse
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from race import Run, race

from autograder import data
from autograder.assignment.source import load

LEARNING_RATE = 0.1
SAMPLES = 15_000  # at least this many in a run: short runs measure the start
# Activation and batch size, as in the notebook's experiments.
SETTINGS = {"digits": ("relu", 32), "fashion_mnist": ("relu", 64)}
OTHERWISE = ("elu", 64)


def train_numpy(mlp: SimpleNamespace, start: Any, x: np.ndarray, y: np.ndarray, **size: int) -> Any:
    """The notebook's own `train`; returns the losses of the epochs."""
    rng = np.random.default_rng(1)
    options = {"loss": mlp.cross_entropy_loss, "learning_rate": LEARNING_RATE, "rng": rng}
    return mlp.train(start, x, y, **options, **size)["loss"]


def train_torch(
    twin: torch.nn.Module, x: torch.Tensor, y: torch.Tensor, *, epochs: int, batch_size: int
) -> list[float]:
    """The same loop in PyTorch, with its own SGD; returns the losses of the epochs."""
    rng = np.random.default_rng(1)
    optimiser = torch.optim.SGD(twin.parameters(), lr=LEARNING_RATE)
    losses = []
    for _ in range(epochs):
        total = torch.zeros(())
        for batch in torch.from_numpy(rng.permutation(len(x))).split(batch_size):
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(twin(x[batch]), y[batch])
            loss.backward()
            optimiser.step()
            total += loss.detach() * len(batch)
        losses.append(total.item() / len(x))
    return losses


def compare(mlp: SimpleNamespace, name: str, repeats: int) -> str:
    """One line of the table: medians, their ratio, the losses' relative difference."""
    dataset = data.load(name)
    activation, batch_size = SETTINGS.get(name, OTHERWISE)
    activations = [activation, "identity"]
    x, y = data.standardised(dataset)[0], dataset.y_train
    sizes = [x.shape[1], 128, len(dataset.classes)]
    size = {"epochs": -(-SAMPLES // len(x)), "batch_size": batch_size}

    def line_up() -> tuple[Run, Run]:
        model = mlp.in_float32(mlp.MLP(sizes, activations, rng=np.random.default_rng(0)))
        twin = mlp.torch_mlp(model.parameters, activations).float()
        inputs, classes = torch.from_numpy(x), torch.from_numpy(y)
        return partial(train_numpy, mlp, model, x, y, **size), partial(
            train_torch, twin, inputs, classes, **size
        )

    (numpy, twin_torch), (ours, theirs) = race(line_up, repeats)
    layers = "-".join(map(str, sizes))
    difference = max(abs(a / b - 1) for a, b in zip(ours, theirs, strict=True))
    return (
        f"{name:14} {layers:12} {activation:5} {batch_size:5} {size['epochs']:6} "
        f"{numpy:9.3f} {twin_torch:9.3f} {numpy / twin_torch:6.2f} {difference:10.1e}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--data", nargs="+", default=["digits", "fashion_mnist", "cifar10"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = load("mlp").namespace(frozenset({"torch"}))
    print(f"float32, one thread, median of {options.repeats} runs")
    print("data           layers       act.  batch epochs  NumPy, s  torch, s  ratio difference")
    for name in options.data:
        if name == "digits" or data.available(name):
            print(compare(SimpleNamespace(**names), name, options.repeats), flush=True)
        else:
            print(f"{name:14} not on this machine")


if __name__ == "__main__":
    main()
