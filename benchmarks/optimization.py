"""Training time of the reference network, NumPy only, beside the same network in PyTorch.

Two hidden layers with batch normalisation and ReLU, Adam; the same data, the same mini-batches in
the same order, one thread each, in turns within one run; the figures are medians. Data sets that
are not on this machine are replaced by random numbers of their shape.

    python benchmarks/optimization.py [--repeats 5] [--data digits fashion_mnist]
"""

from __future__ import annotations

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import argparse
from functools import partial
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from race import Run, race

from autograder import data
from autograder.assignment.source import load

RATE = 1e-3
# Features, hidden units, batch size and samples.
SHAPES = {"digits": (64, 64, 32, 10_000), "fashion_mnist": (784, 128, 128, 20_000)}


def train_numpy(kit: SimpleNamespace, network: Any, x: np.ndarray, y: np.ndarray, size: int) -> Any:
    """One epoch of the notebook's loop, without its evaluations; returns the network."""
    states: dict[str, dict[str, Any]] = {name: {} for name in network.parameters}
    for inputs, classes in kit.minibatches(x, y, size, np.random.default_rng(1)):
        _, dlogits = kit.cross_entropy(network.forward(inputs, training=True), classes)
        network.backward(dlogits)
        for name, param in network.parameters.items():
            network.parameters[name], states[name] = kit.adam(
                param, network.gradients[name], states[name], learning_rate=RATE
            )
    return network


def train_torch(
    twin: torch.nn.Module, x: torch.Tensor, y: torch.Tensor, size: int
) -> torch.nn.Module:
    """The same in PyTorch, with its own Adam."""
    optimiser = torch.optim.Adam(twin.parameters(), lr=RATE)
    twin.train()
    for batch in torch.from_numpy(np.random.default_rng(1).permutation(len(x))).split(size):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(twin(x[batch]), y[batch]).backward()
        optimiser.step()
    return twin.eval()


def twin_of(network: Any, sizes: list[int]) -> torch.nn.Module:
    """The PyTorch network with the weights of ours."""
    layers: list[torch.nn.Module] = []
    for layer, (d, m) in enumerate(pairwise(sizes), start=1):
        linear = torch.nn.Linear(d, m)
        linear.weight.data = torch.tensor(network.parameters[f"w{layer}"].T.copy())
        linear.bias.data.zero_()
        layers.append(linear)
        if layer < len(sizes) - 1:
            layers += [torch.nn.BatchNorm1d(m), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers)


def compare(kit: SimpleNamespace, name: str, repeats: int) -> str:
    """One line of the table: medians, their ratio, and how far the trained networks are apart."""
    features, hidden, size, samples = SHAPES[name]
    rng = np.random.default_rng(0)
    if name == "digits" or data.available(name):
        dataset = data.load(name)
        rows = rng.integers(len(dataset.y_train), size=samples)
        x, y = data.standardised(dataset)[0][rows], dataset.y_train[rows]
    else:
        x = rng.standard_normal((samples, features), dtype=np.float32)
        y = rng.integers(10, size=samples)
    sizes = [features, hidden, hidden, 10]

    def line_up() -> tuple[Run, Run]:
        network = kit.Network(sizes, np.random.default_rng(2), init=kit.he_init, batchnorm=True)
        twin = twin_of(network, sizes)
        tensors = torch.from_numpy(x), torch.from_numpy(y)
        return partial(train_numpy, kit, network, x, y, size), partial(
            train_torch, twin, *tensors, size
        )

    (numpy, twin_torch), (network, twin) = race(line_up, repeats)
    ours = kit.cross_entropy(network.forward(x), y)[0]
    with torch.no_grad():
        logits = twin(torch.from_numpy(x))
    theirs = torch.nn.functional.cross_entropy(logits, torch.from_numpy(y)).item()
    layers = "-".join(map(str, sizes))
    return (
        f"{name:14} {layers:15} {size:5} {numpy:9.3f} {twin_torch:9.3f} "
        f"{numpy / twin_torch:6.2f} {ours:8.4f} {theirs:8.4f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    kit = SimpleNamespace(**load("optimization").namespace())
    print(f"float32, one thread, one epoch, Adam, batchnorm, median of {options.repeats} runs")
    print("data           layers          batch  NumPy, s  torch, s  ratio     loss    torch's")
    for name in options.data:
        print(compare(kit, name, options.repeats), flush=True)


if __name__ == "__main__":
    main()
