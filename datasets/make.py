"""Make the embedded data sets from scikit-learn's: python datasets/make.py."""

from pathlib import Path
from typing import TypedDict

import numpy as np
from sklearn.datasets import load_digits, load_iris

SEED = 0
TEST_FRACTION = 0.2


class Parts(TypedDict):
    """What a data set's file holds."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def split(x: np.ndarray, y: np.ndarray) -> Parts:
    """Split x and y, stratified by class, each part in random order."""
    rng = np.random.default_rng(SEED)
    train: list[int] = []
    test: list[int] = []
    order = rng.permutation(len(y))
    wanted = {label: round(TEST_FRACTION * np.sum(y == label)) for label in np.unique(y)}
    for index in order:
        part = test if wanted[y[index]] > 0 else train
        wanted[y[index]] -= 1
        part.append(index)
    return {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}


def digits() -> Parts:
    bunch = load_digits()
    return split(bunch.images.astype(np.uint8), bunch.target.astype(np.uint8))


def iris() -> Parts:
    bunch = load_iris()
    return split(bunch.data, bunch.target.astype(np.uint8))


def main() -> None:
    folder = Path(__file__).parent
    np.savez_compressed(folder / "digits.npz", **digits())
    np.savez_compressed(folder / "iris.npz", **iris())


if __name__ == "__main__":
    main()
