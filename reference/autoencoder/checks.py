"""Checks of `autoencoder` on fixed numbers: what `check("…")` runs. The grader tests more than this.

Forward passes are compared with their definition, gradients with central differences of it.
"""

import math

import numpy as np

from autograder.gradcheck import numerical_gradient
from autograder.testing import Expression, assert_close, assert_unchanged, exercise

X = np.array([[0.31, -1.24, 0.57], [-0.83, 0.46, 1.92], [1.35, -0.68, -0.29], [-0.12, 2.03, 0.74]])
OTHER = np.array([[0.27, -0.84, 0.36], [0.19, 0.98, 1.05], [1.11, -0.45, 0.62], [-0.52, 1.17, 0.4]])
DOUT = np.array([[-0.71, 0.52], [0.94, -1.37], [0.43, 0.65], [1.21, -0.39]])
W = np.array([[0.62, -0.35], [-1.14, 0.83], [0.27, 1.46]])
BIASED = {"w": W, "b": np.array([0.21, -0.54])}
NORMED = {
    "w": W,
    "gamma": np.array([1.3, -0.7]),
    "beta": np.array([0.4, 0.15]),
    "mean": np.array([0.25, 0.6]),
    "var": np.array([1.7, 0.8]),
}

# The loss


def squared_error(x_hat):
    return sum((a - b) ** 2 for a, b in zip(x_hat.ravel(), OTHER.ravel(), strict=True)) / 12


@exercise("reconstruction_loss")
def test_loss_value(student):
    """The loss is the mean of the squared errors over all elements."""
    loss, _ = student.reconstruction_loss(X, OTHER)
    assert_close(loss, float(squared_error(X)), name="loss", sizes={"N": 4, "D": 3})


@exercise("reconstruction_loss")
def test_loss_gradient(student):
    """dx_hat is the derivative of the loss by each element of the reconstruction."""
    _, dx_hat = student.reconstruction_loss(X, OTHER)
    expected = numerical_gradient(squared_error, X)
    assert_close(dx_hat, expected, name="dx_hat", axes="ND", sizes={"N": 4, "D": 3})


# A layer


def block(x, layer, training=True):
    """A tanh layer, written out."""
    z = np.array([[sum(row * column) for column in layer["w"].T] for row in x])
    if "gamma" not in layer:
        return np.tanh(z + layer["b"])
    mean, var = (z.mean(axis=0), z.var(axis=0)) if training else (layer["mean"], layer["var"])
    return np.tanh(layer["gamma"] * (z - mean) / np.sqrt(var + 1e-5) + layer["beta"])


def block_cache(layer):
    """What block_forward keeps of X in training."""
    if "gamma" not in layer:
        return X, W, None, block(X, layer), "tanh"
    z = X @ W
    deviation = np.sqrt(z.var(axis=0) + 1e-5)
    normal = ((z - z.mean(axis=0)) / deviation, deviation, layer["gamma"])
    return X, W, normal, block(X, layer), "tanh"


@exercise("block")
def test_block_with_bias(student):
    """Without a gamma, a layer is product, bias, activation."""
    out, _ = student.block_forward(X, BIASED, "tanh")
    assert_close(out, block(X, BIASED), name="out", axes="NM")


@exercise("block")
def test_block_with_batchnorm(student):
    """With a gamma, a layer normalises its product: over the batch, or by running statistics."""
    out, _ = student.block_forward(X, NORMED, "tanh")
    assert_close(out, block(X, NORMED), name="out", axes="NM")
    out, _ = student.block_forward(X, NORMED, "tanh", training=False)
    assert_close(out, block(X, NORMED, training=False), name="out in evaluation", axes="NM")


@exercise("block")
def test_block_cache(student):
    """The cache is (x, w, normal, out, activation)."""
    for layer in BIASED, NORMED:
        _, cache = student.block_forward(X, layer, "tanh")
        assert len(cache) == 5, "The cache should hold five items."
        expected = block_cache(layer)
        for name, place in ("x", 0), ("w", 1), ("out", 3):
            assert_close(cache[place], expected[place], name=f"{name} in the cache")
        assert (cache[2] is None) == (layer is BIASED), (
            "normal in the cache is batchnorm_forward's cache, and None where there is none."
        )
        assert cache[4] == "tanh", "The cache's last item should be the activation's name."


@exercise("block")
def test_block_dx(student):
    """dx carries the upstream gradient back to the layer's input, if it is wanted."""
    for layer in BIASED, NORMED:
        dx, _ = student.block_backward(DOUT, block_cache(layer))
        expected = numerical_gradient(lambda v, layer=layer: block(v, layer), X, DOUT)
        assert_close(dx, expected, name="dx", axes="ND")
        dx, _ = student.block_backward(DOUT, block_cache(layer), want_dx=False)
        assert dx is None, "With want_dx=False, dx should be None."


@exercise("block")
def test_block_gradients(student):
    """The gradients are the derivatives by w and b, or by w, gamma and beta."""
    for layer, names in (BIASED, ("w", "b")), (NORMED, ("w", "gamma", "beta")):
        _, gradients = student.block_backward(DOUT, block_cache(layer))
        assert set(gradients) == set(names), f"The gradients should be {', '.join(names)}."
        for name in names:
            expected = numerical_gradient(
                lambda v, n=name, layer=layer: block(X, {**layer, n: v}), layer[name], DOUT
            )
            assert_close(gradients[name], expected, name=f"gradients['{name}']")


@exercise("block")
def test_block_inputs(student):
    """The layer changes neither x, nor dout, nor the cache."""
    assert_unchanged(student, "block_forward", X, BIASED, "tanh")
    assert_unchanged(student, "block_backward", DOUT, block_cache(NORMED))
