"""Hidden tests of `autoencoder`: every oracle here is the definition written naively.

Gradients are compared with central differences of the oracle under a random upstream gradient, so a
backward that agrees with a wrong forward of its own gains nothing.
"""

import itertools
import math

import numpy as np

from autograder.gradcheck import numerical_gradient, numerical_gradients
from autograder.testing import (
    Case,
    Expression,
    Lent,
    Right,
    assert_close,
    assert_float32,
    assert_gives,
    assert_keeps_float32,
    assert_leaves_inputs_alone,
    assert_unchanged,
    each,
    evaluated,
    exercise,
    single,
)

EXACT = 1e-10
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
    normal = ((z - z.mean(axis=0)) / deviation, deviation, layer["gamma"], True)
    return x, layer["w"], normal, out, activation


def block_gradients(x, layer, dout, activation):
    """Central differences of the naive layer, for x and for each of its parameters."""
    parameters = {name: v for name, v in layer.items() if name not in ("mean", "var")}
    gradients = numerical_gradients(lambda v: block(x, layer | v, activation)[0], parameters, dout)
    return numerical_gradient(lambda v: block(v, layer, activation)[0], x, dout), gradients


# The output of a forward pass, the layer after it, and the arrays that were in the layer before.
AFTERWARDS = Expression(
    """
def afterwards(forward, x, layer, activation, training):
    arrays = dict(layer)
    out, _ = forward(x, layer, activation, training)
    return out, layer, arrays
""",
    "afterwards",
)
AXES = {"w": "DM", "b": "M", "gamma": "M", "beta": "M", "mean": "M", "var": "M"}
LAYERS = list(itertools.product((False, True), ACTIVATIONS))


# The loss


def reconstruction_loss(x_hat, x):
    given, sizes = (x_hat, x), dict(zip("ND", x.shape, strict=True))
    return Case.loss(
        "reconstruction_loss", squared_error, given, EXACT, sizes, loss=None, dx_hat="ND"
    )


@exercise("reconstruction_loss")
def test_loss_toy(student):
    """Errors of 1, 2, 3, 0, 1 and 3 have the mean square 4."""
    x_hat = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    loss, dx_hat = student.reconstruction_loss(x_hat, np.array([[0.0, 4.0, 0.0], [4.0, 4.0, 9.0]]))
    assert_close(loss, 4.0, name="loss", sizes={"N": 2, "D": 3})
    expected = np.array([[1.0, -2.0, 3.0], [0.0, 1.0, -3.0]]) / 3
    assert_close(dx_hat, expected, name="dx_hat", axes="ND")


@exercise("reconstruction_loss", weight=2)
def test_loss_value(student, rng):
    """The loss is the mean over all elements, for any N and D."""
    for n, d in (5, 3), (1, 4), (4, 1), (3, 3):
        assert_gives(student, reconstruction_loss(*rng.standard_normal((2, n, d))), "loss")


@exercise("reconstruction_loss", weight=2)
def test_loss_gradient(student, rng):
    """dx_hat is the derivative of the loss by each element of the reconstruction."""
    for n, d in (5, 3), (1, 4), (4, 1), (3, 3):
        assert_gives(student, reconstruction_loss(*rng.standard_normal((2, n, d))), "dx_hat")


@exercise("reconstruction_loss", weight=0.5)
def test_loss_float32(student, rng):
    """float32 reconstructions have a float32 gradient."""
    assert_keeps_float32(student, reconstruction_loss(*rng.standard_normal((2, 6, 5))))


@exercise("reconstruction_loss", weight=0.5)
def test_loss_leaves_its_inputs_alone(student, rng):
    """The loss is right, and changes neither the reconstruction nor the input."""
    assert_leaves_inputs_alone(student, reconstruction_loss(*rng.standard_normal((2, 4, 3))))


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
    afterwards = student.get(student.put(AFTERWARDS))
    for training in False, True:
        x, layer, _ = block_case(rng, 5, 3, 4, True, "tanh")
        z, wanted = x @ layer["w"], dict(layer)
        if training:
            wanted["mean"] = 0.9 * layer["mean"] + 0.1 * z.mean(axis=0)
            wanted["var"] = 0.9 * layer["var"] + 0.1 * z.var(axis=0, ddof=1)
        _, after, arrays = afterwards(student.block_forward, x, layer, "tanh", training)
        for name, expected in wanted.items():
            label = f"layer['{name}'] after {'training' if training else 'evaluation'}"
            assert_close(after[name], expected, name=label, axes=AXES[name], rtol=EXACT)
            label = f"the array that was layer['{name}']"
            assert_close(arrays[name], expected, name=label, axes=AXES[name], rtol=EXACT)


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
            assert len(normal) == 4 and normal[3] is True, (
                "normal in the cache should be the cache that batchnorm_forward returns."
            )
            for index, value in enumerate(expected[2][:3]):
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


# The network

FILL = Expression(
    """
def fill(net, values):
    for name, value in values.items():
        (net.parameters if name in net.parameters else net.statistics)[name][...] = value
    return net
""",
    "fill",
)

# enc_dims, dec_dims, activation, use_batchnorm: deep and lopsided ones, one without hidden layers,
# and a square one, in which a mix-up of layers raises no error.
NETWORKS = [
    ((3, 3, 3), (3, 3, 3), "tanh", True),
    ((3, 3, 3), (3, 3, 3), "elu", False),
    ((4, 6, 5, 2), (2, 3, 4), "leaky_relu", True),
    ((5, 4, 2), (2, 3, 6, 5), "relu", True),
    ((5, 2), (2, 5), "tanh", True),
    ((4, 3, 2), (2, 4), "relu", False),
]
VARIATIONAL = ((5, 3, 4), (2, 6, 5), "tanh", True)


def widths(enc_dims, dec_dims):
    """(D, M) of each layer, and whether it is hidden, by its number."""
    pairs = [*itertools.pairwise(enc_dims), *itertools.pairwise(dec_dims)]
    bare = len(enc_dims) - 1, len(pairs)
    return {number: (pair, number not in bare) for number, pair in enumerate(pairs, start=1)}


def shapes(enc_dims, dec_dims, use_batchnorm):
    """Names and shapes of the parameters, and of the statistics."""
    parameters, statistics = {}, {}
    for number, ((d, m), hidden) in widths(enc_dims, dec_dims).items():
        parameters[f"w{number}"] = (d, m)
        for name in ("gamma", "beta") if hidden and use_batchnorm else ("b",):
            parameters[f"{name}{number}"] = (m,)
        if hidden and use_batchnorm:
            statistics |= {f"mean{number}": (m,), f"var{number}": (m,)}
    return parameters, statistics


def network_values(rng, case):
    """Values for all arrays, by their names."""
    enc_dims, dec_dims, _, use_batchnorm = case
    values = {}
    for number, ((d, m), hidden) in widths(enc_dims, dec_dims).items():
        layer = layer_for(rng, d, m, hidden and use_batchnorm)
        values |= {f"{name}{number}": array for name, array in layer.items()}
    return values


def run(x, values, case, half, training=True):
    """Encoder or decoder by the definition: outputs, distance to a kink, what each layer sees."""
    enc_dims, dec_dims, activation, _ = case
    margin, seen = np.inf, {}
    for number, (_, hidden) in widths(enc_dims, dec_dims).items():
        if (number < len(enc_dims)) == (half == "encoder"):
            names = ("w", "b", "gamma", "beta", "mean", "var")
            layer = {n: values[f"{n}{number}"] for n in names if f"{n}{number}" in values}
            seen[number] = x
            x, distance = block(x, layer, activation if hidden else "identity", training)
            margin = min(margin, distance if hidden else np.inf)
    return x, margin, seen


def autoencode(x, values, case, training=True):
    """Both halves: reconstructions, and the distance to a kink."""
    z, first, _ = run(x, values, case, "encoder", training)
    x_hat, second, _ = run(z, values, case, "decoder", training)
    return x_hat, min(first, second)


def least_deviation(x, values, case):
    """The smallest deviation that is divided by: near zero, differences are no slopes."""
    z, _, first = run(x, values, case, "encoder")
    _, _, second = run(z, values, case, "decoder")
    products = [
        seen @ values[f"w{number}"]
        for number, seen in {**first, **second}.items()
        if f"gamma{number}" in values
    ]
    return min((product.std(axis=0).min() for product in products), default=np.inf)


def network_case(rng, case, n=5):
    """Values and inputs away from every kink, and an upstream gradient."""
    while True:
        values, x = network_values(rng, case), rng.standard_normal((n, case[0][0]))
        if autoencode(x, values, case)[1] > 1e-3 and least_deviation(x, values, case) > 0.1:
            return values, x, rng.standard_normal((n, case[1][-1]))


def parameters_in(values):
    return [name for name in values if not name.startswith(("mean", "var"))]


def loaded(student, values, case):
    """The student's network with these values."""
    enc_dims, dec_dims, activation, use_batchnorm = case
    net = student.Autoencoder(
        list(enc_dims),
        list(dec_dims),
        activation,
        use_batchnorm=use_batchnorm,
        rng=np.random.default_rng(0),
    )
    arrays = {**net.parameters, **net.statistics}
    for name, value in values.items():
        assert np.shape(arrays.get(name)) == value.shape, (
            f"With enc_dims {enc_dims} and dec_dims {dec_dims}, "
            f"{'with' if use_batchnorm else 'without'} batch normalisation, the network should "
            f"have an array {name} of shape {value.shape}."
        )
    evaluated(student, FILL)(net, values)
    return net


def set_training(student, net, mode):
    evaluated(student, Expression("lambda net, mode: setattr(net, 'training', mode)"))(net, mode)


def assert_gradients(gradients, f, values, dout, names=None):
    """gradients holds the derivatives of f by the values, and nothing else."""
    names = parameters_in(values) if names is None else names
    assert set(names) <= set(gradients), (
        f"After backward, gradients should hold {', '.join(names)}."
    )
    slopes = numerical_gradients(lambda v: f(values | v), {n: values[n] for n in names}, dout)
    scale = max(np.linalg.norm(slope) for slope in slopes.values())
    for name, expected in slopes.items():
        label = f"gradients['{name}']"
        if np.linalg.norm(expected) > 1e-7 * scale:
            axes = AXES[name.rstrip("0123456789")]
            # Through several normalisations the differences themselves are good to 1e-7 or so.
            assert_close(gradients[name], expected, name=label, axes=axes, rtol=1e-6)
        else:  # a bias of codes that a normalisation takes away again: rounding is all there is
            actual = gradients[name]
            assert np.shape(actual) == expected.shape and np.linalg.norm(actual) < 1e-7 * scale, (
                f"{label} should be zero, and of the shape of {name}."
            )


@exercise("Autoencoder")
def test_network_arrays(student):
    """The layers are numbered through; the last of encoder and decoder have no normalisation."""
    for enc_dims, dec_dims, activation, use_batchnorm in [*NETWORKS, VARIATIONAL]:
        net = student.Autoencoder(
            enc_dims, dec_dims, activation, "he", use_batchnorm, rng=np.random.default_rng(0)
        )
        wanted = shapes(enc_dims, dec_dims, use_batchnorm)
        for kind, arrays in zip(("parameters", "statistics"), wanted, strict=True):
            found = {name: np.shape(value) for name, value in getattr(net, kind).items()}
            assert set(found) == set(arrays), (
                f"With enc_dims {enc_dims} and dec_dims {dec_dims}, "
                f"{'with' if use_batchnorm else 'without'} batch normalisation, {kind} should have "
                f"the names {', '.join(arrays) or '(none)'}."
            )
            for name, shape in arrays.items():
                assert found[name] == shape, (
                    f"{name} has the shape {found[name]} and should have {shape}."
                )


@exercise("Autoencoder", weight=0.5)
def test_network_draws(student, rng):
    """The weights come from rng, layer 1 first, with the spread that init asks for."""
    seed = int(rng.integers(2**32))
    for init in "he", "xavier":
        draws = np.random.default_rng(seed)
        net = student.Autoencoder([4, 3, 2], [2, 5, 4], "relu", init, rng=draws)
        draws = np.random.default_rng(seed)
        for name, d, m in ("w1", 4, 3), ("w2", 3, 2), ("w3", 2, 5), ("w4", 5, 4):
            deviation = math.sqrt(2 / d if init == "he" else 2 / (d + m))
            expected = draws.normal(0, deviation, (d, m))
            assert_close(net.parameters[name], expected, name=f"{name}, init {init}", axes="DM")


@exercise("Autoencoder", weight=0.5)
def test_network_defaults(student, rng):
    """By default there is ReLU, He's initialisation and batch normalisation, in training mode."""
    case = (4, 5, 2), (2, 6, 4), "relu", True
    values, x, _ = network_case(rng, case)
    net = student.Autoencoder(*case[:2], rng=np.random.default_rng(3))
    expected = np.random.default_rng(3).normal(0, math.sqrt(2 / 4), (4, 5))
    assert_close(net.parameters["w1"], expected, name="w1", axes="DM")
    assert net.gradients == {}, "gradients should be empty until a backward pass fills it."
    evaluated(student, FILL)(net, values)
    expected, _ = autoencode(x, values, case)
    assert_close(net.forward(x), expected, name="x_hat", axes="ND", rtol=1e-9)


@exercise("Autoencoder", weight=2)
def test_network_encode(student, rng):
    """encode goes through the encoder's layers; the code itself has no activation."""
    for case in [*NETWORKS, VARIATIONAL]:
        values, x = network_values(rng, case), rng.standard_normal((5, case[0][0]))
        z = loaded(student, values, case).encode(x)
        assert_close(z, run(x, values, case, "encoder")[0], name="z", axes="NK", rtol=1e-9)


@exercise("Autoencoder", weight=2)
def test_network_decode(student, rng):
    """decode goes through the decoder's layers; the reconstruction has no activation."""
    for case in [*NETWORKS, VARIATIONAL]:
        values, z = network_values(rng, case), rng.standard_normal((5, case[1][0]))
        x_hat = loaded(student, values, case).decode(z)
        expected, _, _ = run(z, values, case, "decoder")
        assert_close(x_hat, expected, name="x_hat", axes="ND", rtol=1e-9)


@exercise("Autoencoder", weight=2)
def test_network_in_evaluation(student, rng):
    """In evaluation the running statistics normalise, do not move, and one sample is enough."""
    for case in NETWORKS:
        values = network_values(rng, case)
        net = loaded(student, values, case)
        set_training(student, net, False)
        for n in 4, 1:
            x = rng.standard_normal((n, case[0][0]))
            expected, _ = autoencode(x, values, case, training=False)
            label = "x_hat in evaluation"
            assert_close(net.forward(x), expected, name=label, axes="ND", rtol=1e-9)
        for name, value in net.statistics.items():
            assert_close(value, values[name], name=f"{name} after evaluation")


@exercise("Autoencoder")
def test_network_running_statistics(student, rng):
    """Training moves the running statistics of every hidden layer, once for each pass."""
    for case in NETWORKS[2], NETWORKS[3]:
        values, x, _ = network_case(rng, case)
        net = loaded(student, values, case)
        z, _, first = run(x, values, case, "encoder")
        _, _, second = run(z, values, case, "decoder")
        net.forward(x)
        for number, seen in {**first, **second}.items():
            if f"mean{number}" in values:
                product = seen @ values[f"w{number}"]
                for name, batch in ("mean", product.mean(0)), ("var", product.var(0, ddof=1)):
                    expected = 0.9 * values[f"{name}{number}"] + 0.1 * batch
                    label = f"{name}{number} after training"
                    actual = net.statistics[f"{name}{number}"]
                    assert_close(actual, expected, name=label, axes="M", rtol=1e-9)


@exercise("Autoencoder", weight=3)
def test_network_gradients(student, rng):
    """backward fills gradients with the derivative by every parameter of both halves."""
    for case in NETWORKS:
        values, x, dout = network_case(rng, case)
        net = loaded(student, values, case)
        net.forward(x)
        net.backward(dout)
        gradients = net.gradients
        assert set(gradients) == set(parameters_in(values)), (
            "After backward, gradients should have exactly the names of the parameters."
        )
        f = lambda v, x=x, case=case: autoencode(x, v, case)[0]  # noqa: E731
        assert_gradients(gradients, f, values, dout)


@exercise("Autoencoder", weight=2)
def test_network_halves_backward(student, rng):
    """decode_backward gives dz and the decoder's gradients, encode_backward the encoder's."""
    for case in VARIATIONAL, NETWORKS[0]:
        values = network_values(rng, case)
        x, z = rng.standard_normal((5, case[0][0])), rng.standard_normal((5, case[1][0]))
        dx_hat, dz = rng.standard_normal((5, case[1][-1])), rng.standard_normal((5, case[0][-1]))
        net = loaded(student, values, case)
        net.encode(x)
        net.decode(z)
        encoder = [n for n in parameters_in(values) if int(n[-1]) < len(case[0])]
        decoder = [n for n in parameters_in(values) if n not in encoder]
        decode = lambda v, z=z, case=case: run(z, v, case, "decoder")[0]  # noqa: E731
        encode = lambda v, x=x, case=case: run(x, v, case, "encoder")[0]  # noqa: E731
        expected = numerical_gradient(
            lambda v, values=values, case=case: run(v, values, case, "decoder")[0], z, dx_hat
        )
        handed_on = net.decode_backward(dx_hat)
        assert handed_on is not None, (
            "decode_backward gives None instead of dz: either it returns nothing, or the decoder's "
            "first layer was told that its dx is not wanted."
        )
        assert_close(handed_on, expected, name="dz", axes="NK")
        assert_gradients(net.gradients, decode, values, dx_hat, decoder)
        net.encode_backward(dz)
        assert_gradients(net.gradients, encode, values, dz, encoder)


@exercise("Autoencoder")
def test_network_gradients_are_replaced(student, rng):
    """A second pass replaces the gradients, evaluation in between disturbs nothing."""
    case = NETWORKS[0]
    values, x, dout = network_case(rng, case)
    net = loaded(student, values, case)
    net.forward(rng.standard_normal((5, 3)))
    net.backward(rng.standard_normal((5, 3)))
    net.forward(x)
    set_training(student, net, False)
    net.forward(rng.standard_normal((5, 3)))
    set_training(student, net, True)
    net.backward(dout)
    assert_gradients(net.gradients, lambda v: autoencode(x, v, case)[0], values, dout)


@exercise("Autoencoder", weight=0.5)
def test_network_float32(student, rng):
    """A network in float32 gives float32 codes, reconstructions and gradients."""
    case = NETWORKS[2]
    values, x, dout = network_case(rng, case, n=6)
    net = loaded(student, values, case).in_float32()
    z = net.encode(single(x))
    assert_float32(z, run(x, values, case, "encoder")[0], name="z", axes="NK")
    assert_float32(net.decode(z), autoencode(x, values, case)[0], name="x_hat", axes="ND")
    net.backward(single(dout))
    for name, value in net.gradients.items():
        assert np.asarray(value).dtype == np.float32, (
            f"gradients['{name}'] is {np.asarray(value).dtype} in a network of float32."
        )


@exercise("Autoencoder", weight=0.5)
def test_networks_are_independent(student, rng):
    """Two networks share no arrays and no caches, and change nothing that they are given."""
    case = NETWORKS[0]
    values, x, dout = network_case(rng, case)
    net = loaded(student, values, case)
    other = loaded(student, network_values(rng, case), case)
    lent = Lent(student, x=x, dx_hat=dout)
    net.forward(lent["x"])
    other.forward(rng.standard_normal((5, 3)))
    other.backward(rng.standard_normal((5, 3)))
    net.backward(lent["dx_hat"])
    assert_gradients(net.gradients, lambda v: autoencode(x, v, case)[0], values, dout)
    lent.assert_unchanged("The network changes {} in place.")


@exercise("Autoencoder", cpu_seconds=COST)
def test_network_backward_is_backpropagation(student, rng):
    """backward costs little more than forward, however many parameters there are."""
    case = (200, 80, 10), (10, 80, 200), "tanh", False
    values, x = network_values(rng, case), rng.standard_normal((3, 200))
    net = loaded(student, values, case)
    net.forward(x)
    dout = rng.standard_normal((3, 200))
    net.backward(dout)
    h = np.tanh(x @ values["w1"] + values["b1"])
    h2 = np.tanh((h @ values["w2"] + values["b2"]) @ values["w3"] + values["b3"])
    assert_close(net.gradients["w4"], h2.T @ dout, name="gradients['w4']", axes="DM")
    dz = ((dout @ values["w4"].T) * (1 - h2**2)) @ values["w3"].T
    expected = x.T @ ((dz @ values["w2"].T) * (1 - h**2))
    assert_close(net.gradients["w1"], expected, name="gradients['w1']", axes="DM")


# Weight decay


def some_parameters(rng):
    return {
        name: rng.standard_normal(shape)
        for name, shape in {"w1": (4, 3), "gamma1": (3,), "beta1": (3,), "w2": (3, 2), "b2": (2,)}
        .items()
    }  # fmt: skip


@exercise("weight_decay")
def test_decay_toy(student):
    """Weights of 1, 2 and −3 with λ = ½ cost 3½, and pull with half of themselves."""
    parameters = {
        "w1": np.array([[1.0, 2.0]]),
        "b1": np.array([9.0, 9.0]),
        "w2": np.array([[-3.0]]),
    }
    penalty, gradients = student.weight_decay(parameters, 0.5)
    assert_close(penalty, 3.5, name="penalty")
    assert set(gradients) == {"w1", "w2"}, "Only the weights, w1, w2, …, have a gradient here."
    assert_close(gradients["w1"], np.array([[0.5, 1.0]]), name="gradients['w1']", axes="DM")
    assert_close(gradients["w2"], np.array([[-1.5]]), name="gradients['w2']", axes="DM")


@exercise("weight_decay", weight=2)
def test_decay_penalty(student, rng):
    """The penalty is ½ λ times the sum of all squared weights, of every layer."""
    for strength in 0.3, 2.0, 1e-4:
        parameters = some_parameters(rng)
        penalty, _ = student.weight_decay(parameters, strength)
        total = sum(v * v for name in ("w1", "w2") for v in parameters[name].ravel())
        assert_close(penalty, float(0.5 * strength * total), name="penalty", rtol=EXACT)


@exercise("weight_decay", weight=2)
def test_decay_gradients(student, rng):
    """The gradients are the penalty's derivatives by the weights; nothing else has one."""
    parameters, strength = some_parameters(rng), 0.7
    _, gradients = student.weight_decay(parameters, strength)
    assert set(gradients) == {"w1", "w2"}, (
        "There should be gradients for w1 and w2 only: biases, gamma and beta do not decay."
    )
    for name in "w1", "w2":
        f = lambda v: 0.5 * strength * np.sum(v * v)  # noqa: E731
        expected = numerical_gradient(f, parameters[name])
        assert_close(gradients[name], expected, name=f"gradients['{name}']", axes="DM")


@exercise("weight_decay", weight=0.5)
def test_decay_float32(student, rng):
    """float32 weights have float32 gradients, and a penalty of zero without any strength."""
    parameters = single(some_parameters(rng))
    _, gradients = student.weight_decay(parameters, 0.25)
    assert_float32(gradients["w1"], 0.25 * parameters["w1"], name="gradients['w1']", axes="DM")
    penalty, _ = student.weight_decay(parameters, 0.0)
    assert_close(float(penalty), 0.0, name="penalty without strength")


@exercise("weight_decay", weight=0.5)
def test_decay_leaves_the_parameters_alone(student, rng):
    """The gradients are new arrays, and the parameters stay as they are."""
    parameters = some_parameters(rng)
    _, gradients = student.weight_decay(parameters, 1.0)
    assert_close(gradients["w1"], parameters["w1"], name="gradients['w1']", axes="DM")
    assert_unchanged(student, "weight_decay", parameters, 0.5)
    shared = Expression(
        "lambda f, p: any(np.shares_memory(g, p[name]) for name, g in f(p, 1.0)[1].items())"
    )
    assert not evaluated(student, shared)(student.weight_decay, parameters), (
        "The gradients share their memory with the parameters: make new arrays."
    )


# Early stopping


def stop_after(losses, patience):
    """Epoch at which training stops (None if it goes on), best epoch and best loss, naively."""
    best, at = math.inf, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best, at = loss, epoch
        if epoch - at == patience:
            return epoch, at, best
    return None, at, best


def watch(student, losses, patience):
    """Feed losses until it says stop: the epoch of the stop, and the object."""
    stopping = student.EarlyStopping(patience)
    for epoch, loss in enumerate(losses, start=1):
        if stopping.update(loss, {"w1": np.full((2, 2), float(epoch))}):
            return epoch, stopping
    return None, stopping


NAN = float("nan")
CURVES = {
    "that falls": [5.0, 4.0, 3.0, 2.0, 1.0, 0.5],
    "that rises": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    "with a second valley": [5.0, 3.0, 4.0, 3.5, 2.0, 2.5, 2.2, 2.1, 2.3, 1.0],
    "that stands still": [2.0, 2.0, 2.0, 2.0, 2.0, 2.0],
    "that comes back to its best": [3.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0],
    "with nan": [3.0, NAN, 2.0, NAN, NAN, NAN, 1.0],
    "that begins with nan": [NAN, NAN, 4.0, 3.0, 5.0],
    "below zero": [-1.0, -3.0, -2.0, -2.5, -2.9],
}


@exercise("EarlyStopping", weight=2)
def test_stopping_epoch(student):
    """Training stops once as many epochs in a row as patience says have brought no improvement."""
    for name, losses in CURVES.items():
        for patience in 1, 2, 3:
            stopped, _ = watch(student, losses, patience)
            expected, _, _ = stop_after(losses, patience)
            assert stopped == expected, (
                f"On a curve {name}, patience {patience} should "
                + ("never stop" if expected is None else f"stop after epoch {expected}")
                + (" and does not stop." if stopped is None else f", and stops after {stopped}.")
            )


@exercise("EarlyStopping", weight=2)
def test_stopping_best(student):
    """best_loss and best_epoch are those of the first lowest loss; nan is never the lowest."""
    for name, losses in CURVES.items():
        _, stopping = watch(student, losses, 3)
        _, epoch, loss = stop_after(losses, 3)
        assert_close(float(stopping.best_loss), loss, name=f"best_loss of a curve {name}")
        assert stopping.best_epoch == epoch, (
            f"On a curve {name}, best_epoch should be {epoch} and is {stopping.best_epoch}."
        )


@exercise("EarlyStopping", weight=2)
def test_stopping_state(student):
    """best_state holds all arrays as they were after the best epoch."""
    for name, losses in CURVES.items():
        _, stopping = watch(student, losses, 3)
        _, epoch, _ = stop_after(losses, 3)
        best = stopping.best_state
        label = f"best_state['w1'] of a curve {name}"
        assert set(best) == {"w1"}, "best_state should have the names of the state."
        assert_close(best["w1"], np.full((2, 2), float(epoch)), name=label)


@exercise("EarlyStopping", weight=2)
def test_stopping_copies(student, rng):
    """best_state is a copy: what training does to the arrays afterwards does not reach it."""
    stopping = student.EarlyStopping(5)
    state = student.put({"w1": np.ones((2, 3)), "b1": np.zeros(3)})
    spoil = Expression("lambda state: [a.fill(7.0) for a in state.values()] and None")
    stopping.update(1.0, state)
    evaluated(student, spoil)(state)
    stopping.update(2.0, state)
    assert_close(stopping.best_state["w1"], np.ones((2, 3)), name="best_state['w1']")
    assert_close(stopping.best_state["b1"], np.zeros(3), name="best_state['b1']")
    assert_close(student.get(state)["w1"], np.full((2, 3), 7.0), name="the state that was given")


@exercise("EarlyStopping", weight=0.5)
def test_stopping_starts_with_nothing(student):
    """Before the first epoch the best loss is infinite, at epoch 0, and nothing is kept."""
    stopping = student.EarlyStopping(2)
    assert stopping.best_state is None, "best_state should be None before the first epoch."
    assert stopping.best_epoch == 0, "best_epoch should be 0 before the first epoch."
    assert_close(float(stopping.best_loss), math.inf, name="best_loss before the first epoch")
    stopping.update(NAN, {"w1": np.ones(2)})
    assert stopping.best_state is None, "nan is no improvement: nothing should be kept."
    assert stopping.update(3.0, {"w1": np.ones(2)}) in (False, np.False_), (
        "update should say False where training may go on."
    )


# The training loop. The model and its objective keep a diary, so that training is tested without
# the student's network.

MODEL = """
class Diary:
    def __init__(self):
        self.parameters = {"w1": np.array([0.5, -1.0, 0.25]), "b1": np.array([0.75])}
        self.gradients, self.training = {}, "neither"
        self.batches, self.validated, self.states = [], [], []

    def state(self):
        return dict(self.parameters)

    def load_state(self, state):
        for name, array in self.parameters.items():
            array[...] = state[name]

model = Diary()
"""
OBJECTIVE = Expression(
    """
def objective(model, x):
    w, b = model.parameters["w1"], model.parameters["b1"]
    error = x @ w + b - np.sin(x[:, 0])
    if model.training:
        model.batches.append(x.tolist())
        model.gradients = {"w1": 2 * x.T @ error / len(x), "b1": 2 * error.mean(keepdims=True)}
    else:
        model.validated.append(x.tolist())
        model.states.append({name: array.tolist() for name, array in model.parameters.items()})
    return np.max(np.abs(error)) + (10.0 if model.training else 0.0)
""",
    "objective",
)
STOPPING = """
class Stopping:
    def __init__(self):
        self.losses, self.best_state = [], None

    def update(self, loss, state):
        self.losses.append(loss)
        if len(self.losses) == KEEP:
            self.best_state = {name: array.copy() for name, array in state.items()}
        return len(self.losses) >= STOP

stopping = Stopping()
"""


def diary(x, x_val, seed, *, learning_rates, batch_size, decay=0.0, stop=None, keep=None):
    """What training the linear model should do: history, batches, and the states by epoch."""
    draws = np.random.default_rng(seed)
    values = {"w1": np.array([0.5, -1.0, 0.25]), "b1": np.array([0.75])}
    mean = {name: np.zeros_like(v) for name, v in values.items()}
    square = {name: np.zeros_like(v) for name, v in values.items()}
    history, batches, states, step = {"loss": [], "val_loss": []}, [], [], 0
    for rate in learning_rates:
        order, losses = list(draws.permutation(len(x))), []
        while len(order) >= batch_size:
            batch, order = x[order[:batch_size]], order[batch_size:]
            error = batch @ values["w1"] + values["b1"] - np.sin(batch[:, 0])
            losses.append(np.max(np.abs(error)) + 10)
            slopes = {"w1": 2 * batch.T @ error / len(batch), "b1": np.array([2 * error.mean()])}
            slopes["w1"] = slopes["w1"] + decay * values["w1"]
            step += 1
            for name, slope in slopes.items():
                mean[name] = 0.9 * mean[name] + 0.1 * slope
                square[name] = 0.999 * square[name] + 0.001 * slope**2
                root = np.sqrt(square[name] / (1 - 0.999**step)) + 1e-8
                values[name] = values[name] - rate * mean[name] / (1 - 0.9**step) / root
            batches.append(batch.tolist())
        history["loss"].append(sum(losses) / len(losses))
        error = x_val @ values["w1"] + values["b1"] - np.sin(x_val[:, 0])
        history["val_loss"].append(np.max(np.abs(error)))
        states.append(dict(values))
        if stop is not None and len(states) >= stop:
            break
    final = states[keep - 1] if keep is not None else states[-1]
    return history, batches, states, final


def trained(student, x, x_val, seed, *, stop=None, keep=None, **settings):
    """The student's training of the linear model: history, the diary, and the stopping."""
    model, stopping = student.put(Expression(MODEL, "model")), None
    if stop is not None:
        source = (
            STOPPING.replace("KEEP", str(keep)).replace("STOP)", "0)").replace("STOP", str(stop))
        )
        stopping = student.put(Expression(source, "stopping"))
        settings["stopping"] = stopping
    rng = np.random.default_rng(seed)
    history = student.fit(model, OBJECTIVE, x, x_val, rng=rng, **settings)
    return history, student.get(model), stopping and student.get(stopping)


def training_case(rng, n):
    return rng.standard_normal((n, 3)), rng.standard_normal((7, 3)), int(rng.integers(2**32))


SETTINGS = {"learning_rates": [0.1, 0.05, 0.02], "batch_size": 4}


@exercise("fit", weight=2)
def test_fit_batches(student, rng):
    """Batches are consecutive pieces of a fresh rng.permutation(N); a smaller last is left out."""
    for n, size in (10, 4), (6, 3), (5, 1), (7, 7), (9, 5):
        x, x_val, seed = training_case(rng, n)
        settings = {**SETTINGS, "batch_size": size}
        _, model, _ = trained(student, x, x_val, seed, **settings)
        batches, (_, expected, _, _) = model.batches, diary(x, x_val, seed, **settings)
        assert [len(b) for b in batches] == [len(b) for b in expected], (
            f"{n} samples in batches of {size} should give {n // size} batches of {size} an epoch."
        )
        assert batches == expected, (
            "The batches have the right sizes, but not the samples in the order of "
            "one rng.permutation(N) drawn at the start of each epoch."
        )


@exercise("fit", weight=3)
def test_fit_steps(student, rng):
    """Each batch is one step of Adam with its epoch's learning rate; the moments are kept."""
    for n, size in (10, 4), (5, 1), (7, 7):
        x, x_val, seed = training_case(rng, n)
        settings = {**SETTINGS, "batch_size": size}
        _, model, _ = trained(student, x, x_val, seed, **settings)
        _, _, _, final = diary(x, x_val, seed, **settings)
        for name, value in final.items():
            label = f"{name} after training"
            assert_close(model.parameters[name], value, name=label, rtol=1e-7)


@exercise("fit", weight=2)
def test_fit_weight_decay(student, rng):
    """The gradient of the weight decay is added before each step, to the weights alone."""
    x, x_val, seed = training_case(rng, 10)
    for decay in 0.3, 0.01:
        _, model, _ = trained(student, x, x_val, seed, **SETTINGS, decay=decay)
        _, _, _, final = diary(x, x_val, seed, **SETTINGS, decay=decay)
        for name, value in final.items():
            label = f"{name} after training with decay"
            assert_close(model.parameters[name], value, name=label, rtol=1e-7)


@exercise("fit", weight=2)
def test_fit_history(student, rng):
    """The history has the mean loss of the batches and the validation loss, one entry an epoch."""
    for n, size, decay in (10, 4, 0.0), (5, 1, 0.0), (9, 3, 0.2):
        x, x_val, seed = training_case(rng, n)
        settings = {**SETTINGS, "batch_size": size, "decay": decay}
        history, _, _ = trained(student, x, x_val, seed, **settings)
        expected, _, _, _ = diary(x, x_val, seed, **settings)
        assert set(history) == set(expected), (
            "The history should have exactly the keys loss and val_loss."
        )
        for name, values in expected.items():
            assert_close(history[name], values, name=f"history['{name}']", rtol=1e-7)


@exercise("fit")
def test_fit_validates_in_evaluation_mode(student, rng):
    """After each epoch all validation data are evaluated at once, in evaluation mode."""
    x, x_val, seed = training_case(rng, 10)
    history, model, _ = trained(student, x, x_val, seed, **SETTINGS)
    assert model.validated == [x_val.tolist()] * 3, (
        "In evaluation mode the objective should see the whole of x_val, once for each epoch."
    )
    assert model.training is False, "After training, the model should be in evaluation mode."
    assert min(history["loss"]) > 10, "The training loss is to be measured in training mode."


@exercise("fit", weight=2)
def test_fit_stops(student, rng):
    """Training ends when stopping says so, and stopping sees every validation loss."""
    x, x_val, seed = training_case(rng, 10)
    settings = {"learning_rates": [0.1] * 6, "batch_size": 4}
    for stop, keep in (3, 2), (4, 4), (1, 1), (6, 5):
        history, _, stopping = trained(student, x, x_val, seed, **settings, stop=stop, keep=keep)
        expected, _, _, _ = diary(x, x_val, seed, **settings, stop=stop)
        assert len(history["loss"]) == stop, (
            f"Stopped after epoch {stop}, the history has {len(history['loss'])} entries."
        )
        assert_close(history["val_loss"], expected["val_loss"], name="history['val_loss']")
        assert_close(stopping.losses, expected["val_loss"], name="what stopping sees")


@exercise("fit", weight=2)
def test_fit_goes_back_to_the_best(student, rng):
    """After training the model holds the state that stopping has kept, stopped early or not."""
    x, x_val, seed = training_case(rng, 10)
    settings = {"learning_rates": [0.1] * 6, "batch_size": 4}
    for stop, keep in (4, 2), (99, 3), (6, 6):
        _, model, _ = trained(student, x, x_val, seed, **settings, stop=stop, keep=keep)
        _, _, states, final = diary(x, x_val, seed, **settings, stop=stop, keep=keep)
        assert keep == 6 or not np.allclose(model.parameters["w1"], states[-1]["w1"], rtol=1e-7), (
            f"The training {'was stopped early' if stop < 6 else 'went through all its epochs'}, "
            "and the model holds its last state instead of the best one that stopping has kept."
        )
        for name, value in final.items():
            assert_close(model.parameters[name], value, name=f"{name} after training", rtol=1e-7)


@exercise("fit", weight=0.5)
def test_fit_without_a_best(student, rng):
    """Where stopping has kept nothing, the model keeps its last state."""
    x, x_val, seed = training_case(rng, 10)
    settings = {**SETTINGS, "stop": 2}
    _, model, _ = trained(student, x, x_val, seed, **settings, keep=99)
    _, _, _, final = diary(x, x_val, seed, **settings)
    assert_close(model.parameters["w1"], final["w1"], name="w1 after training", rtol=1e-7)


@exercise("fit", weight=0.5)
def test_fit_leaves_the_data_alone(student, rng):
    """Training gives its losses, and shuffles neither the training nor the validation data."""
    x, x_val, seed = training_case(rng, 10)
    lent, model = Lent(student, x=x, x_val=x_val), student.put(Expression(MODEL, "model"))
    generator = np.random.default_rng(seed)
    history = student.fit(model, OBJECTIVE, lent["x"], lent["x_val"], rng=generator, **SETTINGS)
    assert_close(history["loss"], diary(x, x_val, seed, **SETTINGS)[0]["loss"], name="loss")
    lent.assert_unchanged("fit changes {} in place.")


@exercise("fit", weight=0.5)
def test_fit_takes_any_iterable(student, rng):
    """The learning rates may come from a generator, as from a progress bar."""
    x, x_val, seed = training_case(rng, 10)
    model = student.put(Expression(MODEL, "model"))
    rates = Expression("iter([0.1, 0.05, 0.02])")
    settings = {"rng": np.random.default_rng(seed), "batch_size": 4, "learning_rates": rates}
    history = student.fit(model, OBJECTIVE, x, x_val, **settings)
    assert_close(history["loss"], diary(x, x_val, seed, **SETTINGS)[0]["loss"], name="loss")


# The grid

SCORE = "lambda a, b=0.0, c=0.0: {table}[(a, b, c)]"


def searched(student, grid, table):
    """The student's search over a table of losses."""
    source = repr(table).replace("nan", "float('nan')").replace("inf", "float('inf')")
    return student.grid_search(Expression(SCORE.format(table=source)), grid)


def combinations(grid):
    """All settings, by nested loops."""
    settings = [{}]
    for name, values in grid.items():
        settings = [{**one, name: value} for one in settings for value in values]
    return settings


def table_for(grid, losses):
    keys = [(s["a"], s.get("b", 0.0), s.get("c", 0.0)) for s in combinations(grid)]
    return dict(zip(keys, losses, strict=True))


@exercise("grid_search", weight=2)
def test_grid_trials(student, rng):
    """Every combination is tried once, in the order of nested loops, and listed with its loss."""
    for grid in (
        {"a": [1, 2, 3], "b": [0.5, 0.25]},
        {"a": [7]},
        {"a": [3, 1], "b": [2.0, 1.0], "c": ["relu", "tanh", "elu"]},
    ):
        losses = rng.uniform(1, 2, len(combinations(grid))).tolist()
        _, trials = searched(student, grid, table_for(grid, losses))
        assert [dict(s) for s, _ in trials] == combinations(grid), (
            "The trials should list every combination once, the first name changing slowest."
        )
        assert_close([float(loss) for _, loss in trials], losses, name="the losses of the trials")


@exercise("grid_search", weight=2)
def test_grid_best(student, rng):
    """The best settings are those with the lowest loss, wherever they stand."""
    grid = {"a": [1, 2, 3], "b": [0.5, 0.25]}
    for place in range(6):
        losses = rng.uniform(1, 2, 6).tolist()
        losses[place] = -0.5
        best, _ = searched(student, grid, table_for(grid, losses))
        assert best == combinations(grid)[place], (
            "best is not the combination with the lowest loss."
        )


@exercise("grid_search")
def test_grid_ties(student):
    """Among equal losses the first one tried wins."""
    grid = {"a": [1, 2, 3], "b": [0.5, 0.25]}
    best, _ = searched(student, grid, table_for(grid, [3.0, 2.0, 1.0, 1.0, 1.0, 2.0]))
    assert best == {"a": 2, "b": 0.5}, "Among equal losses the first one tried should win."


@exercise("grid_search", weight=2)
def test_grid_nan(student):
    """A loss that is not a number never wins, first, last or in between; infinity may."""
    grid = {"a": [1, 2, 3], "b": [0.5, 0.25]}
    for losses, place in (
        ([NAN, 2.0, 1.0, NAN, 3.0, NAN], 2),
        ([NAN, NAN, NAN, NAN, NAN, 9.0], 5),
        ([5.0, NAN, NAN, NAN, NAN, NAN], 0),
        ([NAN, math.inf, NAN, 4.0, NAN, NAN], 3),
        ([NAN, math.inf, NAN, math.inf, NAN, NAN], 1),
    ):
        best, trials = searched(student, grid, table_for(grid, losses))
        assert best == combinations(grid)[place], (
            f"Of the losses {', '.join(map(str, losses))} number {place + 1} should win, but "
            + (f"number {combinations(grid).index(best) + 1} does." if best else "none does.")
        )
        assert len(trials) == 6, "Trials with nan belong in the list too."


@exercise("grid_search", weight=0.5)
def test_grid_all_nan(student):
    """If every loss is nan, there is no best."""
    best, trials = searched(student, {"a": [1, 2]}, {(1, 0.0, 0.0): NAN, (2, 0.0, 0.0): NAN})
    assert best is None, "best should be None where every loss is nan."
    assert len(trials) == 2, "All trials should be listed."


# Processing

CODER = """
class Coder:
    def __init__(self, w, mode):
        self.w, self.training, self.modes, self.sizes, self.calls = w, mode, [], [], 0
        self.config = {"enc_dims": list(w.shape), "dec_dims": list(w.shape[::-1])}

    def encode(self, x):
        self.modes.append(self.training)
        self.sizes.append(len(x))
        return np.tanh(x @ self.w)

    def decode(self, z):
        self.modes.append(self.training)
        return 1.5 * z @ self.w.T

    def forward(self, x):
        return self.decode(self.encode(x))
"""


def coder(student, w, mode=False):
    return evaluated(student, Expression(CODER, "Coder"))(w, mode)


def processed(x, w):
    """Codes, clamped reconstructions and errors, element by element."""
    z = np.tanh(x @ w)
    x_hat = 1.5 * z @ w.T
    clamped = np.array([[min(max(v, 0.0), 1.0) for v in row] for row in x_hat])
    mse = [sum((p - t) ** 2 for p, t in zip(*rows, strict=True)) / len(rows[0])
           for rows in zip(clamped, x, strict=True)]  # fmt: skip
    return z, clamped, np.array(mse)


def process_case(rng, n):
    """Inputs, labels and weights with which some reconstructions are below 0 and some above 1."""
    while True:
        x, w = rng.random((n, 5)), rng.standard_normal((5, 2))
        x_hat = 1.5 * np.tanh(x @ w) @ w.T
        if x_hat.min() < -0.1 and x_hat.max() > 1.1:
            return x, rng.integers(0, 3, n), w


@exercise("process", weight=2)
def test_process_codes(student, rng):
    """Z has one code for each sample, in the order of the samples, however they are cut."""
    for n, size in (30, 500), (30, 7), (30, 30), (30, 1), (31, 10):
        x, y, w = process_case(rng, n)
        out = student.process(coder(student, w), x, y, "toy", batch_size=size)
        assert_close(out["Z"], processed(x, w)[0], name="Z", axes="NK", rtol=EXACT)


@exercise("process", weight=2)
def test_process_reconstructions(student, rng):
    """Yhat holds the reconstructions, with what is below 0 or above 1 cut off."""
    for n, size in (30, 500), (30, 7):
        x, y, w = process_case(rng, n)
        out = student.process(coder(student, w), x, y, "toy", batch_size=size)
        assert_close(out["Yhat"], processed(x, w)[1], name="Yhat", axes="ND", rtol=EXACT)


@exercise("process", weight=2)
def test_process_errors(student, rng):
    """mse has the mean squared error of each sample of the clamped reconstructions."""
    for n, size in (30, 500), (30, 7):
        x, y, w = process_case(rng, n)
        out = student.process(coder(student, w), x, y, "toy", batch_size=size)
        sizes = {"D": 5, "N": 30}
        assert_close(out["mse"], processed(x, w)[2], name="mse", axes="N", rtol=EXACT, sizes=sizes)


@exercise("process")
def test_process_keys(student, rng):
    """The result has Z, Yhat, mse, y and dataset, the last two as they were given."""
    x, y, w = process_case(rng, 30)
    out = student.process(coder(student, w), x, y, "a name")
    assert set(out) == {"Z", "Yhat", "mse", "y", "dataset"}, (
        "The result should have exactly the keys Z, Yhat, mse, y and dataset."
    )
    assert_close(out["y"], y, name="y", axes="N")
    assert out["dataset"] == "a name", "dataset should be the name that was given."


@exercise("process", weight=2)
def test_process_mode(student, rng):
    """The samples go through in evaluation mode, and the model is then in the mode it was in."""
    x, y, w = process_case(rng, 30)
    for mode in True, False:
        model = coder(student, w, mode)
        student.process(model, x, y, "toy", batch_size=7)
        assert set(model.modes) == {False}, "The model is to be used in evaluation mode."
        assert model.training is mode, "Afterwards the model should be in the mode it was in."


@exercise("process")
def test_process_in_batches(student, rng):
    """No batch is larger than batch_size, and every sample goes through once."""
    x, y, w = process_case(rng, 30)
    for size in 7, 10:
        model = coder(student, w)
        student.process(model, x, y, "toy", batch_size=size)
        assert max(model.sizes) <= size, (
            f"With batch_size {size}, a batch of {max(model.sizes)} samples goes through."
        )
        assert sum(model.sizes) == 30, "Every sample should be encoded exactly once."


@exercise("process", weight=0.5)
def test_process_leaves_its_inputs_alone(student, rng):
    """Processing gives float32 for float32, and changes neither x nor y."""
    x, y, w = process_case(rng, 30)
    expected, x32 = processed(x, w), single(x)
    out = student.process(coder(student, single(w)), x32, y, "toy")
    for key, value, axes in zip(("Z", "Yhat", "mse"), expected, ("NK", "ND", "N"), strict=True):
        assert_float32(out[key], value, name=key, axes=axes)
    lent = Lent(student, x=x, y=y)
    student.process(coder(student, w), lent["x"], lent["y"], "toy")
    lent.assert_unchanged("process changes {} in place.")


@exercise("psnr")
def test_psnr_toy(student):
    """Errors of a tenth everywhere are 20 dB, of a hundredth 40 dB."""
    x = np.full((2, 4), 0.5)
    x_hat = x + np.array([[0.1, -0.1, 0.1, -0.1], [0.01, 0.01, -0.01, -0.01]])
    assert_close(student.psnr(x_hat, x), np.array([20.0, 40.0]), name="psnr", axes="N")


@exercise("psnr", weight=2)
def test_psnr_random(student, rng):
    """PSNR is 10 log₁₀ of the squared peak over the mean squared error, one value a sample."""
    for n, d in (5, 3), (1, 4), (4, 1), (3, 3):
        for peak in 1.0, 255.0, 16:
            x_hat, x = peak * rng.random((2, n, d))
            mse = [sum((a - b) ** 2) / d for a, b in zip(x_hat, x, strict=True)]
            expected = np.array([10 * math.log10(peak * peak / error) for error in mse])
            label = f"psnr with a peak of {peak}"
            assert_close(student.psnr(x_hat, x, peak), expected, name=label, axes="N", rtol=EXACT)


@exercise("psnr")
def test_psnr_of_equal_images(student, rng):
    """Equal images have a PSNR of infinity, beside others that have not."""
    x = rng.random((3, 5))
    x_hat = x.copy()
    x_hat[1] += 0.1
    assert_close(student.psnr(x_hat, x), np.array([np.inf, 20.0, np.inf]), name="psnr", axes="N")
    quiet = Expression(
        """
def quiet(f, x):
    import warnings
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        f(x, x)
    return len(caught)
""",
        "quiet",
    )
    assert evaluated(student, quiet)(student.psnr, x) == 0, "Equal images cause a warning."


@exercise("psnr", weight=0.5)
def test_psnr_leaves_its_inputs_alone(student, rng):
    """PSNR is right, and changes neither image."""
    x_hat, x = rng.random((2, 3, 4))
    expected = [10 * math.log10(4 / sum((a - b) ** 2)) for a, b in zip(x_hat, x, strict=True)]
    assert_close(student.psnr(x_hat, x), np.array(expected), name="psnr", axes="N")
    assert_unchanged(student, "psnr", x_hat, x)


# Filters


def filters(layer):
    """One filter a unit, weight by weight."""
    d, m = layer["w"].shape
    scale = [
        layer["gamma"][j] / math.sqrt(layer["var"][j] + EPSILON) if "gamma" in layer else 1.0
        for j in range(m)
    ]
    return np.array([[scale[j] * layer["w"][i, j] for i in range(d)] for j in range(m)])


def first_layer_filters(layer):
    return Case("first_layer_filters", (layer,), filters=Right(filters(layer), "MD", EXACT))


@exercise("first_layer_filters", weight=2)
def test_filters_with_batchnorm(student, rng):
    """A filter is a unit's weights times γ over the root of its running variance plus ε."""
    for d, m in (5, 3), (3, 3), (1, 4):
        layer = layer_for(rng, d, m, True)
        layer["var"] = rng.uniform(1e-5, 1e-3, m)
        assert_gives(student, first_layer_filters(layer))


@exercise("first_layer_filters")
def test_filters_with_bias(student, rng):
    """Without batch normalisation a filter is a unit's weights as they are."""
    for d, m in (5, 3), (3, 3):
        assert_gives(student, first_layer_filters(layer_for(rng, d, m, False)))


@exercise("first_layer_filters", weight=0.5)
def test_filters_float32(student, rng):
    """Filters of a float32 layer are float32, and the layer is as it was."""
    layer = layer_for(rng, 5, 3, True)
    assert_keeps_float32(student, first_layer_filters(layer))
    assert_unchanged(student, "first_layer_filters", layer)


def second_layer_filters(below, above):
    f, weights = filters(below), filters(above)
    d, j = below["w"].shape
    projected = [[sum(row[i] * f[i, k] for i in range(j)) for k in range(d)] for row in weights]
    expected = Right(np.array(projected), "MD", EXACT)
    return Case("second_layer_filters", (below, above), filters=expected)


@exercise("second_layer_filters", weight=2)
def test_second_filters(student, rng):
    """A filter of the second layer adds up those of the first with its own scaled weights."""
    for (d, j, m), first, second in itertools.product(
        ((5, 4, 3), (3, 3, 3)), (True, False), (True, False)
    ):
        below, above = layer_for(rng, d, j, first), layer_for(rng, j, m, second)
        assert_gives(student, second_layer_filters(below, above))


@exercise("second_layer_filters", weight=0.5)
def test_second_filters_float32(student, rng):
    """Projected filters of float32 layers are float32, and the layers are as they were."""
    below, above = layer_for(rng, 5, 4, True), layer_for(rng, 4, 3, True)
    assert_keeps_float32(student, second_layer_filters(below, above))
    assert_unchanged(student, "second_layer_filters", below, above)


# Labels and the classifier


@exercise("few_labels", weight=2)
def test_few_labels_are_stratified(student, rng):
    """Each class is drawn as often as asked for, whatever its labels are, and no sample twice."""
    for labels, per_class in ((0, 1, 2), 4), ((3, 7), 1), ((5,), 6), ((2, 0, 9, 4), 3):
        y = rng.permutation(np.repeat(labels, rng.integers(per_class, 20, len(labels))))
        chosen = np.asarray(student.few_labels(y, per_class, rng))
        assert chosen.shape == (len(labels) * per_class,), (
            f"{len(labels)} classes with {per_class} samples each should give "
            f"{len(labels) * per_class} places, and the result has the shape {chosen.shape}."
        )
        assert len(set(chosen.tolist())) == len(chosen), "A sample is drawn more than once."
        for label in labels:
            count = int(np.sum(y[chosen] == label))
            assert count == per_class, (
                f"A class is drawn {count} times, and should be {per_class} times."
            )


@exercise("few_labels", weight=2)
def test_few_labels_are_random(student, rng):
    """All samples of a class have the same chance, and the draws come from rng."""
    y = np.repeat([0, 1], 6)
    count = np.zeros(12)
    for _ in range(300):
        chosen = student.few_labels(y, 2, np.random.default_rng(int(rng.integers(2**32))))
        assert len(chosen) == 4, f"Two samples of each of two classes are 4, not {len(chosen)}."
        count[np.asarray(chosen)] += 1
    assert count.min() > 60 and count.max() < 145, (
        "Some samples are drawn far more often than others of their class."
    )
    first, second = (student.few_labels(y, 2, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second), "The same seed should draw the same samples."


@exercise("few_labels", weight=0.5)
def test_few_labels_of_all(student, rng):
    """Asked for as many as there are, it gives all, and leaves y as it was."""
    y = np.array([1, 0, 1, 0, 2, 2])
    chosen = student.few_labels(y, 2, rng)
    assert sorted(np.asarray(chosen).tolist()) == list(range(6)), "All six samples are wanted."
    lent = Lent(student, y=y)
    student.few_labels(lent["y"], 1, rng)
    lent.assert_unchanged("few_labels changes {} in place.")


def classification(w, b, x, y, strength):
    """Cross-entropy row by row, and the penalty."""
    total = 0.0
    for row, label in zip(x, y, strict=True):
        scores = [sum(row * column) + bias for column, bias in zip(w.T, b, strict=True)]
        top = max(scores)
        total += top + math.log(sum(math.exp(s - top) for s in scores)) - scores[label]
    return total / len(x) + 0.5 * strength * sum(v * v for v in w.ravel())


def classifier_case(rng, n, d, c):
    return (
        0.5 * rng.standard_normal((d, c)),
        0.5 * rng.standard_normal(c),
        rng.standard_normal((n, d)),
        rng.integers(0, c, n),
    )


def classifier_loss(w, b, x, y, strength):
    given, sizes = (w, b, x, y, strength), {"N": len(x), "D": len(w), "C": len(b)}
    return Case.loss(
        "classifier_loss", classification, given, EXACT, sizes, loss=None, dw="DC", db="C"
    )


@exercise("classifier_loss", weight=2)
def test_classifier_value(student, rng):
    """The loss is the mean cross-entropy plus the penalty of the weights."""
    for n, d, c in (5, 3, 4), (1, 4, 2), (3, 3, 3):
        for strength in 0.0, 0.3:
            case = classifier_loss(*classifier_case(rng, n, d, c), strength)
            assert_gives(student, case, "loss")


@exercise("classifier_loss", weight=2)
def test_classifier_gradients(student, rng):
    """dw and db are the derivatives of the loss, penalty and all."""
    for n, d, c in (5, 3, 4), (1, 4, 2), (3, 3, 3):
        for strength in 0.0, 0.3:
            case = classifier_loss(*classifier_case(rng, n, d, c), strength)
            assert_gives(student, case, "dw", "db")


@exercise("classifier_loss")
def test_classifier_extremes(student):
    """Scores of thousands overflow nothing: a wrong one costs as much as it is too large."""
    w, b = np.array([[1.0, -1.0]]), np.array([0.0, 0.0])
    x, y = np.array([[1000.0], [-1000.0], [1000.0], [0.0]]), np.array([1, 1, 0, 0])
    loss, dw, db = student.classifier_loss(w, b, x, y)
    assert_close(loss, (2000 + math.log(2)) / 4, name="loss")
    assert_close(dw, np.array([[250.0, -250.0]]), name="dw", axes="DC")
    assert_close(db, np.array([0.125, -0.125]), name="db", axes="C")


@exercise("classifier_loss", weight=0.5)
def test_classifier_float32(student, rng):
    """The classifier's gradients keep float32, and its inputs are left alone."""
    case = classifier_loss(*classifier_case(rng, 6, 5, 3), 0.1)
    assert_keeps_float32(student, case)
    assert_unchanged(student, "classifier_loss", *case.arguments)


# The variational autoencoder


def kl_of(mu, logvar):
    """The divergence, coordinate by coordinate."""
    pairs = zip(mu.ravel(), logvar.ravel(), strict=True)
    return sum(0.5 * (m * m + math.exp(s) - s - 1) for m, s in pairs) / len(mu)


def likelihood(logits, x):
    """Minus log of the Bernoulli likelihood, pixel by pixel, for small logits."""
    total = 0.0
    for z, t in zip(logits.ravel(), x.ravel(), strict=True):
        p = 1 / (1 + math.exp(-z))
        total -= t * math.log(p) + (1 - t) * math.log(1 - p)
    return total / len(x)


def reparameterise_forward(mu, logvar, noise):
    deviation = each(lambda s: math.sqrt(math.exp(s)), logvar)
    cache = {"std": Right(deviation, "NK", EXACT), "noise": Right(noise, "NK")}
    z = Right(mu + deviation * noise, "NK", EXACT)
    return Case("reparameterise_forward", (mu, logvar, noise), z=z, cache=cache)


def reparameterise_backward(mu, logvar, noise, dz):
    draw = lambda m, s: m + np.sqrt(np.exp(s)) * noise  # noqa: E731
    cache = np.sqrt(np.exp(logvar)), noise
    return Case.backward(
        "reparameterise_backward", draw, (mu, logvar), dz, cache, dmu="NK", dlogvar="NK"
    )


@exercise("reparameterise")
def test_draw_toy(student):
    """With a variance of 4, a mean of 1 and noise of ½, the draw is 2."""
    z, _ = student.reparameterise_forward(
        np.array([[1.0, -1.0]]), np.array([[math.log(4), 0.0]]), np.array([[0.5, -2.0]])
    )
    assert_close(z, np.array([[2.0, -3.0]]), name="z", axes="NK")


@exercise("reparameterise", weight=2)
def test_draw_random(student, rng):
    """The draw is the mean plus the standard deviation times the noise."""
    for shape in (5, 3), (1, 4), (3, 3):
        mu, logvar, noise = rng.standard_normal((3, *shape))
        assert_gives(student, reparameterise_forward(mu, 3 * logvar, noise), "z", "cache")


@exercise("reparameterise", weight=2)
def test_draw_gradients(student, rng):
    """dmu and dlogvar are the derivatives of the draw, the noise being held."""
    for shape in (5, 3), (1, 4), (3, 3):
        assert_gives(student, reparameterise_backward(*rng.standard_normal((4, *shape))))


@exercise("reparameterise")
def test_draw_extremes(student):
    """A vanishing variance draws the mean itself, and a variance of e⁶⁰⁰ overflows nothing."""
    mu, logvar, noise = np.array([[2.0, -1.0]]), np.array([[-2000.0, 600.0]]), np.ones((1, 2))
    z, _ = student.reparameterise_forward(mu, logvar, noise)
    assert_close(z, np.array([[2.0, math.exp(300)]]), name="z", axes="NK")


@exercise("reparameterise", weight=0.5)
def test_draw_float32(student, rng):
    """The draw and its gradients keep float32, and leave what they are given alone."""
    mu, logvar, noise, dz = rng.standard_normal((4, 5, 3))
    backward = reparameterise_backward(mu, logvar, noise, dz)
    assert_keeps_float32(student, reparameterise_forward(mu, logvar, noise), backward)
    assert_unchanged(student, "reparameterise_forward", mu, logvar, noise)
    assert_unchanged(student, "reparameterise_backward", *backward.arguments)


def kl_divergence(mu, logvar):
    given, sizes = (mu, logvar), dict(zip("NK", mu.shape, strict=True))
    return Case.loss("kl_divergence", kl_of, given, EXACT, sizes, kl=None, dmu="NK", dlogvar="NK")


@exercise("kl_divergence")
def test_kl_toy(student):
    """The standard normal costs nothing; a mean of 2 costs 2, a variance of e costs (e − 2)/2."""
    kl, dmu, dlogvar = student.kl_divergence(np.zeros((3, 2)), np.zeros((3, 2)))
    assert_close(kl, 0.0, name="kl")
    assert_close(dmu, np.zeros((3, 2)), name="dmu", axes="NK")
    assert_close(dlogvar, np.zeros((3, 2)), name="dlogvar", axes="NK")
    kl, _, _ = student.kl_divergence(np.array([[2.0, 0.0]]), np.array([[0.0, 1.0]]))
    assert_close(kl, 2 + (math.e - 2) / 2, name="kl", sizes={"K": 2})


@exercise("kl_divergence", weight=2)
def test_kl_value(student, rng):
    """The divergence is summed over K and averaged over N."""
    for n, k in (5, 3), (1, 4), (4, 1), (3, 3):
        assert_gives(student, kl_divergence(*rng.standard_normal((2, n, k))), "kl")


@exercise("kl_divergence", weight=2)
def test_kl_gradients(student, rng):
    """dmu and dlogvar are the derivatives of the divergence."""
    for n, k in (5, 3), (1, 4), (4, 1), (3, 3):
        assert_gives(student, kl_divergence(*rng.standard_normal((2, n, k))), "dmu", "dlogvar")


@exercise("kl_divergence")
def test_kl_extremes(student):
    """A variance of e⁻²⁰⁰⁰ costs 999½, and its gradient is −½; one of e³⁰⁰ is finite too."""
    kl, _, dlogvar = student.kl_divergence(np.zeros((1, 1)), np.array([[-2000.0]]))
    assert_close(kl, 999.5, name="kl of a tiny variance")
    assert_close(dlogvar, np.array([[-0.5]]), name="dlogvar of a tiny variance", axes="NK")
    kl, _, dlogvar = student.kl_divergence(np.zeros((1, 1)), np.array([[300.0]]))
    assert_close(kl, 0.5 * (math.exp(300) - 301), name="kl of a huge variance")
    expected = np.array([[0.5 * (math.exp(300) - 1)]])
    assert_close(dlogvar, expected, name="dlogvar of a huge variance", axes="NK")


@exercise("kl_divergence", weight=0.5)
def test_kl_float32(student, rng):
    """The divergence's gradients keep float32, and its inputs are left alone."""
    mu, logvar = rng.standard_normal((2, 6, 4))
    assert_keeps_float32(student, kl_divergence(mu, logvar))
    assert_unchanged(student, "kl_divergence", mu, logvar)


def bernoulli_loss(logits, x):
    given, sizes = (logits, x), dict(zip("ND", x.shape, strict=True))
    return Case.loss("bernoulli_loss", likelihood, given, EXACT, sizes, nll=None, dlogits="ND")


@exercise("bernoulli_loss")
def test_bernoulli_toy(student):
    """At logits of zero every pixel costs ln 2, whatever it is; the sum runs over the pixels."""
    nll, dlogits = student.bernoulli_loss(np.zeros((2, 3)), np.array([[0, 1, 0.5], [1, 1, 0.0]]))
    assert_close(nll, 3 * math.log(2), name="nll", sizes={"N": 2, "D": 3})
    expected = np.array([[0.25, -0.25, 0], [-0.25, -0.25, 0.25]])
    assert_close(dlogits, expected, name="dlogits", axes="ND")


@exercise("bernoulli_loss", weight=2)
def test_bernoulli_value(student, rng):
    """The likelihood is summed over D and averaged over N, for grey pixels too."""
    for n, d in (5, 3), (1, 4), (4, 1), (3, 3):
        logits, x = 2 * rng.standard_normal((n, d)), rng.random((n, d))
        assert_gives(student, bernoulli_loss(logits, x), "nll")


@exercise("bernoulli_loss", weight=2)
def test_bernoulli_gradient(student, rng):
    """dlogits is the derivative of the likelihood by each logit."""
    for n, d in (5, 3), (1, 4), (4, 1), (3, 3):
        logits, x = 2 * rng.standard_normal((n, d)), rng.random((n, d))
        assert_gives(student, bernoulli_loss(logits, x), "dlogits")


@exercise("bernoulli_loss")
def test_bernoulli_extremes(student):
    """A logit of 1000 on the wrong side costs 1000, on the right side nothing."""
    logits, x = np.array([[1000.0, -1000.0, 800.0, -800.0]]), np.array([[0.0, 0.0, 1.0, 1.0]])
    nll, dlogits = student.bernoulli_loss(logits, x)
    assert not 0 < float(nll) < 200, (
        f"Logits far on the wrong side cost {float(nll):.4g} instead of 1800: the loss is capped, "
        "as it is by clipped probabilities or by a small number added to them."
    )
    assert_close(nll, 1800.0, name="nll")
    assert_close(dlogits, np.array([[1.0, 0.0, 0.0, -1.0]]), name="dlogits", axes="ND")


@exercise("bernoulli_loss", weight=0.5)
def test_bernoulli_float32(student, rng):
    """The likelihood's gradient keeps float32, and its inputs are left alone."""
    logits, x = rng.standard_normal((6, 4)), rng.random((6, 4))
    assert_keeps_float32(student, bernoulli_loss(logits, x))
    assert_unchanged(student, "bernoulli_loss", logits, x)


# A small model of the judge's own, so that the exercise is tested without the student's network.

FAKE = """
class Fake:
    def __init__(self, a, c, training=True):
        self.a, self.c, self.gradients, self.training = a, c, {}, training

    def encode(self, x):
        self.x, self.h = x, np.tanh(x @ self.a)
        return self.h

    def decode(self, z):
        self.z = z
        return z @ self.c

    def decode_backward(self, dlogits):
        self.gradients["c"] = self.z.T @ dlogits
        return dlogits @ self.c.T

    def encode_backward(self, dz):
        self.gradients["a"] = self.x.T @ (dz * (1 - self.h**2))
"""


def vae_terms(x, noise, a, c):
    """Likelihood and divergence of the small model."""
    k = noise.shape[1]
    h = np.tanh(x @ a)
    mu, logvar = h[:, :k], h[:, k:]
    return likelihood((mu + np.exp(logvar / 2) * noise) @ c, x), kl_of(mu, logvar)


def vae_case(rng, n, d, k):
    x, noise = rng.random((n, d)), rng.standard_normal((n, k))
    return x, noise, rng.standard_normal((d, 2 * k)), rng.standard_normal((k, d))


def fake(student, a, c):
    return evaluated(student, Expression(FAKE, "Fake"))(a, c)


# What the cache holds is the student's own affair, so it never leaves the student's process: a
# mistake is recognised by what it gives, and that would be part of it.
PASSES = Expression(
    """
def passes(forward, backward, model, x, noise):
    out = forward(model, x, noise)
    if not isinstance(out, (tuple, list)) or len(out) != 3:
        raise TypeError("vae_forward should return three things, nll, kl and cache")
    if backward is not None:
        backward(model, out[2])
    return out[0], out[1]
""",
    "passes",
)


def terms(student, model, x, noise):
    """Both terms, by the student's forward pass."""
    return evaluated(student, PASSES)(student.vae_forward, None, model, x, noise)


def there_and_back(student, model, x, noise):
    """Both terms, by the student's forward pass; then the backward pass."""
    passes = evaluated(student, PASSES)
    return passes(student.vae_forward, student.vae_backward, model, x, noise)


@exercise("vae", weight=2)
def test_vae_likelihood(student, rng):
    """The first term is the likelihood of the input, given the logits of the drawn codes."""
    for n, d, k in (5, 4, 2), (1, 3, 3), (4, 6, 1):
        x, noise, a, c = vae_case(rng, n, d, k)
        nll, _ = terms(student, fake(student, a, c), x, noise)
        expected, _ = vae_terms(x, noise, a, c)
        assert_close(nll, float(expected), name="nll", rtol=1e-9, sizes={"N": n, "D": d})


@exercise("vae")
def test_vae_draws_in_evaluation(student, rng):
    """In evaluation the codes are drawn as in training."""
    x, noise, a, c = vae_case(rng, 5, 4, 2)
    model = evaluated(student, Expression(FAKE, "Fake"))(a, c, False)
    nll, _ = terms(student, model, x, noise)
    assert_close(nll, float(vae_terms(x, noise, a, c)[0]), name="nll in evaluation", rtol=1e-9)


@exercise("vae", weight=2)
def test_vae_divergence(student, rng):
    """The second term is the divergence of the encoder's means and log-variances."""
    for n, d, k in (5, 4, 2), (1, 3, 3), (4, 6, 1):
        x, noise, a, c = vae_case(rng, n, d, k)
        _, kl = terms(student, fake(student, a, c), x, noise)
        _, expected = vae_terms(x, noise, a, c)
        assert_close(kl, float(expected), name="kl", rtol=1e-9, sizes={"N": n, "K": k})


@exercise("vae", weight=2)
def test_vae_decoder_gradient(student, rng):
    """The decoder's gradients are those of the likelihood."""
    for n, d, k in (5, 4, 2), (1, 3, 3), (4, 6, 1):
        x, noise, a, c = vae_case(rng, n, d, k)
        model = fake(student, a, c)
        there_and_back(student, model, x, noise)
        f = lambda v, x=x, e=noise, a=a: sum(vae_terms(x, e, a, v))  # noqa: E731
        label = "the decoder's gradient"
        assert_close(model.gradients["c"], numerical_gradient(f, c), name=label, axes="KD")


@exercise("vae", weight=3)
def test_vae_encoder_gradient(student, rng):
    """The encoder's gradients hear from the likelihood, through the draw, and the divergence."""
    for n, d, k in (5, 4, 2), (1, 3, 3), (4, 6, 1):
        x, noise, a, c = vae_case(rng, n, d, k)
        model = fake(student, a, c)
        there_and_back(student, model, x, noise)
        f = lambda v, x=x, e=noise, c=c: sum(vae_terms(x, e, v, c))  # noqa: E731
        label = "the encoder's gradient"
        sizes = {"N": n}
        assert_close(
            model.gradients["a"], numerical_gradient(f, a), name=label, axes="DM", sizes=sizes
        )


@exercise("vae")
def test_vae_float32(student, rng):
    """In float32 the gradients are float32, and x and noise are left alone."""
    x, noise, a, c = vae_case(rng, 6, 4, 2)
    model = fake(student, single(a), single(c))
    lent = Lent(student, x=single(x), noise=single(noise))
    nll, kl = there_and_back(student, model, lent["x"], lent["noise"])
    assert_close(float(nll + kl), float(sum(vae_terms(x, noise, a, c))), name="loss", rtol=1e-5)
    f = lambda v: sum(vae_terms(x, noise, v, c))  # noqa: E731
    assert_float32(model.gradients["a"], numerical_gradient(f, a), name="the encoder's gradient")
    lent.assert_unchanged("The loss changes {}.")


@exercise("vae")
def test_vae_with_the_network(student, rng):
    """With an Autoencoder that ends its encoder in 2 K units, all gradients are right."""
    case = VARIATIONAL
    values, x, noise = network_values(rng, case), rng.random((5, 5)), rng.standard_normal((5, 2))

    def loss(v):
        h, _, _ = run(x, v, case, "encoder")
        mu, logvar = h[:, :2], h[:, 2:]
        logits, _, _ = run(mu + np.exp(logvar / 2) * noise, v, case, "decoder")
        return likelihood(logits, x) + kl_of(mu, logvar)

    net = loaded(student, values, case)
    nll, kl = there_and_back(student, net, x, noise)
    assert_close(float(nll + kl), float(loss(values)), name="nll + kl", rtol=1e-9)
    assert_gradients(net.gradients, loss, values, None)
