"""Training time of the reference autoencoders beside their PyTorch twins.

Both train on the same data, from the same weights, with the same mini-batches, noise and schedule,
on one thread, in turns within one run; the figures are medians of the CPU time of the process,
which other programs on the machine disturb less than the clock on the wall. A data set that is not
on this machine is left out.

    OMP_NUM_THREADS=1 python benchmarks/autoencoder.py [--repeats 5] [--data digits fashion_mnist]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is imported
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import torch
from race import Run, race

from autograder import data
from autograder.assignment.source import load

SAMPLES = 15_000  # at least this many in a run: short runs measure the start


def compare(ae: SimpleNamespace, name: str, kind: str, repeats: int) -> str:
    """One line of the table: medians, their ratio, the losses' relative difference."""
    settings = ae.SETTINGS[name]
    x = data.pixels(data.load(name))[0][:SAMPLES]
    hidden, k = settings["hidden"], settings["codes"]
    variational = kind == "variational"
    encoder = [x.shape[1], *hidden, 2 * k if variational else k]
    decoder = [k, *hidden[::-1], x.shape[1]]
    rates = ae.cosine(1e-3, -(-SAMPLES // len(x)))
    options = {"learning_rates": rates, "batch_size": settings["batch_size"]}

    def run(fit: Callable[..., Any], model: Any, loss: Any) -> Run:
        return partial(fit, model, loss, x, x[:100], rng=np.random.default_rng(1), **options)

    def line_up() -> tuple[Run, Run]:
        model = ae.Autoencoder(
            encoder, decoder, use_batchnorm=not variational, rng=np.random.default_rng(0)
        ).in_float32()
        twin = ae.torch_twin(model)
        ours, theirs = ae.reconstruction, ae.torch_reconstruction
        if variational:
            ours = ae.negative_elbo(np.random.default_rng(2))
            theirs = ae.torch_negative_elbo(np.random.default_rng(2))
        return run(ae.fit, model, ours), run(ae.fit_twin, twin, theirs)

    (numpy, twin_torch), histories = race(line_up, repeats, time.process_time)
    losses = zip(*(history["loss"] for history in histories), strict=True)
    difference = max(abs(a / b - 1) for a, b in losses)
    layers = "-".join(map(str, encoder))
    return (
        f"{name:14} {kind:12} {layers:18} {options['batch_size']:5} {len(rates):6} "
        f"{numpy:9.3f} {twin_torch:9.3f} {numpy / twin_torch:6.2f} {difference:10.1e}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data", nargs="+", default=["digits", "fashion_mnist"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = load("autoencoder").namespace(frozenset({"torch"}))
    print(f"float32, one thread, median CPU seconds of {options.repeats} runs")
    print("data           kind         encoder            batch epochs  NumPy, s  torch, s  ratio")
    for name in options.data:
        if name == "digits" or data.available(name):
            for kind in ("plain", "variational"):
                print(compare(SimpleNamespace(**names), name, kind, options.repeats), flush=True)
        else:
            print(f"{name:14} not on this machine")


if __name__ == "__main__":
    main()
