"""Hidden tests of `mlp`: every oracle here is the definition written naively, never the reference.

Gradients are compared with central differences of the oracle under a random upstream gradient, so a
backward that agrees with a wrong forward of its own gains nothing.
"""

import math
from itertools import pairwise

import numpy as np

from autograder.gradcheck import numerical_gradient, numerical_gradients
from autograder.testing import (
    Case,
    Expression,
    Lent,
    Right,
    assert_caches,
    assert_close,
    assert_float32,
    assert_gives,
    assert_keeps_float32,
    assert_leaves_inputs_alone,
    each,
    evaluated,
    exercise,
    single,
)

EXACT = 1e-10

# Sizes (N, D, M) at which a Python loop, over samples or over weights, is far slower than COST
# allows, and a matrix product far faster.
TALL, WIDE, COST = (500_000, 1, 1), (1, 600, 600), 0.25

# Networks: a square one, in which a mix-up of layers raises no error, a deep one, and others.
SQUARE = [3, 3, 3], ["tanh", "sigmoid"]
DEEP = [4, 6, 5, 3], ["tanh", "relu", "identity"]
NETWORKS = [
    SQUARE,
    DEEP,
    ([3, 4], ["identity"]),
    ([2, 5, 3], ["sigmoid", "softmax"]),
    ([3, 4, 4, 2, 3], ["elu", "leaky_relu", "tanh", "sigmoid"]),
]


# Oracles, one number at a time


def sigmoid(v):
    return 1 / (1 + math.exp(-v)) if v >= 0 else math.exp(v) / (1 + math.exp(v))


def relu(v):
    return max(v, 0.0)


def leaky_relu(v, slope=0.01):
    return v if v > 0 else slope * v


def elu(v, alpha=1.0):
    return v if v > 0 else alpha * math.expm1(v)


def softmax(x):
    """Rows of exponentials over their sum, written for small x."""
    rows = []
    for row in x.reshape(-1, x.shape[-1]):
        powers = [math.exp(v) for v in row]
        total = sum(powers)
        rows.append([power / total for power in powers])
    return np.array(rows).reshape(x.shape)


def linear(x, w, b):
    """out[n, m] = sum over d of x[n, d] w[d, m], plus b[m]."""
    n, d = x.shape
    m = w.shape[1]
    return np.array(
        [[sum(x[i, k] * w[k, j] for k in range(d)) + b[j] for j in range(m)] for i in range(n)]
    )


def neuron(x, w, b):
    return np.array([sigmoid(sum(p * q for p, q in zip(row, w, strict=True)) + b) for row in x])


def cross_entropy(logits, target):
    """Mean over the rows of -log softmax at the target."""
    rows = [-math.log(p[t]) for p, t in zip(softmax(logits), target, strict=True)]
    return sum(rows) / len(rows)


ACTIVATIONS = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "softmax": softmax,
}


def mlp(x, parameters, activations):
    """The whole network, and the smallest |z| before an activation: the distance to a kink."""
    margin = np.inf
    for layer, activation in enumerate(activations, start=1):
        z = x @ parameters[f"w{layer}"] + parameters[f"b{layer}"]
        margin = min(margin, np.abs(z).min())
        x = ACTIVATIONS[activation](z)
    return x, margin


# Inputs and comparisons


def away_from_zero(rng, *shape):
    """Numbers of both signs, at least 0.1 away from the kink at 0."""
    return rng.uniform(0.1, 2.0, shape) * rng.choice([-1.0, 1.0], shape)


def parameters_for(rng, sizes):
    """Weights and biases, none of them zero, under the names that MLP uses."""
    values = {}
    for layer, (d, m) in enumerate(pairwise(sizes), start=1):
        values[f"w{layer}"] = rng.standard_normal((d, m)) / math.sqrt(d)
        values[f"b{layer}"] = 0.5 * rng.standard_normal(m)
    return values


def assert_slope(gradient, f, x, dout, rng, name):
    """Of a large gradient only the slope along one random direction, which two calls of f tell."""
    direction, h = rng.standard_normal(x.shape), 1e-5
    expected = np.sum(dout * (f(x + h * direction) - f(x - h * direction))) / (2 * h)
    assert np.shape(gradient) == x.shape, f"{name} should have the shape {x.shape}."
    label = f"{name} along a random direction"
    assert_close(float(np.sum(gradient * direction)), float(expected), name=label, rtol=1e-6)


# A single neuron


@exercise("neuron_forward")
def test_neuron_toy(student):
    """A neuron gives σ(x·w + b), on numbers that can be followed by hand."""
    out, _ = student.neuron_forward(
        np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 1.0]]), np.array([1.0, 2.0]), math.log(3) - 2.0
    )
    logits = [1 + math.log(3), math.log(3), math.log(3)]
    assert_close(out, np.array([sigmoid(v) for v in logits]), name="out", axes="N", rtol=EXACT)


def neuron_inputs(rng, n, d):
    """A random x, w and b."""
    return rng.standard_normal((n, d)), rng.standard_normal(d), float(rng.standard_normal())


def neuron_forward(x, w, b):
    out = Right(neuron(x, w, b), "N", EXACT)
    cache = {"x": Right(x, "ND"), "w": Right(w, "D"), "out": out}
    return Case("neuron_forward", (x, w, b), out=out, cache=cache)


def neuron_backward(x, w, b, dout):
    given, cache, sizes = (x, w, b), neuron_forward(x, w, b).cache, {"N": len(x), "D": len(w)}
    return Case.backward(
        "neuron_backward", neuron, given, dout, cache, sizes, dx="ND", dw="D", db=None
    )


@exercise("neuron_forward", weight=2)
def test_neuron_random(student, rng):
    """A neuron gives one activation per sample, whatever N and D are."""
    for n, d in (5, 3), (1, 4), (4, 1), (3, 3):
        assert_gives(student, neuron_forward(*neuron_inputs(rng, n, d)))


@exercise("neuron_forward", weight=0.5)
def test_neuron_cache(student, rng):
    """The neuron's cache is (x, w, out)."""
    x, w, _ = neuron_inputs(rng, 4, 3)
    assert_caches(student, neuron_forward(x, w, 0.5))


@exercise("neuron_forward", weight=0.5)
def test_neuron_float32(student, rng):
    """float32 inputs to a neuron give float32 activations."""
    x, w, _ = neuron_inputs(rng, 6, 4)
    assert_keeps_float32(student, neuron_forward(x, w, 0.25))


@exercise("neuron_forward", weight=0.5)
def test_neuron_leaves_its_inputs_alone(student, rng):
    """The neuron's forward gives its activations without changing x or w."""
    x, w, _ = neuron_inputs(rng, 4, 3)
    assert_leaves_inputs_alone(student, neuron_forward(x, w, -0.5))


@exercise("neuron_backward")
def test_neuron_backward_toy(student):
    """At out = ½ the neuron passes on a quarter of dout, times w to x, times x to w."""
    cache = (np.array([[2.0, -4.0]]), np.array([3.0, 5.0]), np.array([0.5]))
    dx, dw, db = student.neuron_backward(np.array([4.0]), cache)
    assert_close(dx, np.array([[3.0, 5.0]]), name="dx", axes="ND")
    assert_close(dw, np.array([2.0, -4.0]), name="dw", axes="D")
    assert_close(db, 1.0, name="db")


@exercise("neuron_backward", weight=2)
def test_neuron_input_gradient(student, rng):
    """dx is the derivative of the neuron's output by each of its inputs."""
    for n, d in (5, 3), (1, 4), (3, 3):
        case = neuron_backward(*neuron_inputs(rng, n, d), rng.standard_normal(n))
        assert_gives(student, case, "dx")


@exercise("neuron_backward", weight=2)
def test_neuron_weight_gradient(student, rng):
    """dw sums, over the batch, what each sample contributes to the weights' gradient."""
    for n, d in (5, 3), (1, 4), (3, 3):
        case = neuron_backward(*neuron_inputs(rng, n, d), rng.standard_normal(n))
        assert_gives(student, case, "dw")


@exercise("neuron_backward", weight=2)
def test_neuron_bias_gradient(student, rng):
    """db is one number: the bias's gradient summed over the batch."""
    for n, d in (5, 3), (1, 4), (4, 1):
        case = neuron_backward(*neuron_inputs(rng, n, d), rng.standard_normal(n))
        assert_gives(student, case, "db")


@exercise("neuron_backward", weight=0.5)
def test_neuron_backward_float32(student, rng):
    """float32 in the neuron's cache gives float32 gradients."""
    case = neuron_backward(*neuron_inputs(rng, 6, 4), rng.standard_normal(6))
    assert_keeps_float32(student, case)


@exercise("neuron_backward", weight=0.5)
def test_neuron_backward_leaves_its_inputs_alone(student, rng):
    """The neuron's backward gives its gradients without changing dout or the cache."""
    case = neuron_backward(*neuron_inputs(rng, 4, 3), rng.standard_normal(4))
    assert_leaves_inputs_alone(student, case)


@exercise("neuron_backward", weight=2, cpu_seconds=COST)
def test_neuron_gradient_is_a_formula(student, rng):
    """The neuron's gradients come from a formula: they cost no more for thousands of inputs."""
    x, w, dout = rng.standard_normal((3, 5000)), rng.standard_normal(5000) / 50, rng.random(3)
    dx, dw, _ = student.neuron_backward(dout, (x, w, neuron(x, w, 0.5)))
    assert_slope(dx, lambda v: neuron(v, w, 0.5), x, dout, rng, "dx")
    assert_slope(dw, lambda v: neuron(x, v, 0.5), w, dout, rng, "dw")


# Activations


class Activation:
    """What an activation should do: its name, its scalar function, what its forward keeps."""

    def __init__(self, name, f, *keeps):
        self.name, self.f, self.keeps = name, f, keeps

    def of(self, x, *options):
        return each(lambda v: self.f(v, *options), x)

    def forward(self, x, *options, axes=None):
        out = self.of(x, *options)
        arrays = {"x": Right(x, axes, EXACT), "out": Right(out, axes, EXACT)}
        cache = {name: arrays.get(name) or Right(*options, rtol=EXACT) for name in self.keeps}
        if len(cache) == 1:
            (cache,) = cache.values()
        return Case(f"{self.name}_forward", (x, *options), out=arrays["out"], cache=cache)

    def backward(self, x, dout, *options, axes=None):
        f, cache = lambda v: self.of(v, *options), self.forward(x, *options).cache
        return Case.backward(f"{self.name}_backward", f, (x,), dout, cache, dx=axes)

    def both(self, x, dout, *options):
        """The forward and the backward of a batch."""
        forward = self.forward(x, *options, axes="ND")
        return forward, self.backward(x, dout, *options, axes="ND")


SIGMOID = Activation("sigmoid", sigmoid, "out")
TANH = Activation("tanh", math.tanh, "out")
RELU = Activation("relu", relu, "x")
LEAKY_RELU = Activation("leaky_relu", leaky_relu, "x", "slope")
ELU = Activation("elu", elu, "x", "out", "alpha")


@exercise("sigmoid")
def test_sigmoid_toy(student):
    """σ(0) is ½, σ(ln 3) is ¾, σ(−ln 3) is ¼."""
    out, _ = student.sigmoid_forward(np.array([0.0, math.log(3), -math.log(3)]))
    assert_close(out, np.array([0.5, 0.75, 0.25]), name="out", rtol=EXACT)


@exercise("sigmoid", weight=2)
def test_sigmoid_random(student, rng):
    """The sigmoid works element by element, on arrays of any shape."""
    for shape in (7,), (4, 3), (2, 3, 4), (1, 1):
        assert_gives(student, SIGMOID.forward(3 * rng.standard_normal(shape)))


@exercise("sigmoid", weight=2)
def test_sigmoid_large_inputs(student):
    """The sigmoid is 0 far to the left and 1 far to the right, without overflow."""
    out, _ = student.sigmoid_forward(np.array([-1000.0, 1000.0, -750.0, 750.0, 0.7, -1.3]))
    expected = np.array([0.0, 1.0, 0.0, 1.0, sigmoid(0.7), sigmoid(-1.3)])
    assert_close(out, expected, name="out", rtol=EXACT)


@exercise("sigmoid", weight=0.5)
def test_sigmoid_cache(student, rng):
    """The sigmoid's cache is its output."""
    assert_caches(student, SIGMOID.forward(rng.standard_normal((3, 4)), axes="ND"))


@exercise("sigmoid", weight=2)
def test_sigmoid_gradient(student, rng):
    """The sigmoid's backward is dout times the slope at x, computed from the cached output."""
    for shape in (6,), (4, 3), (2, 2, 3):
        x, dout = 2 * rng.standard_normal(shape), rng.standard_normal(shape)
        assert_gives(student, SIGMOID.backward(x, dout))


@exercise("sigmoid", weight=0.5)
def test_sigmoid_float32(student, rng):
    """The sigmoid and its gradient keep float32."""
    x, dout = rng.standard_normal((2, 5, 3))
    assert_keeps_float32(student, *SIGMOID.both(x, dout))


@exercise("sigmoid", weight=0.5)
def test_sigmoid_leaves_its_inputs_alone(student, rng):
    """The sigmoid and its gradient change neither x, nor dout, nor the cache."""
    x, dout = rng.standard_normal((2, 4, 3))
    assert_leaves_inputs_alone(student, *SIGMOID.both(x, dout))


@exercise("tanh")
def test_tanh_toy(student):
    """tanh(0) is 0, tanh(ln 2) is 3/5, tanh(−ln 3) is −4/5."""
    out, _ = student.tanh_forward(np.array([0.0, math.log(2), -math.log(3)]))
    assert_close(out, np.array([0.0, 0.6, -0.8]), name="out", rtol=EXACT)


@exercise("tanh", weight=2)
def test_tanh_random(student, rng):
    """tanh works element by element, on arrays of any shape."""
    for shape in (7,), (4, 3), (2, 3, 4), (1, 1):
        assert_gives(student, TANH.forward(2 * rng.standard_normal(shape)))


@exercise("tanh")
def test_tanh_large_inputs(student):
    """tanh is −1 far to the left and 1 far to the right, without overflow."""
    out, _ = student.tanh_forward(np.array([-1000.0, 1000.0, 0.7, -1.3]))
    expected = np.array([-1.0, 1.0, math.tanh(0.7), math.tanh(-1.3)])
    assert_close(out, expected, name="out", rtol=EXACT)


@exercise("tanh", weight=0.5)
def test_tanh_cache(student, rng):
    """The cache of tanh is its output."""
    assert_caches(student, TANH.forward(rng.standard_normal((3, 4)), axes="ND"))


@exercise("tanh", weight=2)
def test_tanh_gradient(student, rng):
    """The backward of tanh is dout times the slope at x, computed from the cached output."""
    for shape in (6,), (4, 3), (2, 2, 3):
        x, dout = rng.standard_normal((2, *shape))
        assert_gives(student, TANH.backward(x, dout))


@exercise("tanh", weight=0.5)
def test_tanh_float32(student, rng):
    """tanh and its gradient keep float32."""
    x, dout = rng.standard_normal((2, 5, 3))
    assert_keeps_float32(student, *TANH.both(x, dout))


@exercise("tanh", weight=0.5)
def test_tanh_leaves_its_inputs_alone(student, rng):
    """tanh and its gradient change neither x, nor dout, nor the cache."""
    x, dout = rng.standard_normal((2, 4, 3))
    assert_leaves_inputs_alone(student, *TANH.both(x, dout))


@exercise("relu")
def test_relu_toy(student):
    """ReLU keeps what is positive and turns the rest into 0."""
    out, _ = student.relu_forward(np.array([[-2.0, 0.5], [3.0, -0.25]]))
    assert_close(out, np.array([[0.0, 0.5], [3.0, 0.0]]), name="out", axes="ND", rtol=EXACT)


@exercise("relu", weight=2)
def test_relu_random(student, rng):
    """ReLU works element by element, on arrays of any shape."""
    for shape in (7,), (4, 3), (2, 3, 4), (1, 1):
        assert_gives(student, RELU.forward(5 * rng.standard_normal(shape)))


@exercise("relu", weight=0.5)
def test_relu_cache(student, rng):
    """The cache of ReLU is its input."""
    assert_caches(student, RELU.forward(rng.standard_normal((3, 4)), axes="ND"))


@exercise("relu", weight=2)
def test_relu_gradient(student, rng):
    """ReLU passes dout on where its input was positive, and stops it elsewhere."""
    for shape in (6,), (4, 3), (2, 2, 3):
        x, dout = away_from_zero(rng, *shape), rng.standard_normal(shape)
        assert_gives(student, RELU.backward(x, dout))


@exercise("relu")
def test_relu_gradient_at_zero(student):
    """ReLU's gradient at an input of exactly 0 is 0."""
    dx = student.relu_backward(np.array([5.0, 7.0, 11.0]), np.array([0.0, 1.0, -0.0]))
    assert_close(dx, np.array([0.0, 7.0, 0.0]), name="dx", rtol=EXACT)


@exercise("relu", weight=0.5)
def test_relu_float32(student, rng):
    """ReLU and its gradient keep float32."""
    x, dout = away_from_zero(rng, 5, 3), rng.standard_normal((5, 3))
    assert_keeps_float32(student, *RELU.both(x, dout))


@exercise("relu", weight=0.5)
def test_relu_leaves_its_inputs_alone(student, rng):
    """ReLU and its gradient change neither x, nor dout, nor the cache."""
    x, dout = away_from_zero(rng, 2, 4, 3)
    assert_leaves_inputs_alone(student, *RELU.both(x, dout))


@exercise("leaky_relu")
def test_leaky_relu_toy(student):
    """Leaky ReLU keeps what is positive and multiplies the rest by the slope."""
    out, _ = student.leaky_relu_forward(np.array([[-2.0, 0.5], [3.0, -8.0]]), 0.25)
    assert_close(out, np.array([[-0.5, 0.5], [3.0, -2.0]]), name="out", axes="ND", rtol=EXACT)


@exercise("leaky_relu", weight=2)
def test_leaky_relu_random(student, rng):
    """Leaky ReLU works element by element, for any shape and any slope, 0 too."""
    for shape, slope in ((7,), 0.3), ((4, 3), 0.05), ((2, 3, 4), 0.0), ((1, 1), 0.9):
        assert_gives(student, LEAKY_RELU.forward(5 * rng.standard_normal(shape), slope))


@exercise("leaky_relu", weight=0.5)
def test_leaky_relu_default_slope(student):
    """Without a slope given, leaky ReLU uses 0.01."""
    out, _ = student.leaky_relu_forward(np.array([-100.0, 2.0]))
    assert_close(out, np.array([-1.0, 2.0]), name="out", rtol=EXACT)


@exercise("leaky_relu", weight=0.5)
def test_leaky_relu_cache(student, rng):
    """The cache of leaky ReLU is (x, slope)."""
    assert_caches(student, LEAKY_RELU.forward(rng.standard_normal((3, 4)), 0.125, axes="ND"))


@exercise("leaky_relu", weight=2)
def test_leaky_relu_gradient(student, rng):
    """Leaky ReLU passes dout on where its input was positive, and slope times dout elsewhere."""
    for shape, slope in ((6,), 0.3), ((4, 3), 0.01), ((2, 2, 3), 0.0):
        x, dout = away_from_zero(rng, *shape), rng.standard_normal(shape)
        assert_gives(student, LEAKY_RELU.backward(x, dout, slope))


@exercise("leaky_relu", weight=0.5)
def test_leaky_relu_gradient_at_zero(student):
    """Leaky ReLU's gradient at an input of exactly 0 is the slope's."""
    cache = (np.array([0.0, 1.0, -1.0]), 0.5)
    dx = student.leaky_relu_backward(np.array([6.0, 7.0, 10.0]), cache)
    assert_close(dx, np.array([3.0, 7.0, 5.0]), name="dx", rtol=EXACT)


@exercise("leaky_relu", weight=0.5)
def test_leaky_relu_float32(student, rng):
    """Leaky ReLU and its gradient keep float32."""
    x, dout = away_from_zero(rng, 5, 3), rng.standard_normal((5, 3))
    assert_keeps_float32(student, *LEAKY_RELU.both(x, dout, 0.25))


@exercise("leaky_relu", weight=0.5)
def test_leaky_relu_leaves_its_inputs_alone(student, rng):
    """Leaky ReLU and its gradient change neither x, nor dout, nor the cache."""
    x, dout = away_from_zero(rng, 2, 4, 3)
    assert_leaves_inputs_alone(student, *LEAKY_RELU.both(x, dout, 0.1))


@exercise("elu")
def test_elu_toy(student):
    """ELU keeps what is positive; at −ln 2 it is half of −alpha."""
    out, _ = student.elu_forward(np.array([[-math.log(2), 0.5], [3.0, 0.0]]), 3.0)
    assert_close(out, np.array([[-1.5, 0.5], [3.0, 0.0]]), name="out", axes="ND", rtol=EXACT)


@exercise("elu", weight=2)
def test_elu_random(student, rng):
    """ELU works element by element, for any shape and any alpha."""
    for shape, alpha in ((7,), 0.5), ((4, 3), 1.0), ((2, 3, 4), 2.0), ((1, 1), 1.5):
        assert_gives(student, ELU.forward(2 * rng.standard_normal(shape), alpha))


@exercise("elu", weight=0.5)
def test_elu_default_alpha(student):
    """Without an alpha given, ELU uses 1."""
    out, _ = student.elu_forward(np.array([-math.log(2), 2.0]))
    assert_close(out, np.array([-0.5, 2.0]), name="out", rtol=EXACT)


@exercise("elu")
def test_elu_large_inputs(student):
    """ELU is x far to the right and −alpha far to the left, without overflow."""
    out, _ = student.elu_forward(np.array([1000.0, -1000.0, 0.7, -1.3]), 2.0)
    expected = np.array([1000.0, -2.0, 0.7, elu(-1.3, 2.0)])
    assert_close(out, expected, name="out", rtol=EXACT)


@exercise("elu", weight=0.5)
def test_elu_cache(student, rng):
    """The cache of ELU is (x, out, alpha)."""
    assert_caches(student, ELU.forward(rng.standard_normal((3, 4)), 1.5, axes="ND"))


@exercise("elu", weight=2)
def test_elu_gradient(student, rng):
    """ELU passes dout on where its input was positive, and alpha eˣ times dout elsewhere."""
    for shape, alpha in ((6,), 0.5), ((4, 3), 1.0), ((2, 2, 3), 2.0):
        x, dout = away_from_zero(rng, *shape), rng.standard_normal(shape)
        assert_gives(student, ELU.backward(x, dout, alpha))


@exercise("elu", weight=0.5)
def test_elu_gradient_at_zero(student):
    """ELU's gradient at an input of exactly 0 is alpha's."""
    cache = (np.array([0.0, 1.0]), np.array([0.0, 1.0]), 0.5)
    dx = student.elu_backward(np.array([6.0, 7.0]), cache)
    assert_close(dx, np.array([3.0, 7.0]), name="dx", rtol=EXACT)


@exercise("elu", weight=0.5)
def test_elu_gradient_of_large_inputs(student):
    """ELU's gradient is finite for large inputs of either sign."""
    cache = (np.array([1000.0, -1000.0]), np.array([1000.0, -2.0]), 2.0)
    dx = student.elu_backward(np.array([3.0, 5.0]), cache)
    assert_close(dx, np.array([3.0, 0.0]), name="dx", rtol=EXACT)


@exercise("elu", weight=0.5)
def test_elu_float32(student, rng):
    """ELU and its gradient keep float32."""
    x, dout = away_from_zero(rng, 5, 3), rng.standard_normal((5, 3))
    assert_keeps_float32(student, *ELU.both(x, dout, 2.0))


@exercise("elu", weight=0.5)
def test_elu_leaves_its_inputs_alone(student, rng):
    """ELU and its gradient change neither x, nor dout, nor the cache."""
    x, dout = away_from_zero(rng, 2, 4, 3)
    assert_leaves_inputs_alone(student, *ELU.both(x, dout, 0.5))


@exercise("identity")
def test_identity(student, rng):
    """The identity gives back its input, of any shape, and has no cache."""
    for shape in (5,), (4, 3), (2, 3, 4):
        x = rng.standard_normal(shape)
        out, cache = student.identity_forward(x)
        assert_close(out, x, name="out", rtol=EXACT)
        assert cache is None, "The cache of the identity is None: its gradient needs nothing."


@exercise("identity")
def test_identity_gradient(student, rng):
    """The identity passes dout on as it is."""
    for shape in (5,), (4, 3), (2, 3, 4):
        dout = rng.standard_normal(shape)
        assert_close(student.identity_backward(dout, None), dout, name="dx", rtol=EXACT)


@exercise("identity", weight=0.5)
def test_identity_keeps_float32(student, rng):
    """The identity and its gradient keep float32."""
    x = single(rng.standard_normal((4, 3)))
    assert_float32(student.identity_forward(x)[0], x, name="out", axes="ND")
    assert_float32(student.identity_backward(x, None), x, name="dx", axes="ND")


def softmax_forward(x, axes=None):
    out = Right(softmax(x), axes, EXACT)
    return Case("softmax_forward", (x,), out=out, cache=out)


def softmax_backward(x, dout, axes=None):
    return Case.backward("softmax_backward", softmax, (x,), dout, softmax(x), dx=axes)


@exercise("softmax")
def test_softmax_toy(student):
    """Softmax of (0, ln 3) is (¼, ¾), and equal scores share equally."""
    out, _ = student.softmax_forward(np.array([[0.0, math.log(3)], [7.0, 7.0]]))
    assert_close(out, np.array([[0.25, 0.75], [0.5, 0.5]]), name="out", axes="NC", rtol=EXACT)


@exercise("softmax", weight=2)
def test_softmax_random(student, rng):
    """Softmax normalises over the last axis, whatever comes before it."""
    for shape in (5,), (4, 3), (3, 3), (2, 3, 4), (1, 6), (4, 1):
        assert_gives(student, softmax_forward(rng.standard_normal(shape)))


@exercise("softmax", weight=2)
def test_softmax_large_inputs(student):
    """Softmax has no overflow, and no row of it vanishes, however large the scores are."""
    ordinary = np.array([[0.3, -1.2, 0.7]])
    x = [[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -1001.0], [5.0, 1000.0, 1000.0]]
    x, e = np.vstack([x, ordinary]), math.exp(-1)
    expected = [[1, 0, 0], [1 / (2 + e), 1 / (2 + e), e / (2 + e)], [0, 0.5, 0.5]]
    expected = np.vstack([expected, softmax(ordinary)])
    out, _ = student.softmax_forward(x)
    assert_close(out, expected, name="out", axes="NC", rtol=EXACT)


@exercise("softmax", weight=0.5)
def test_softmax_cache(student, rng):
    """Softmax's cache is its output."""
    assert_caches(student, softmax_forward(rng.standard_normal((3, 4)), axes="NC"))


@exercise("softmax")
def test_softmax_gradient_toy(student):
    """Raising one score of a softmax takes probability from the others."""
    dx = student.softmax_backward(np.array([[16.0, 0.0]]), np.array([[0.25, 0.75]]))
    assert_close(dx, np.array([[3.0, -3.0]]), name="dx", axes="NC")


@exercise("softmax", weight=3)
def test_softmax_gradient(student, rng):
    """Softmax's backward multiplies dout by the Jacobian of each row."""
    for shape in (3, 3), (5,), (4, 3), (2, 2, 3):
        x, dout = rng.standard_normal((2, *shape))
        assert_gives(student, softmax_backward(x, dout))


@exercise("softmax", weight=0.5)
def test_softmax_float32(student, rng):
    """Softmax and its gradient keep float32."""
    x, dout = rng.standard_normal((2, 5, 3))
    assert_keeps_float32(student, softmax_forward(x, "NC"), softmax_backward(x, dout, "NC"))


@exercise("softmax", weight=0.5)
def test_softmax_leaves_its_inputs_alone(student, rng):
    """Softmax and its gradient change neither x, nor dout, nor the cache."""
    x, dout = rng.standard_normal((2, 4, 3))
    assert_leaves_inputs_alone(student, softmax_forward(x, "NC"), softmax_backward(x, dout))


@exercise("softmax", weight=2, cpu_seconds=COST)
def test_softmax_gradient_is_a_formula(student, rng):
    """Softmax's gradient comes from a formula: it is quick for hundreds of classes."""
    x, dout = rng.standard_normal((2, 40, 300))
    dx = student.softmax_backward(dout, softmax(x))
    assert_slope(dx, softmax, x, dout, rng, "dx")


# The linear layer


def linear_inputs(rng, n, d, m):
    """A random x, w, b and dout."""
    return tuple(2 * rng.random(shape) - 1 for shape in ((n, d), (d, m), (m,), (n, m)))


def linear_forward(x, w, b, *_):
    cache = {"x": Right(x, "ND", EXACT), "w": Right(w, "DM", EXACT), "b": Right(b, "M", EXACT)}
    return Case("linear_forward", (x, w, b), out=Right(linear(x, w, b), "NM", EXACT), cache=cache)


def linear_backward(x, w, b, dout):
    given, sizes = (x, w, b), {"N": len(x)}
    return Case.backward(
        "linear_backward", linear, given, dout, given, sizes, dx="ND", dw="DM", db="M"
    )


LINEAR_SIZES = (3, 3, 3), (5, 4, 2), (1, 4, 2), (4, 1, 3), (2, 3, 1)


@exercise("linear_forward")
def test_linear_toy(student):
    """Each output of a linear layer is a weighted sum of the inputs, plus its own bias."""
    x, w = np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]])
    out, _ = student.linear_forward(x, w, np.array([0.5, 0.0, 1.0]))
    assert_close(out, np.array([[5.5, 2.0, 0.0], [-1.5, -1.0, 1.0]]), name="out", axes="NM")


@exercise("linear_forward", weight=2)
def test_linear_random(student, rng):
    """A linear layer maps (N, D) to (N, M), whatever N, D and M are."""
    for sizes in LINEAR_SIZES:
        assert_gives(student, linear_forward(*linear_inputs(rng, *sizes)))


@exercise("linear_forward", weight=0.5)
def test_linear_cache(student, rng):
    """The linear layer's cache is (x, w, b)."""
    assert_caches(student, linear_forward(*linear_inputs(rng, 5, 4, 3)))


@exercise("linear_forward", weight=0.5)
def test_linear_float32(student, rng):
    """float32 inputs to a linear layer give float32 outputs."""
    assert_keeps_float32(student, linear_forward(*linear_inputs(rng, 5, 4, 3)))


@exercise("linear_forward", weight=0.5)
def test_linear_leaves_its_inputs_alone(student, rng):
    """The linear layer's forward gives its outputs without changing x, w or b."""
    assert_leaves_inputs_alone(student, linear_forward(*linear_inputs(rng, 4, 3, 2)))


@exercise("linear_forward", weight=3, cpu_seconds=COST)
def test_linear_is_vectorised(student, rng):
    """The linear layer is one matrix product: no Python loop over samples or weights."""
    for n, d, m in TALL, WIDE:
        x, w, b, _ = linear_inputs(rng, n, d, m)
        out, _ = student.linear_forward(x, w, b)
        assert_close(out, np.einsum("nd,dm->nm", x, w) + b, name="out", axes="NM", rtol=EXACT)


@exercise("linear_backward")
def test_linear_backward_toy(student):
    """The linear layer's gradients on numbers that can be followed by hand."""
    x, w = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]])
    dout = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])
    dx, dw, db = student.linear_backward(dout, (x, w, np.zeros(3)))
    assert_close(dx, np.array([[-1.0, 2.0], [1.0, 1.0]]), name="dx", axes="ND")
    assert_close(dw, np.array([[1.0, 3.0, -1.0], [2.0, 4.0, 0.0]]), name="dw", axes="DM")
    assert_close(db, np.array([1.0, 1.0, 1.0]), name="db", axes="M")


@exercise("linear_backward", weight=2)
def test_linear_input_gradient(student, rng):
    """dx carries each sample's upstream gradient back through the weights."""
    for sizes in LINEAR_SIZES:
        assert_gives(student, linear_backward(*linear_inputs(rng, *sizes)), "dx")


@exercise("linear_backward", weight=2)
def test_linear_weight_gradient(student, rng):
    """dw sums, over the batch, the products of inputs and upstream gradients."""
    for sizes in LINEAR_SIZES:
        assert_gives(student, linear_backward(*linear_inputs(rng, *sizes)), "dw")


@exercise("linear_backward", weight=2)
def test_linear_bias_gradient(student, rng):
    """db sums the upstream gradient over the batch."""
    for sizes in LINEAR_SIZES:
        assert_gives(student, linear_backward(*linear_inputs(rng, *sizes)), "db")


@exercise("linear_backward", weight=0.5)
def test_linear_backward_float32(student, rng):
    """float32 in the linear layer's cache gives float32 gradients."""
    assert_keeps_float32(student, linear_backward(*linear_inputs(rng, 5, 4, 3)))


@exercise("linear_backward", weight=0.5)
def test_linear_backward_leaves_its_inputs_alone(student, rng):
    """The linear layer's backward gives its gradients without changing dout or the cache."""
    assert_leaves_inputs_alone(student, linear_backward(*linear_inputs(rng, 4, 3, 2)))


@exercise("linear_backward", weight=4, cpu_seconds=COST)
def test_linear_backward_is_vectorised(student, rng):
    """The linear layer's gradients are matrix products: no Python loop, no finite differences."""
    for n, d, m in TALL, WIDE:
        x, w, b, dout = linear_inputs(rng, n, d, m)
        dx, dw, db = student.linear_backward(dout, (x, w, b))
        assert_close(dx, np.einsum("nm,dm->nd", dout, w), name="dx", axes="ND")
        assert_close(dw, np.einsum("nd,nm->dm", x, dout), name="dw", axes="DM")
        assert_close(db, np.einsum("nm->m", dout), name="db", axes="M")


# Losses


def squared_error(pred, target):
    pairs = list(zip(pred.ravel(), target.ravel(), strict=True))
    return sum((p - t) ** 2 for p, t in pairs) / len(pairs)


def binary_cross_entropy(logits, target):
    pairs = list(zip(logits.ravel(), target.ravel(), strict=True))
    return -sum(t * math.log(sigmoid(z)) + (1 - t) * math.log(sigmoid(-z)) for z, t in pairs) / len(
        pairs
    )


def elements(x):
    """The sizes by which a mean over all elements may be off."""
    return {"N": len(x), "N·D": x.size} if x.ndim == 2 else {"N": len(x)}


def mse_loss(pred, target, axes=None):
    dpred = numerical_gradient(lambda v: squared_error(v, target), pred)
    return Case(
        "mse_loss",
        (pred, target),
        loss=Right(squared_error(pred, target), rtol=EXACT),
        dpred=Right(dpred, axes, sizes=elements(pred)),
    )


def bce_loss(logits, target, axes=None):
    dlogits = numerical_gradient(lambda v: binary_cross_entropy(v, target), logits)
    return Case(
        "bce_loss",
        (logits, target),
        loss=Right(binary_cross_entropy(logits, target), rtol=EXACT),
        dlogits=Right(dlogits, axes, sizes=elements(logits)),
    )


def one_hot(target, c, kind=float):
    return np.array([[t == k for k in range(c)] for t in target], dtype=kind)


def cross_entropy_loss(logits, target, given=None, sizes=None):
    """Of classes, which are given as they are or in another form."""
    arguments = logits, target if given is None else given
    return Case.loss(
        "cross_entropy_loss",
        lambda v, _: cross_entropy(v, target),
        arguments,
        EXACT,
        sizes,
        loss=None,
        dlogits="NC",
    )


@exercise("mse_loss")
def test_mse_toy(student):
    """The errors 0, 1, 2 and 3 have a mean square of 3½."""
    loss, dpred = student.mse_loss(np.array([[1.0, 2.0], [3.0, 4.0]]), np.ones((2, 2)))
    assert_close(loss, 3.5, name="loss", rtol=EXACT)
    assert_close(dpred, np.array([[0.0, 0.5], [1.0, 1.5]]), name="dpred", axes="ND", rtol=EXACT)


@exercise("mse_loss", weight=2)
def test_mse_is_a_mean_over_all_elements(student, rng):
    """The squared errors are averaged over all elements, for any shape."""
    for shape in (6,), (4, 3), (1, 5), (2, 3, 2):
        pred, target = rng.standard_normal((2, *shape))
        assert_gives(student, mse_loss(pred, target), "loss")


@exercise("mse_loss", weight=3)
def test_mse_gradient(student, rng):
    """dpred is the derivative of the mean squared error by each prediction."""
    for shape in (6,), (4, 3), (1, 5), (2, 3, 2):
        pred, target = rng.standard_normal((2, *shape))
        assert_gives(student, mse_loss(pred, target), "dpred")


@exercise("mse_loss", weight=0.5)
def test_mse_float32(student, rng):
    """The mean squared error keeps float32 in its gradient."""
    pred, target = rng.standard_normal((2, 5, 3))
    assert_keeps_float32(student, mse_loss(pred, target, axes="ND"))


@exercise("mse_loss", weight=0.5)
def test_mse_leaves_its_inputs_alone(student, rng):
    """The mean squared error is right, and changes neither pred nor target."""
    pred, target = rng.standard_normal((2, 4, 3))
    assert_leaves_inputs_alone(student, mse_loss(pred, target))


@exercise("mse_loss", weight=2, cpu_seconds=COST)
def test_mse_gradient_is_a_formula(student, rng):
    """dpred comes from a formula: it is quick for thousands of predictions."""
    pred, target = rng.standard_normal((2, 100, 300))
    _, dpred = student.mse_loss(pred, target)
    f = lambda v: np.mean((v - target) ** 2)  # noqa: E731
    assert_slope(dpred, f, pred, 1, rng, "dpred")


@exercise("bce_loss")
def test_bce_toy(student):
    """A logit of 0 costs ln 2 whatever the target; a logit of ln 3 costs ln 4 − ln 3 when right."""
    loss, dlogits = student.bce_loss(np.array([0.0, math.log(3)]), np.array([0.0, 1.0]))
    assert_close(loss, (3 * math.log(2) - math.log(3)) / 2, name="loss", rtol=EXACT)
    assert_close(dlogits, np.array([0.25, -0.125]), name="dlogits", axes="N", rtol=EXACT)


@exercise("bce_loss", weight=2)
def test_bce_random(student, rng):
    """The binary cross-entropy is averaged over all elements, for targets between 0 and 1."""
    for shape in (6,), (4, 3), (1, 5), (7, 1):
        logits = 2 * rng.standard_normal(shape)
        for target in rng.integers(0, 2, shape).astype(float), rng.random(shape):
            assert_gives(student, bce_loss(logits, target), "loss")


@exercise("bce_loss", weight=3)
def test_bce_gradient(student, rng):
    """dlogits is the derivative of the binary cross-entropy by each logit."""
    for shape in (6,), (4, 3), (1, 5), (7, 1):
        logits = 2 * rng.standard_normal(shape)
        for target in rng.integers(0, 2, shape).astype(float), rng.random(shape):
            assert_gives(student, bce_loss(logits, target), "dlogits")


@exercise("bce_loss", weight=2)
def test_bce_large_logits(student):
    """A large logit on the wrong side costs its size, and its gradient is finite."""
    logits, target = np.array([1000.0, -1000.0, 1000.0, -800.0]), np.array([1.0, 0.0, 0.0, 1.0])
    loss, dlogits = student.bce_loss(logits, target)
    assert_close(loss, 450.0, name="loss", rtol=EXACT)
    assert_close(dlogits, np.array([0.0, 0.0, 0.25, -0.25]), name="dlogits", axes="N", rtol=EXACT)


@exercise("bce_loss", weight=0.5)
def test_bce_integer_targets(student, rng):
    """Targets given as integers 0 and 1 count like 0.0 and 1.0."""
    logits, target = rng.standard_normal(6), np.array([0, 1, 1, 0, 1, 0])
    loss, dlogits = student.bce_loss(logits, target)
    assert_close(loss, binary_cross_entropy(logits, target), name="loss", rtol=EXACT)
    assert_close(dlogits, (each(sigmoid, logits) - target) / 6, name="dlogits", axes="N")


@exercise("bce_loss", weight=0.5)
def test_bce_float32(student, rng):
    """The binary cross-entropy keeps float32 in its gradient."""
    logits, target = rng.standard_normal((5, 3)), rng.integers(0, 2, (5, 3)).astype(float)
    assert_keeps_float32(student, bce_loss(logits, target, axes="ND"))


@exercise("bce_loss", weight=0.5)
def test_bce_leaves_its_inputs_alone(student, rng):
    """The binary cross-entropy is right, and changes neither logits nor target."""
    logits, target = rng.standard_normal((4, 3)), rng.integers(0, 2, (4, 3)).astype(float)
    assert_leaves_inputs_alone(student, bce_loss(logits, target))


@exercise("bce_loss", weight=2, cpu_seconds=COST)
def test_bce_gradient_is_a_formula(student, rng):
    """dlogits comes from a formula: it is quick for thousands of logits."""
    logits, target = rng.standard_normal((100, 300)), rng.random((100, 300))
    _, dlogits = student.bce_loss(logits, target)
    f = lambda v: np.mean(target * np.log1p(np.exp(-v)) + (1 - target) * np.log1p(np.exp(v)))  # noqa: E731
    assert_slope(dlogits, f, logits, 1, rng, "dlogits")


@exercise("cross_entropy_loss")
def test_cross_entropy_toy(student):
    """Equal logits cost ln C; the gradient is the probabilities less the one-hot target, over N."""
    loss, dlogits = student.cross_entropy_loss(np.zeros((2, 4)), np.array([0, 2]))
    assert_close(loss, math.log(4), name="loss", rtol=EXACT)
    expected = np.array([[-0.375, 0.125, 0.125, 0.125], [0.125, 0.125, -0.375, 0.125]])
    assert_close(dlogits, expected, name="dlogits", axes="NC", rtol=EXACT)


@exercise("cross_entropy_loss", weight=2)
def test_cross_entropy_random(student, rng):
    """The cross-entropy is averaged over the batch, and over nothing else."""
    for n, c in (5, 3), (1, 4), (4, 2), (3, 3):
        logits, target = 2 * rng.standard_normal((n, c)), rng.integers(0, c, n)
        case = cross_entropy_loss(logits, target, sizes={"N": n, "C": c})
        assert_gives(student, case, "loss")


@exercise("cross_entropy_loss", weight=3)
def test_cross_entropy_gradient(student, rng):
    """dlogits is the derivative of the cross-entropy by each logit."""
    for n, c in (5, 3), (1, 4), (4, 2), (3, 3):
        logits, target = 2 * rng.standard_normal((n, c)), rng.integers(0, c, n)
        assert_gives(student, cross_entropy_loss(logits, target), "dlogits")


@exercise("cross_entropy_loss", weight=2)
def test_cross_entropy_one_hot(student, rng):
    """A one-hot target gives the same loss and gradient as the class numbers."""
    for n, c in (5, 3), (1, 4), (3, 3):
        logits, target = 2 * rng.standard_normal((n, c)), rng.integers(0, c, n)
        for kind in float, int:
            assert_gives(student, cross_entropy_loss(logits, target, one_hot(target, c, kind)))


@exercise("cross_entropy_loss", weight=2)
def test_cross_entropy_large_logits(student):
    """The cross-entropy is finite and exact however large the logits are."""
    ordinary = np.array([[0.3, -1.2, 0.7]])
    large = [[1000.0, -1000.0, 0.0], [-1000.0, 1000.0, 0.0], [-900.0, -900.0, -2000.0]]
    logits, classes = np.vstack([large, ordinary]), np.array([0, 0, 1, 2])
    total = 2000 + math.log(2) + cross_entropy(ordinary, [2])
    gradient = [[0, 0, 0], [-1, 1, 0], [0.5, -0.5, 0]]
    gradient = np.vstack([gradient, softmax(ordinary) - np.array([0, 0, 1])])
    for target in classes, np.eye(3)[classes]:
        loss, dlogits = student.cross_entropy_loss(logits, target)
        assert_close(loss, total / 4, name="loss", rtol=EXACT)
        assert_close(dlogits, gradient / 4, name="dlogits", axes="NC", rtol=EXACT)


@exercise("cross_entropy_loss", weight=0.5)
def test_cross_entropy_float32(student, rng):
    """The cross-entropy keeps float32 in its gradient."""
    logits, target = rng.standard_normal((5, 3)), rng.integers(0, 3, 5)
    assert_keeps_float32(student, cross_entropy_loss(logits, target))


@exercise("cross_entropy_loss", weight=0.5)
def test_cross_entropy_leaves_its_inputs_alone(student, rng):
    """The cross-entropy is right, and changes neither logits nor target."""
    logits, target = rng.standard_normal((4, 3)), rng.integers(0, 3, 4)
    cases = (cross_entropy_loss(logits, target, given) for given in (None, one_hot(target, 3)))
    assert_leaves_inputs_alone(student, *cases)


@exercise("cross_entropy_loss", weight=2, cpu_seconds=COST)
def test_cross_entropy_gradient_is_a_formula(student, rng):
    """dlogits comes from a formula: it is quick for thousands of logits."""
    logits, target = rng.standard_normal((40, 500)), rng.integers(0, 500, 40)
    _, dlogits = student.cross_entropy_loss(logits, target)
    f = lambda v: cross_entropy(v, target)  # noqa: E731
    assert_slope(dlogits, f, logits, 1, rng, "dlogits")


# The network

ASSIGN = Expression(
    """
def assign(net, values):
    for name, value in values.items():
        net.parameters[name] = value
""",
    "assign",
)


def network_case(rng, sizes, activations, n):
    """Parameters, inputs away from every kink, and an upstream gradient."""
    while True:
        values, x = parameters_for(rng, sizes), rng.standard_normal((n, sizes[0]))
        if mlp(x, values, activations)[1] > 1e-3:
            return values, x, rng.standard_normal((n, sizes[-1]))


def network_gradients(values, x, dout, activations):
    """Central differences of the naive network, for every parameter and for x."""
    gradients = numerical_gradients(lambda v: mlp(x, v, activations)[0], values, dout)
    return gradients, numerical_gradient(lambda v: mlp(v, values, activations)[0], x, dout)


def loaded(student, sizes, activations, values):
    """The student's network with these parameters."""
    net = student.MLP(sizes, activations, rng=np.random.default_rng(0))
    evaluated(student, ASSIGN)(net, values)
    return net


@exercise("MLP")
def test_mlp_parameters(student):
    """The parameters are w1 (D, M), b1 (M,), w2, b2, … of the sizes given."""
    for sizes in [4, 7, 5, 3], [2, 6], [3, 1, 2]:
        activations = ["relu"] * (len(sizes) - 2) + ["identity"]
        parameters = student.MLP(sizes, activations, rng=np.random.default_rng(0)).parameters
        expected = {
            name: v.shape for name, v in parameters_for(np.random.default_rng(0), sizes).items()
        }
        assert set(parameters) == set(expected), (
            f"With {len(sizes) - 1} layers the parameters should be named {', '.join(expected)}."
        )
        for name, shape in expected.items():
            assert np.shape(parameters[name]) == shape, (
                f"{name} has the shape {np.shape(parameters[name])} and should have {shape} "
                f"in a network of sizes {sizes}."
            )


@exercise("MLP")
def test_mlp_biases_start_at_zero(student):
    """All biases start at zero."""
    net = student.MLP([4, 6, 3], ["tanh", "identity"], rng=np.random.default_rng(1), std=0.5)
    for name, size in ("b1", 6), ("b2", 3):
        assert_close(net.parameters[name], np.zeros(size), name=name, axes="M")


@exercise("MLP")
def test_mlp_he_initialisation(student, rng):
    """Without std, weights are normal with He's standard deviation √(2/D), D the layer's own."""
    sizes = [50, 400, 60]
    parameters = student.MLP(sizes, ["relu", "identity"], rng=rng).parameters
    for name, d in ("w1", 50), ("w2", 400):
        assert_normal(parameters[name], math.sqrt(2 / d), name)


@exercise("MLP")
def test_mlp_given_standard_deviation(student, rng):
    """With std, all weights are normal with that standard deviation."""
    parameters = student.MLP([60, 300, 50], ["relu", "identity"], rng=rng, std=0.01).parameters
    for name in "w1", "w2":
        assert_normal(parameters[name], 0.01, name)


def assert_normal(w, std, name):
    """w has the mean, spread and tails of a normal distribution, as far as its size can tell."""
    ratio = np.std(w) / std
    assert abs(ratio - 1) < 5 / math.sqrt(2 * w.size), (
        f"The standard deviation of {name} is {ratio:.3g} times what it should be."
    )
    assert abs(np.mean(w)) < 5 * std / math.sqrt(w.size), f"The mean of {name} should be 0."
    tails = np.mean((w / np.std(w)) ** 4)
    assert abs(tails - 3) < 0.4, f"{name} is not normally distributed: use rng.normal."


@exercise("MLP", weight=0.5)
def test_mlp_draws_from_rng(student, rng):
    """The weights come from rng alone: one call of rng.normal for each layer, w1 first."""
    seed = int(rng.integers(2**32))
    net = student.MLP([3, 5, 2], ["relu", "identity"], rng=np.random.default_rng(seed))
    draws = np.random.default_rng(seed)
    assert_close(
        net.parameters["w1"], draws.normal(0, math.sqrt(2 / 3), (3, 5)), name="w1", axes="DM"
    )
    assert_close(
        net.parameters["w2"], draws.normal(0, math.sqrt(2 / 5), (5, 2)), name="w2", axes="DM"
    )


@exercise("MLP", weight=0.5)
def test_mlp_gradients_start_empty(student, rng):
    """Before the first backward there are no gradients."""
    net = student.MLP([3, 4, 2], ["relu", "identity"], rng=rng)
    assert net.gradients == {}, "gradients should be an empty dict until backward fills it."
    assert len(net.parameters) == 4, "A network of two layers has four parameters."


@exercise("MLP", weight=2)
def test_mlp_forward(student, rng):
    """forward applies weights, bias and activation of each layer, for one layer and several."""
    for sizes, activations in NETWORKS:
        values, x, _ = network_case(rng, sizes, activations, 5)
        net = loaded(student, sizes, activations, values)
        out = net.forward(x)
        assert_close(out, mlp(x, values, activations)[0], name="out", axes="NM", rtol=EXACT)


@exercise("MLP")
def test_mlp_forward_of_other_batches(student, rng):
    """The same network takes batches of any size, one after the other, a single sample too."""
    sizes, activations = DEEP
    values, _, _ = network_case(rng, sizes, activations, 1)
    net = loaded(student, sizes, activations, values)
    for n in 4, 1, 6:
        x = rng.standard_normal((n, sizes[0]))
        expected, _ = mlp(x, values, activations)
        assert_close(net.forward(x), expected, name="out", axes="NM", rtol=EXACT)


@exercise("MLP", weight=3)
def test_mlp_parameter_gradients(student, rng):
    """backward fills gradients with the derivative by every weight and every bias."""
    for sizes, activations in NETWORKS:
        values, x, dout = network_case(rng, sizes, activations, 5)
        net = loaded(student, sizes, activations, values)
        net.forward(x)
        net.backward(dout)
        gradients, (expected, _) = net.gradients, network_gradients(values, x, dout, activations)
        assert set(gradients) == set(expected), (
            "After backward, gradients should have exactly the names of the parameters."
        )
        for name, gradient in expected.items():
            axes = "DM" if name.startswith("w") else "M"
            assert_close(gradients[name], gradient, name=f"gradients['{name}']", axes=axes)


@exercise("MLP", weight=2)
def test_mlp_input_gradient(student, rng):
    """backward returns the gradient with respect to the network's input."""
    for sizes, activations in NETWORKS:
        values, x, dout = network_case(rng, sizes, activations, 4)
        net = loaded(student, sizes, activations, values)
        net.forward(x)
        _, expected = network_gradients(values, x, dout, activations)
        assert_close(net.backward(dout), expected, name="dx", axes="ND")


@exercise("MLP")
def test_mlp_backward_follows_the_last_forward(student, rng):
    """backward belongs to the last forward, whatever went forward before."""
    sizes, activations = SQUARE
    values, x, dout = network_case(rng, sizes, activations, 4)
    net = loaded(student, sizes, activations, values)
    net.forward(rng.standard_normal((4, sizes[0])))
    net.forward(x)
    dx = net.backward(dout)
    expected, expected_dx = network_gradients(values, x, dout, activations)
    assert_close(dx, expected_dx, name="dx", axes="ND")
    for name, gradient in expected.items():
        assert_close(net.gradients[name], gradient, name=f"gradients['{name}']")


@exercise("MLP")
def test_mlp_gradients_are_replaced(student, rng):
    """A second forward and backward replaces the gradients: nothing is added up."""
    sizes, activations = SQUARE
    values, x, dout = network_case(rng, sizes, activations, 4)
    net = loaded(student, sizes, activations, values)
    net.forward(rng.standard_normal((4, sizes[0])))
    net.backward(rng.standard_normal((4, sizes[-1])))
    net.forward(x)
    dx, (expected, expected_dx) = (
        net.backward(dout),
        network_gradients(values, x, dout, activations),
    )
    for name, gradient in expected.items():
        assert_close(net.gradients[name], gradient, name=f"gradients['{name}']")
    assert_close(dx, expected_dx, name="dx", axes="ND")


@exercise("MLP", weight=2)
def test_mlp_update(student, rng):
    """update takes learning_rate times its gradient from every parameter, at every call."""
    sizes, activations = DEEP
    values, x, dout = network_case(rng, sizes, activations, 4)
    net = loaded(student, sizes, activations, values)
    net.forward(x)
    net.backward(dout)
    gradients, _ = network_gradients(values, x, dout, activations)
    for times, rate in (0.25, 0.25), (0.75, 0.5):
        net.update(rate)
        for name, value in values.items():
            assert_close(net.parameters[name], value - times * gradients[name], name=name)
    assert_close(
        net.gradients["w1"], gradients["w1"], name="gradients['w1'] after update", axes="DM"
    )


@exercise("MLP")
def test_mlp_forward_after_update(student, rng):
    """After an update, forward uses the new parameters."""
    sizes, activations = DEEP
    values, x, dout = network_case(rng, sizes, activations, 4)
    net = loaded(student, sizes, activations, values)
    net.forward(x)
    net.backward(dout)
    net.update(0.1)
    gradients, _ = network_gradients(values, x, dout, activations)
    moved = {name: value - 0.1 * gradients[name] for name, value in values.items()}
    assert_close(net.forward(x), mlp(x, moved, activations)[0], name="out", axes="NM")


@exercise("MLP", weight=0.5)
def test_mlp_networks_are_independent(student, rng):
    """Two networks share neither parameters, nor caches, nor gradients."""
    sizes, activations = DEEP
    values, x, dout = network_case(rng, sizes, activations, 4)
    net = loaded(student, sizes, activations, values)
    other = student.MLP(sizes, activations, rng=np.random.default_rng(7))
    net.forward(x)
    other.forward(rng.standard_normal((2, sizes[0])))
    other.backward(rng.standard_normal((2, sizes[-1])))
    other.update(1.0)
    net.backward(dout)
    expected, _ = network_gradients(values, x, dout, activations)
    for name, value in values.items():
        assert_close(net.parameters[name], value, name=name)
        assert_close(net.gradients[name], expected[name], name=f"gradients['{name}']")


@exercise("MLP", weight=0.5)
def test_mlp_leaves_its_inputs_alone(student, rng):
    """The network changes neither the x, nor the dout, nor the lists it is given."""
    sizes, activations = DEEP
    x, dout = rng.standard_normal((4, sizes[0])), rng.standard_normal((4, sizes[-1]))
    lent = Lent(student, sizes=sizes, activations=activations, x=x, dout=dout)
    net = student.MLP(lent["sizes"], lent["activations"], rng=np.random.default_rng(0))
    parameters = net.parameters
    out = net.forward(lent["x"])
    net.backward(lent["dout"])
    net.update(0.5)
    lent.assert_unchanged("The network changes {} in place.")
    assert_close(out, mlp(x, parameters, activations)[0], name="out", axes="NM", rtol=EXACT)


@exercise("MLP", weight=2, cpu_seconds=COST)
def test_mlp_backward_is_backpropagation(student, rng):
    """backward costs little more than forward, however many parameters there are."""
    sizes, activations = [300, 100, 10], ["tanh", "sigmoid"]
    values, x, dout = network_case(rng, sizes, activations, 3)
    net = loaded(student, sizes, activations, values)
    net.forward(x)
    net.backward(dout)
    for name in "w1", "w2":
        f = lambda v, n=name: mlp(x, {**values, n: v}, activations)[0]  # noqa: E731
        label = f"gradients['{name}']"
        assert_slope(net.gradients[name], f, values[name], dout, rng, label)


# Accuracy and training


def accuracy(scores, target, given=None):
    """Of classes, which are given as they are or in another form."""
    hits = [all(row[t] >= v for v in row) for row, t in zip(scores, target, strict=True)]
    arguments = scores, target if given is None else given
    return Case("accuracy", arguments, accuracy=Right(sum(hits) / len(hits)))


@exercise("accuracy")
def test_accuracy_toy(student):
    """Three right of four is an accuracy of ¾."""
    scores = np.array([[0.1, 0.9, 0.0], [2.0, 1.0, 0.0], [-3.0, -2.0, -1.0], [0.0, 0.5, 0.4]])
    assert_close(student.accuracy(scores, np.array([1, 0, 2, 2])), 0.75, name="accuracy")


@exercise("accuracy", weight=2)
def test_accuracy_random(student, rng):
    """Accuracy is the fraction of rows whose largest score is the target's."""
    for n, c in (23, 3), (7, 5), (3, 3), (50, 2):
        scores, target = rng.standard_normal((n, c)), rng.integers(0, c, n)
        assert_gives(student, accuracy(scores, target))


@exercise("accuracy", weight=2)
def test_accuracy_one_hot(student, rng):
    """A one-hot target gives the same accuracy as the class numbers."""
    for n, c in (23, 3), (7, 5), (3, 3):
        scores, target = rng.standard_normal((n, c)), rng.integers(0, c, n)
        for kind in float, int:
            assert_gives(student, accuracy(scores, target, one_hot(target, c, kind)))


@exercise("accuracy", weight=0.5)
def test_accuracy_of_one_sample(student):
    """A single row is either right or wrong."""
    scores = np.array([[-5.0, -1.0, -2.0]])
    assert_close(student.accuracy(scores, np.array([1])), 1.0, name="accuracy")
    assert_close(student.accuracy(scores, np.array([0])), 0.0, name="accuracy")


@exercise("accuracy", weight=0.5)
def test_accuracy_leaves_its_inputs_alone(student, rng):
    """Accuracy is right, and changes neither scores nor target."""
    scores, target = rng.standard_normal((6, 3)), np.array([0, 1, 2, 2, 1, 0])
    cases = (accuracy(scores, target, given) for given in (None, one_hot(target, 3)))
    assert_leaves_inputs_alone(student, *cases)


# A linear model that keeps a diary, and a loss and a metric of its own: training is tested without
# the student's network. The metric is not a mean, so that it tells how the data were cut.

MODEL = """
class Diary:
    def __init__(self, w):
        self.w, self.batches, self.rates, self.forwards = w, [], [], 0

    def forward(self, x):
        self.x, self.forwards = x, self.forwards + 1
        return x @ self.w

    def backward(self, dout):
        self.batches.append(self.x.tolist())
        self.gradient = self.x.T @ dout

    def update(self, learning_rate):
        self.rates.append(learning_rate)
        self.w = self.w - learning_rate * self.gradient

model = Diary(np.array([0.5, -1.0, 0.25]))
"""
LOSS = Expression("lambda out, y: (np.mean((out - y) ** 2), 2 * (out - y) / len(y))")
METRIC = Expression("lambda out, y: float(np.max(np.abs(out - y)))")


def diary(x, y, seed, *, epochs, batch_size, learning_rate, x_val=None, y_val=None, metric=None):
    """What training the linear model should do: history, batches and final weights."""
    draws, w = np.random.default_rng(seed), np.array([0.5, -1.0, 0.25])
    history, batches = {"loss": [], "metric": [], "val_loss": [], "val_metric": []}, []
    for _ in range(epochs):
        order, losses, metrics = list(draws.permutation(len(x))), [], []
        while order:
            batch, order = order[:batch_size], order[batch_size:]
            error = x[batch] @ w - y[batch]
            losses += [np.mean(error**2)] * len(batch)
            metrics += [np.max(np.abs(error))] * len(batch)
            w = w - learning_rate * x[batch].T @ (2 * error / len(batch))
            batches.append(x[batch].tolist())
        history["loss"].append(sum(losses) / len(x))
        history["metric"].append(sum(metrics) / len(x))
        if x_val is not None:
            error = x_val @ w - y_val
            history["val_loss"].append(np.mean(error**2))
            history["val_metric"].append(np.max(np.abs(error)))
    wanted = ["loss"] + ["metric"] * bool(metric) + ["val_loss"] * (x_val is not None)
    wanted += ["val_metric"] * (x_val is not None and bool(metric))
    return {name: history[name] for name in wanted}, batches, w


def trained(student, x, y, seed, **settings):
    """The student's training of the linear model: its history and the diary."""
    model = student.put(Expression(MODEL, "model"))
    rng = np.random.default_rng(seed)
    history = student.train(model, x, y, loss=LOSS, rng=rng, **settings)
    return history, student.get(model)


def training_case(rng, n, validation=0):
    """Data for the linear model, a seed for the order, and validation data if asked for."""
    x, seed = rng.standard_normal((n, 3)), int(rng.integers(2**32))
    extra = {}
    if validation:
        extra = {
            "x_val": rng.standard_normal((validation, 3)),
            "y_val": rng.standard_normal(validation),
        }
    return x, rng.standard_normal(n), seed, extra


SETTINGS = {"epochs": 3, "batch_size": 4, "learning_rate": 0.05}


@exercise("train")
def test_train_history_keys(student, rng):
    """The history has one list per measure asked for, and no others."""
    for validation in 0, 5:
        for metric in None, METRIC:
            x, y, seed, extra = training_case(rng, 10, validation)
            history, _ = trained(student, x, y, seed, **SETTINGS, **extra, metric=metric)
            expected, _, _ = diary(x, y, seed, **SETTINGS, **extra, metric=metric)
            given = "with" if validation else "without"
            asked = "with" if metric else "without"
            assert set(history) == set(expected), (
                f"{given} validation data and {asked} a metric, "
                f"the history should have exactly the keys {', '.join(expected)}."
            )


@exercise("train")
def test_train_history_lengths(student, rng):
    """Every list of the history has one entry per epoch."""
    for epochs in 1, 4:
        x, y, seed, extra = training_case(rng, 10, 5)
        settings = {**SETTINGS, "epochs": epochs, "metric": METRIC, **extra}
        history, _ = trained(student, x, y, seed, **settings)
        for name in "loss", "metric", "val_loss", "val_metric":
            length = len(history[name])
            assert length == epochs, (
                f"history['{name}'] has {length} entries after {epochs} epochs."
            )


@exercise("train", weight=2)
def test_train_visits_every_sample(student, rng):
    """Each epoch trains on every sample once, the smaller last batch too."""
    for n, size in (10, 4), (6, 3), (5, 1), (4, 10), (7, 7):
        x, y, seed, _ = training_case(rng, n)
        settings = {"epochs": 2, "batch_size": size, "learning_rate": 0.05}
        _, model = trained(student, x, y, seed, **settings)
        rows = [row for batch in model.batches for row in batch]
        assert sorted(rows) == sorted(2 * x.tolist()), (
            f"With {n} samples in batches of {size}, two epochs should see every sample exactly "
            f"twice; this training sees {len(rows)} rows."
        )


@exercise("train", weight=2)
def test_train_batches(student, rng):
    """The batches are consecutive pieces of a fresh rng.permutation(N) in each epoch."""
    for n, size in (10, 4), (6, 3), (5, 1), (4, 10), (7, 7):
        x, y, seed, _ = training_case(rng, n)
        settings = {"epochs": 3, "batch_size": size, "learning_rate": 0.05}
        _, model = trained(student, x, y, seed, **settings)
        batches, (_, expected, _) = model.batches, diary(x, y, seed, **settings)
        assert [len(b) for b in batches] == [len(b) for b in expected], (
            f"{n} samples in batches of {size} should give, epoch after epoch, batches of "
            f"{', '.join(str(len(b)) for b in expected[: len(expected) // 3])}."
        )
        assert batches == expected, (
            "The batches have the right sizes, but not the samples in the order of "
            "one rng.permutation(N) drawn at the start of each epoch."
        )


@exercise("train", weight=2)
def test_train_updates_the_model(student, rng):
    """Every batch leads to one update with the learning rate, on inputs with their own targets."""
    for n, size in (10, 4), (5, 1), (4, 10):
        x, y, seed, extra = training_case(rng, n, 3)
        settings = {"epochs": 3, "batch_size": size, "learning_rate": 0.03, **extra}
        _, model = trained(student, x, y, seed, **settings)
        _, batches, w = diary(x, y, seed, **settings)
        assert model.rates == [0.03] * len(batches), (
            f"{len(batches)} batches should lead to as many updates, each with the learning rate."
        )
        assert_close(model.w, w, name="the model's weights after training", axes="D", rtol=EXACT)


@exercise("train", weight=2)
def test_train_loss(student, rng):
    """The loss of an epoch averages over samples: a smaller last batch counts less."""
    for n, size in (10, 4), (6, 3), (5, 1), (4, 10):
        x, y, seed, _ = training_case(rng, n)
        settings = {"epochs": 3, "batch_size": size, "learning_rate": 0.05}
        history, _ = trained(student, x, y, seed, **settings)
        expected, _, _ = diary(x, y, seed, **settings)
        assert_close(history["loss"], expected["loss"], name="history['loss']", rtol=EXACT)


@exercise("train")
def test_train_metric(student, rng):
    """The metric of an epoch averages over samples too, from the same outputs as the loss."""
    for n, size in (10, 4), (6, 3), (5, 1), (4, 10):
        x, y, seed, extra = training_case(rng, n, 3)
        settings = {
            "epochs": 3,
            "batch_size": size,
            "learning_rate": 0.05,
            "metric": METRIC,
            **extra,
        }
        history, _ = trained(student, x, y, seed, **settings)
        expected, _, _ = diary(x, y, seed, **settings)
        assert_close(history["metric"], expected["metric"], name="history['metric']", rtol=EXACT)


@exercise("train", weight=2)
def test_train_validation(student, rng):
    """Validation loss and metric are taken from all validation data at once, after each epoch."""
    x, y, seed, extra = training_case(rng, 10, 7)
    settings = {**SETTINGS, "metric": METRIC, **extra}
    history, _ = trained(student, x, y, seed, **settings)
    expected, _, _ = diary(x, y, seed, **settings)
    for name in "val_loss", "val_metric":
        assert_close(history[name], expected[name], name=f"history['{name}']", rtol=EXACT)


@exercise("train", weight=0.5)
def test_train_matrix_targets(student, rng):
    """Targets with several columns are taken row by row, like the inputs."""
    x, y, seed = rng.standard_normal((7, 3)), rng.standard_normal((7, 3)), int(rng.integers(2**32))
    model = student.put(
        Expression(MODEL.replace("-1.0, 0.25])", "-1.0, 0.25])[:, None] * np.eye(3)"), "model")
    )
    loss = Expression("lambda out, y: (np.mean((out - y) ** 2), 2 * (out - y) / y.size)")
    settings = {"epochs": 1, "batch_size": 7, "learning_rate": 0.0}
    history = student.train(model, x, y, loss=loss, rng=np.random.default_rng(seed), **settings)
    expected = np.mean((x * np.array([0.5, -1.0, 0.25]) - y) ** 2)
    assert_close(history["loss"], [float(expected)], name="history['loss']", rtol=EXACT)


@exercise("train", weight=0.5)
def test_train_leaves_the_data_alone(student, rng):
    """Training gives its loss without shuffling or changing the caller's data."""
    x, y, seed, extra = training_case(rng, 10, 5)
    lent, model = Lent(student, x=x, y=y, **extra), student.put(Expression(MODEL, "model"))
    validation = {name: lent[name] for name in extra}
    generator = np.random.default_rng(seed)
    history = student.train(
        model, lent["x"], lent["y"], loss=LOSS, rng=generator, **SETTINGS, **validation
    )
    lent.assert_unchanged("train changes {} in place.")
    assert_close(history["loss"], diary(x, y, seed, **SETTINGS)[0]["loss"], name="history['loss']")


# The twin in PyTorch


def torch_case(rng, sizes, activations, n):
    """Parameters, inputs, classes, and the naive network's loss as a function of the parameters."""
    values, x, _ = network_case(rng, sizes, activations, n)
    target = rng.integers(0, sizes[-1], n)
    return values, x, target, lambda p: cross_entropy(mlp(x, p, activations)[0], target)


@exercise("torch_mlp")
def test_torch_forward(student, rng):
    """The twin computes the same outputs as the network, in float64."""
    apply = Expression(
        "lambda module, x: module(__import__('torch').from_numpy(x)).detach().numpy()"
    )
    for sizes, activations in NETWORKS:
        values, x, _ = network_case(rng, sizes, activations, 5)
        out = evaluated(student, apply)(student.torch_mlp(values, activations), x)
        assert_close(out, mlp(x, values, activations)[0], name="out", axes="NM", rtol=EXACT)


@exercise("torch_mlp")
def test_torch_loss(student, rng):
    """The twin's loss is the cross-entropy of its outputs, averaged over the batch."""
    for sizes, activations in NETWORKS:
        for n in 5, 1:
            values, x, target, loss = torch_case(rng, sizes, activations, n)
            module = student.torch_mlp(values, activations)
            actual, _ = student.torch_loss_and_gradients(module, x, target)
            assert_close(
                actual, loss(values), name="loss", rtol=EXACT, sizes={"N": n, "C": sizes[-1]}
            )


@exercise("torch_mlp", weight=2)
def test_torch_gradients(student, rng):
    """Autograd's gradients carry our names and our shapes, and equal ours."""
    for sizes, activations in NETWORKS:
        values, x, target, loss = torch_case(rng, sizes, activations, 4)
        module, expected = student.torch_mlp(values, activations), numerical_gradients(loss, values)
        _, gradients = student.torch_loss_and_gradients(module, x, target)
        assert set(gradients) == set(expected), (
            f"The gradients should be named {', '.join(expected)}."
        )
        for name, gradient in expected.items():
            axes = "DM" if name.startswith("w") else "M"
            assert_close(gradients[name], gradient, name=f"gradients['{name}']", axes=axes)


@exercise("torch_mlp")
def test_torch_gradients_do_not_add_up(student, rng):
    """Asking twice gives the same gradients twice: nothing accumulates."""
    sizes, activations = DEEP
    values, x, target, loss = torch_case(rng, sizes, activations, 4)
    module = student.torch_mlp(values, activations)
    student.torch_loss_and_gradients(module, rng.standard_normal((3, sizes[0])), target[:3])
    actual, gradients = student.torch_loss_and_gradients(module, x, target)
    assert_close(actual, loss(values), name="loss", rtol=EXACT)
    for name, gradient in numerical_gradients(loss, values).items():
        assert_close(gradients[name], gradient, name=f"gradients['{name}']")


@exercise("torch_mlp", weight=0.5)
def test_torch_twin_has_its_own_weights(student, rng):
    """The twin's weights are copies: changing them leaves the network's parameters alone."""
    sizes, activations = DEEP
    values, x, target, loss = torch_case(rng, sizes, activations, 4)
    given = student.put(values)
    module = student.torch_mlp(given, activations)
    actual, _ = student.torch_loss_and_gradients(module, x, target)
    zero = Expression("lambda module: [p.data.zero_() for p in module.parameters()] and None")
    evaluated(student, zero)(module)
    after = student.get(given)
    for name, value in values.items():
        assert np.array_equal(after[name], value), (
            f"Changing the twin changes the {name} it was made from."
        )
    assert_close(actual, loss(values), name="loss", rtol=EXACT)
