"""Hidden tests of `autoencoder`: every oracle here is the definition written naively.

Gradients are compared with central differences of the oracle under a random upstream gradient, so a
backward that agrees with a wrong forward of its own gains nothing.
"""

import itertools
import math

import numpy as np

from autograder.gradcheck import numerical_gradient
from autograder.testing import Expression, assert_close, assert_unchanged, exercise

EXACT = 1e-10
FLOAT32 = 2e-6
EPSILON = 1e-5
COST = 0.25  # CPU seconds: far more than a formula takes, far less than a loop over weights

# Oracles


def squared_error(x_hat, x):
    """Mean over all elements, one at a time."""
    pairs = list(zip(x_hat.ravel(), x.ravel(), strict=True))
    return sum((p - t) ** 2 for p, t in pairs) / len(pairs)


ACTIVATIONS = {
    "identity": lambda z: z,
    "relu": lambda z: np.where(z > 0, z, 0.0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1),
    "tanh": np.tanh,
}


def normalised(z, gamma, beta, mean, var):
    """Each column less its mean, over its deviation, scaled and shifted."""
    return gamma * (z - mean) / np.sqrt(var + EPSILON) + beta


def block(x, layer, activation, training=True):
    """A layer's output, and the smallest |z| before the activation: the distance to a kink."""
    z = np.array([[sum(row * column) for column in layer["w"].T] for row in x])
    if "gamma" in layer:
        mean, var = (
            (z.mean(axis=0), ((z - z.mean(axis=0)) ** 2).mean(axis=0))
            if training
            else (layer["mean"], layer["var"])
        )
        z = normalised(z, layer["gamma"], layer["beta"], mean, var)
    else:
        z = z + layer["b"]
    return ACTIVATIONS[activation](z), np.abs(z).min()


# Inputs and comparisons


def assert_float32(value, expected, *, name, axes=None):
    """value is float32, and as accurate as float32 allows."""
    assert np.asarray(value).dtype == np.float32, (
        f"{name} is {np.asarray(value).dtype} for float32 inputs: keep the dtype of the inputs."
    )
    assert_close(value, np.asarray(expected, np.float32), name=name, axes=axes, rtol=FLOAT32)


def single(values):
    """The same arrays in float32."""
    if isinstance(values, dict):
        return {name: single(value) for name, value in values.items()}
    if isinstance(values, tuple):
        return tuple(map(single, values))
    return values.astype(np.float32) if isinstance(values, np.ndarray) else values


def layer_for(rng, d, m, batchnorm):
    """A layer of which no number is zero or one."""
    layer = {"w": rng.standard_normal((d, m)) / math.sqrt(d)}
    if not batchnorm:
        return layer | {"b": 0.5 * rng.standard_normal(m)}
    return layer | {
        "gamma": rng.uniform(0.5, 2.0, m) * rng.choice([-1.0, 1.0], m),
        "beta": 0.5 * rng.standard_normal(m),
        "mean": rng.standard_normal(m),
        "var": rng.uniform(0.5, 2.0, m),
    }


def block_case(rng, n, d, m, batchnorm, activation):
    """Inputs and a layer, away from every kink, and an upstream gradient."""
    while True:
        x, layer = rng.standard_normal((n, d)), layer_for(rng, d, m, batchnorm)
        if block(x, layer, activation)[1] > 1e-3:
            return x, layer, rng.standard_normal((n, m))


def block_cache(x, layer, activation):
    """What block_forward keeps in training, by the definition."""
    out, _ = block(x, layer, activation)
    if "gamma" not in layer:
        return x, layer["w"], None, out, activation
    z = x @ layer["w"]
    deviation = np.sqrt(z.var(axis=0) + EPSILON)
    normal = ((z - z.mean(axis=0)) / deviation, deviation, layer["gamma"])
    return x, layer["w"], normal, out, activation


def block_gradients(x, layer, dout, activation):
    """Central differences of the naive layer, for x and for each of its parameters."""
    gradients = {
        name: numerical_gradient(
            lambda v, n=name: block(x, {**layer, n: v}, activation)[0], layer[name], dout
        )
        for name in layer
        if name not in ("mean", "var")
    }
    return numerical_gradient(lambda v: block(v, layer, activation)[0], x, dout), gradients


AXES = {"w": "DM", "b": "M", "gamma": "M", "beta": "M", "mean": "M", "var": "M"}
LAYERS = list(itertools.product((False, True), ACTIVATIONS))


# The loss


@exercise("reconstruction_loss")
def test_loss_toy(student):
    """Errors of 1, 2, 3 and 0 have the mean square 3½."""
    x_hat, x = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 4.0], [0.0, 4.0]])
    loss, dx_hat = student.reconstruction_loss(x_hat, x)
    assert_close(loss, 3.5, name="loss", sizes={"N": 2, "D": 2})
    assert_close(dx_hat, np.array([[0.5, -1.0], [1.5, 0.0]]), name="dx_hat", axes="ND")


@exercise("reconstruction_loss", weight=2)
def test_loss_value(student, rng):
    """The loss is the mean over all elements, for any N and D."""
    for n, d in (5, 3), (1, 4), (4, 1), (3, 3):
        x_hat, x = rng.standard_normal((2, n, d))
        loss, _ = student.reconstruction_loss(x_hat, x)
        expected = float(squared_error(x_hat, x))
        assert_close(loss, expected, name="loss", rtol=EXACT, sizes={"N": n, "D": d})


@exercise("reconstruction_loss", weight=2)
def test_loss_gradient(student, rng):
    """dx_hat is the derivative of the loss by each element of the reconstruction."""
    for n, d in (5, 3), (1, 4), (4, 1), (3, 3):
        x_hat, x = rng.standard_normal((2, n, d))
        _, dx_hat = student.reconstruction_loss(x_hat, x)
        expected = numerical_gradient(lambda v, x=x: squared_error(v, x), x_hat)
        sizes = {"N": n, "D": d}
        assert_close(dx_hat, expected, name="dx_hat", axes="ND", sizes=sizes)


@exercise("reconstruction_loss", weight=0.5)
def test_loss_float32(student, rng):
    """float32 reconstructions have a float32 gradient."""
    x_hat, x = single(rng.standard_normal((2, 6, 5)))
    loss, dx_hat = student.reconstruction_loss(x_hat, x)
    assert_close(float(loss), float(squared_error(x_hat, x)), name="loss", rtol=1e-5)
    assert_float32(dx_hat, 2 * (x_hat - x) / x.size, name="dx_hat", axes="ND")


@exercise("reconstruction_loss", weight=0.5)
def test_loss_leaves_its_inputs_alone(student, rng):
    """The loss is right, and changes neither the reconstruction nor the input."""
    x_hat, x = rng.standard_normal((2, 4, 3))
    loss, _ = student.reconstruction_loss(x_hat, x)
    assert_close(loss, float(squared_error(x_hat, x)), name="loss", rtol=EXACT)
    assert_unchanged(student, "reconstruction_loss", x_hat, x)


# A layer


@exercise("block")
def test_block_toy(student):
    """A layer with a bias weighs, adds the bias and cuts off what is negative."""
    layer = {"w": np.array([[1.0, -1.0], [2.0, 0.5]]), "b": np.array([0.5, 0.25])}
    out, _ = student.block_forward(np.array([[1.0, 2.0], [-3.0, 0.0]]), layer, "relu")
    assert_close(out, np.array([[5.5, 0.25], [0.0, 3.25]]), name="out", axes="NM")


@exercise("block", weight=2)
def test_block_with_bias(student, rng):
    """Without a gamma, a layer is product, bias, activation, in either mode."""
    for activation, training in itertools.product(ACTIVATIONS, (True, False)):
        for n, d, m in (5, 3, 4), (1, 4, 2), (3, 3, 3):
            x, layer, _ = block_case(rng, n, d, m, False, activation)
            out, _ = student.block_forward(x, layer, activation, training)
            assert_close(out, block(x, layer, activation)[0], name="out", axes="NM", rtol=EXACT)


@exercise("block", weight=2)
def test_block_with_batchnorm(student, rng):
    """With a gamma, a layer in training normalises its product over the batch."""
    for activation in ACTIVATIONS:
        for n, d, m in (5, 3, 4), (2, 4, 3), (3, 3, 3):
            x, layer, _ = block_case(rng, n, d, m, True, activation)
            out, _ = student.block_forward(x, layer, activation)
            assert_close(out, block(x, layer, activation)[0], name="out", axes="NM", rtol=1e-9)


@exercise("block", weight=2)
def test_block_in_evaluation(student, rng):
    """In evaluation a layer normalises by its running statistics, and a sample can stand alone."""
    for activation in ACTIVATIONS:
        for n, d, m in (5, 3, 4), (1, 4, 2):
            x, layer = rng.standard_normal((n, d)), layer_for(rng, d, m, True)
            out, _ = student.block_forward(x, layer, activation, False)
            expected, _ = block(x, layer, activation, training=False)
            assert_close(out, expected, name="out in evaluation", axes="NM", rtol=1e-9)


@exercise("block")
def test_block_running_statistics(student, rng):
    """Training moves the running mean and variance in place, evaluation leaves them as they are."""
    x, layer, _ = block_case(rng, 5, 3, 4, True, "tanh")
    z = x @ layer["w"]
    moved = {
        "mean": 0.9 * layer["mean"] + 0.1 * z.mean(axis=0),
        "var": 0.9 * layer["var"] + 0.1 * z.var(axis=0, ddof=1),
    }
    for training in False, True:
        handle = student.put(layer)
        student.block_forward(x, handle, "tanh", training)
        after = student.get(handle)
        for name in layer:
            expected = moved[name] if training and name in moved else layer[name]
            label = f"layer['{name}'] after {'training' if training else 'evaluation'}"
            assert_close(after[name], expected, name=label, axes=AXES[name], rtol=EXACT)


@exercise("block", weight=0.5)
def test_block_cache(student, rng):
    """The cache is (x, w, normal, out, activation)."""
    for batchnorm, activation in (False, "elu"), (True, "tanh"):
        x, layer, _ = block_case(rng, 5, 3, 4, batchnorm, activation)
        _, (cached, w, normal, out, name) = student.block_forward(x, layer, activation)
        expected = block_cache(x, layer, activation)
        assert_close(cached, x, name="x in the cache", axes="ND")
        assert_close(w, layer["w"], name="w in the cache", axes="DM")
        assert_close(out, expected[3], name="out in the cache", axes="NM", rtol=1e-9)
        assert name == activation, "The cache's last item should be the activation's name."
        if batchnorm:
            for index, value in enumerate(expected[2]):
                assert_close(normal[index], value, name="normal in the cache", rtol=1e-9)
        else:
            assert normal is None, "Without batch normalisation, normal in the cache is None."


@exercise("block", weight=3)
def test_block_parameter_gradients(student, rng):
    """A layer's gradients are the derivatives by each of its parameters, and nothing else."""
    for batchnorm, activation in LAYERS:
        for n, d, m in (5, 3, 4), (3, 3, 3):
            x, layer, dout = block_case(rng, n, d, m, batchnorm, activation)
            _, gradients = student.block_backward(dout, block_cache(x, layer, activation))
            _, expected = block_gradients(x, layer, dout, activation)
            assert set(gradients) == set(expected), (
                f"The gradients of this layer should be named {', '.join(expected)}."
            )
            for name, value in expected.items():
                label = f"gradients['{name}']"
                assert_close(gradients[name], value, name=label, axes=AXES[name], sizes={"N": n})


@exercise("block", weight=2)
def test_block_input_gradient(student, rng):
    """dx carries the upstream gradient back to the layer's input."""
    for batchnorm, activation in LAYERS:
        for n, d, m in (5, 3, 4), (3, 3, 3):
            x, layer, dout = block_case(rng, n, d, m, batchnorm, activation)
            dx, _ = student.block_backward(dout, block_cache(x, layer, activation))
            expected, _ = block_gradients(x, layer, dout, activation)
            assert_close(dx, expected, name="dx", axes="ND", sizes={"N": n})


@exercise("block", weight=0.5)
def test_block_without_dx(student, rng):
    """Where dx is not wanted it is None, and the parameters' gradients are the same."""
    for batchnorm in False, True:
        x, layer, dout = block_case(rng, 5, 3, 4, batchnorm, "elu")
        cache = block_cache(x, layer, "elu")
        dx, gradients = student.block_backward(dout, cache, want_dx=False)
        _, expected = block_gradients(x, layer, dout, "elu")
        assert dx is None, "With want_dx=False, dx should be None."
        for name, value in expected.items():
            assert_close(gradients[name], value, name=f"gradients['{name}']", axes=AXES[name])


@exercise("block", weight=0.5)
def test_block_float32(student, rng):
    """A layer in float32 gives float32, forward and backward."""
    for batchnorm in False, True:
        x, layer, dout = block_case(rng, 6, 4, 3, batchnorm, "tanh")
        expected, (dx, gradients) = (
            block(x, layer, "tanh")[0],
            block_gradients(x, layer, dout, "tanh"),
        )
        out, _ = student.block_forward(single(x), single(layer), "tanh")
        assert_float32(out, expected, name="out", axes="NM")
        cache = single(block_cache(x, layer, "tanh"))
        actual, found = student.block_backward(single(dout), cache)
        assert_float32(actual, dx, name="dx", axes="ND")
        for name, value in gradients.items():
            assert_float32(found[name], value, name=f"gradients['{name}']", axes=AXES[name])


@exercise("block", weight=0.5)
def test_block_leaves_its_inputs_alone(student, rng):
    """A layer is right, and changes neither x, nor dout, nor the cache."""
    x, layer, dout = block_case(rng, 5, 3, 4, False, "tanh")
    out, _ = student.block_forward(x, layer, "tanh")
    assert_close(out, block(x, layer, "tanh")[0], name="out", axes="NM", rtol=EXACT)
    assert_unchanged(student, "block_forward", x, layer, "tanh")
    for batchnorm in False, True:
        x, layer, dout = block_case(rng, 5, 3, 4, batchnorm, "tanh")
        assert_unchanged(student, "block_backward", dout, block_cache(x, layer, "tanh"))


@exercise("block", cpu_seconds=COST)
def test_block_gradient_is_a_formula(student, rng):
    """A layer's gradients cost about as much as its output, however many weights there are."""
    x, layer, dout = rng.standard_normal((3, 700)), {}, rng.standard_normal((3, 500))
    layer["w"], layer["b"] = rng.standard_normal((700, 500)) / 26, np.zeros(500)
    out = np.tanh(x @ layer["w"])
    cache = (x, layer["w"], None, out, "tanh")
    dx, gradients = student.block_backward(dout, cache)
    dz = dout * (1 - out * out)
    assert_close(dx, np.einsum("nm,dm->nd", dz, layer["w"]), name="dx", axes="ND")
    expected = np.einsum("nd,nm->dm", x, dz)
    assert_close(gradients["w"], expected, name="gradients['w']", axes="DM")
