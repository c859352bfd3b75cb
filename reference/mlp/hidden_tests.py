"""Hidden tests of `mlp`: every oracle here is the definition written naively, never the reference.

Gradients are compared with central differences of the oracle under a random upstream gradient, so a
backward that agrees with a wrong forward of its own gains nothing.
"""

import math

import numpy as np

from autograder.gradcheck import numerical_gradient
from autograder.testing import Expression, assert_close, assert_unchanged, exercise

EXACT = 1e-10
FLOAT32 = 1e-6


# Oracles, one number at a time


def each(f, x):
    """The scalar function f applied to every element of x."""
    return np.array([f(float(v)) for v in x.ravel()]).reshape(x.shape)


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
    rows = [[math.exp(v) for v in row] for row in x.reshape(-1, x.shape[-1])]
    return np.array([[e / sum(row) for e in row] for row in rows]).reshape(x.shape)


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


def assert_float32(value, expected, *, name, axes=None):
    """value is float32, and as accurate as float32 allows."""
    assert np.asarray(value).dtype == np.float32, (
        f"{name} is {np.asarray(value).dtype} for float32 inputs: keep the dtype of the inputs."
    )
    assert_close(value, np.asarray(expected, np.float32), name=name, axes=axes, rtol=FLOAT32)


def single(*arrays):
    return tuple(np.asarray(a, np.float32) for a in arrays)


def assert_forward(student, name, f, x, *args, axes=None):
    """The forward of an activation, against the scalar function f."""
    out, _ = getattr(student, f"{name}_forward")(x, *args)
    assert_close(out, each(f, x), name="out", axes=axes, rtol=EXACT)


def assert_backward(student, name, f, x, cache, rng, axes=None):
    """The backward of an activation on its own, against central differences of f."""
    dout = rng.standard_normal(x.shape)
    dx = getattr(student, f"{name}_backward")(dout, cache)
    assert_close(dx, numerical_gradient(lambda v: each(f, v), x, dout), name="dx", axes=axes)


# A single neuron


@exercise("neuron_forward")
def test_neuron_toy(student):
    """A neuron gives σ(x·w + b): one half where the weighted sum is zero, three quarters at ln 3."""
    out, _ = student.neuron_forward(
        np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 1.0]]), np.array([1.0, 2.0]), math.log(3) - 2.0
    )
    logits = [1 + math.log(3), math.log(3), math.log(3)]
    assert_close(out, np.array([sigmoid(v) for v in logits]), name="out", axes="N", rtol=EXACT)


@exercise("neuron_forward", weight=2)
def test_neuron_random(student, rng):
    """A neuron gives one activation per sample, whatever N and D are."""
    for n, d in (5, 3), (1, 4), (4, 1), (3, 3):
        x, w, b = rng.standard_normal((n, d)), rng.standard_normal(d), float(rng.standard_normal())
        out, _ = student.neuron_forward(x, w, b)
        assert_close(out, neuron(x, w, b), name="out", axes="N", rtol=EXACT)


@exercise("neuron_forward", weight=0.5)
def test_neuron_cache(student, rng):
    """The neuron's cache is (x, w, out)."""
    x, w = rng.standard_normal((4, 3)), rng.standard_normal(3)
    _, (cached_x, cached_w, cached_out) = student.neuron_forward(x, w, 0.5)
    assert_close(cached_x, x, name="x in the cache", axes="ND")
    assert_close(cached_w, w, name="w in the cache", axes="D")
    assert_close(cached_out, neuron(x, w, 0.5), name="out in the cache", axes="N", rtol=EXACT)


@exercise("neuron_forward", weight=0.5)
def test_neuron_float32(student, rng):
    """float32 inputs to a neuron give float32 activations."""
    x, w = single(rng.standard_normal((6, 4)), rng.standard_normal(4))
    out, _ = student.neuron_forward(x, w, 0.25)
    assert_float32(out, neuron(x, w, 0.25), name="out", axes="N")


@exercise("neuron_forward", weight=0.5)
def test_neuron_leaves_its_inputs_alone(student, rng):
    """The neuron's forward gives its activations without changing x or w."""
    x, w = rng.standard_normal((4, 3)), rng.standard_normal(3)
    out, _ = student.neuron_forward(x, w, -0.5)
    assert_close(out, neuron(x, w, -0.5), name="out", axes="N", rtol=EXACT)
    assert_unchanged(student, "neuron_forward", x, w, -0.5)


def neuron_case(rng, n, d):
    """A random x, w, b, dout, and the cache that belongs to them."""
    x, w, b = rng.standard_normal((n, d)), rng.standard_normal(d), float(rng.standard_normal())
    return x, w, b, rng.standard_normal(n), (x, w, neuron(x, w, b))


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
        x, w, b, dout, cache = neuron_case(rng, n, d)
        dx = student.neuron_backward(dout, cache)[0]
        expected = numerical_gradient(lambda v, w=w, b=b: neuron(v, w, b), x, dout)
        assert_close(dx, expected, name="dx", axes="ND")


@exercise("neuron_backward", weight=2)
def test_neuron_weight_gradient(student, rng):
    """dw sums, over the batch, what each sample contributes to the weights' gradient."""
    for n, d in (5, 3), (1, 4), (3, 3):
        x, w, b, dout, cache = neuron_case(rng, n, d)
        dw = student.neuron_backward(dout, cache)[1]
        expected = numerical_gradient(lambda v, x=x, b=b: neuron(x, v, b), w, dout)
        assert_close(dw, expected, name="dw", axes="D", sizes={"N": n, "D": d})


@exercise("neuron_backward", weight=2)
def test_neuron_bias_gradient(student, rng):
    """db is one number: the bias's gradient summed over the batch."""
    for n, d in (5, 3), (1, 4), (4, 1):
        x, w, b, dout, cache = neuron_case(rng, n, d)
        db = student.neuron_backward(dout, cache)[2]
        expected = numerical_gradient(lambda v, x=x, w=w: neuron(x, w, v[0]), np.array([b]), dout)
        assert_close(db, float(expected[0]), name="db", sizes={"N": n, "D": d})


@exercise("neuron_backward", weight=0.5)
def test_neuron_backward_float32(student, rng):
    """float32 in the neuron's cache gives float32 gradients."""
    x, w, _, dout, (_, _, out) = neuron_case(rng, 6, 4)
    dz = dout * out * (1 - out)
    x32, w32, out32, dout32 = single(x, w, out, dout)
    dx, dw, db = student.neuron_backward(dout32, (x32, w32, out32))
    assert_float32(dx, dz[:, None] * w, name="dx", axes="ND")
    assert_float32(dw, (dz[:, None] * x).sum(0), name="dw", axes="D")
    assert_close(float(db), dz.sum(), name="db", rtol=1e-5)


@exercise("neuron_backward", weight=0.5)
def test_neuron_backward_leaves_its_inputs_alone(student, rng):
    """The neuron's backward gives its gradients without changing dout or the cache."""
    x, w, _, dout, cache = neuron_case(rng, 4, 3)
    expected = (dout * cache[2] * (1 - cache[2]))[:, None] * w
    assert_close(student.neuron_backward(dout, cache)[0], expected, name="dx", axes="ND")
    assert_unchanged(student, "neuron_backward", dout, cache)


# Activations


@exercise("sigmoid")
def test_sigmoid_toy(student):
    """σ(0) is ½, σ(ln 3) is ¾, σ(−ln 3) is ¼."""
    out, _ = student.sigmoid_forward(np.array([0.0, math.log(3), -math.log(3)]))
    assert_close(out, np.array([0.5, 0.75, 0.25]), name="out", rtol=EXACT)


@exercise("sigmoid", weight=2)
def test_sigmoid_random(student, rng):
    """The sigmoid works element by element, on arrays of any shape."""
    for shape in (7,), (4, 3), (2, 3, 4), (1, 1):
        assert_forward(student, "sigmoid", sigmoid, 3 * rng.standard_normal(shape))


@exercise("sigmoid", weight=2)
def test_sigmoid_large_inputs(student):
    """The sigmoid is 0 far to the left and 1 far to the right, without overflow."""
    out, _ = student.sigmoid_forward(np.array([-1000.0, 1000.0, -750.0, 750.0]))
    assert_close(out, np.array([0.0, 1.0, 0.0, 1.0]), name="out", rtol=EXACT)


@exercise("sigmoid", weight=0.5)
def test_sigmoid_cache(student, rng):
    """The sigmoid's cache is its output."""
    x = rng.standard_normal((3, 4))
    _, cache = student.sigmoid_forward(x)
    assert_close(cache, each(sigmoid, x), name="cache", axes="ND", rtol=EXACT)


@exercise("sigmoid", weight=2)
def test_sigmoid_gradient(student, rng):
    """The sigmoid's backward is dout times the slope at x, computed from the cached output."""
    for shape in (6,), (4, 3), (2, 2, 3):
        x = 2 * rng.standard_normal(shape)
        assert_backward(student, "sigmoid", sigmoid, x, each(sigmoid, x), rng)


@exercise("sigmoid", weight=0.5)
def test_sigmoid_float32(student, rng):
    """The sigmoid and its gradient keep float32."""
    x, dout = single(rng.standard_normal((5, 3)), rng.standard_normal((5, 3)))
    expected = each(sigmoid, x)
    assert_float32(student.sigmoid_forward(x)[0], expected, name="out", axes="ND")
    dx = student.sigmoid_backward(dout, expected.astype(np.float32))
    assert_float32(dx, dout * expected * (1 - expected), name="dx", axes="ND")


@exercise("sigmoid", weight=0.5)
def test_sigmoid_leaves_its_inputs_alone(student, rng):
    """The sigmoid and its gradient change neither x, nor dout, nor the cache."""
    x, dout = rng.standard_normal((2, 4, 3))
    out = each(sigmoid, x)
    assert_forward(student, "sigmoid", sigmoid, x, axes="ND")
    assert_unchanged(student, "sigmoid_forward", x)
    assert_unchanged(student, "sigmoid_backward", dout, out)


@exercise("tanh")
def test_tanh_toy(student):
    """tanh(0) is 0, tanh(ln 2) is 3/5, tanh(−ln 3) is −4/5."""
    out, _ = student.tanh_forward(np.array([0.0, math.log(2), -math.log(3)]))
    assert_close(out, np.array([0.0, 0.6, -0.8]), name="out", rtol=EXACT)


@exercise("tanh", weight=2)
def test_tanh_random(student, rng):
    """tanh works element by element, on arrays of any shape."""
    for shape in (7,), (4, 3), (2, 3, 4), (1, 1):
        assert_forward(student, "tanh", math.tanh, 2 * rng.standard_normal(shape))


@exercise("tanh")
def test_tanh_large_inputs(student):
    """tanh is −1 far to the left and 1 far to the right, without overflow."""
    out, _ = student.tanh_forward(np.array([-1000.0, 1000.0]))
    assert_close(out, np.array([-1.0, 1.0]), name="out", rtol=EXACT)


@exercise("tanh", weight=0.5)
def test_tanh_cache(student, rng):
    """The cache of tanh is its output."""
    x = rng.standard_normal((3, 4))
    _, cache = student.tanh_forward(x)
    assert_close(cache, each(math.tanh, x), name="cache", axes="ND", rtol=EXACT)


@exercise("tanh", weight=2)
def test_tanh_gradient(student, rng):
    """The backward of tanh is dout times the slope at x, computed from the cached output."""
    for shape in (6,), (4, 3), (2, 2, 3):
        x = rng.standard_normal(shape)
        assert_backward(student, "tanh", math.tanh, x, each(math.tanh, x), rng)


@exercise("tanh", weight=0.5)
def test_tanh_float32(student, rng):
    """tanh and its gradient keep float32."""
    x, dout = single(rng.standard_normal((5, 3)), rng.standard_normal((5, 3)))
    expected = each(math.tanh, x)
    assert_float32(student.tanh_forward(x)[0], expected, name="out", axes="ND")
    dx = student.tanh_backward(dout, expected.astype(np.float32))
    assert_float32(dx, dout * (1 - expected**2), name="dx", axes="ND")


@exercise("tanh", weight=0.5)
def test_tanh_leaves_its_inputs_alone(student, rng):
    """tanh and its gradient change neither x, nor dout, nor the cache."""
    x, dout = rng.standard_normal((2, 4, 3))
    assert_forward(student, "tanh", math.tanh, x, axes="ND")
    assert_unchanged(student, "tanh_forward", x)
    assert_unchanged(student, "tanh_backward", dout, each(math.tanh, x))


@exercise("relu")
def test_relu_toy(student):
    """ReLU keeps what is positive and turns the rest into 0."""
    out, _ = student.relu_forward(np.array([[-2.0, 0.5], [3.0, -0.25]]))
    assert_close(out, np.array([[0.0, 0.5], [3.0, 0.0]]), name="out", axes="ND", rtol=EXACT)


@exercise("relu", weight=2)
def test_relu_random(student, rng):
    """ReLU works element by element, on arrays of any shape."""
    for shape in (7,), (4, 3), (2, 3, 4), (1, 1):
        assert_forward(student, "relu", relu, 5 * rng.standard_normal(shape))


@exercise("relu", weight=0.5)
def test_relu_cache(student, rng):
    """The cache of ReLU is its input."""
    x = rng.standard_normal((3, 4))
    _, cache = student.relu_forward(x)
    assert_close(cache, x, name="cache", axes="ND", rtol=EXACT)


@exercise("relu", weight=2)
def test_relu_gradient(student, rng):
    """ReLU passes dout on where its input was positive, and stops it elsewhere."""
    for shape in (6,), (4, 3), (2, 2, 3):
        x = away_from_zero(rng, *shape)
        assert_backward(student, "relu", relu, x, x, rng)


@exercise("relu")
def test_relu_gradient_at_zero(student):
    """ReLU's gradient at an input of exactly 0 is 0."""
    dx = student.relu_backward(np.array([5.0, 7.0, 11.0]), np.array([0.0, 1.0, -0.0]))
    assert_close(dx, np.array([0.0, 7.0, 0.0]), name="dx", rtol=EXACT)


@exercise("relu", weight=0.5)
def test_relu_float32(student, rng):
    """ReLU and its gradient keep float32."""
    x, dout = single(away_from_zero(rng, 5, 3), rng.standard_normal((5, 3)))
    assert_float32(student.relu_forward(x)[0], each(relu, x), name="out", axes="ND")
    assert_float32(student.relu_backward(dout, x), np.where(x > 0, dout, 0), name="dx", axes="ND")


@exercise("relu", weight=0.5)
def test_relu_leaves_its_inputs_alone(student, rng):
    """ReLU and its gradient change neither x, nor dout, nor the cache."""
    x, dout = away_from_zero(rng, 2, 4, 3)
    assert_forward(student, "relu", relu, x, axes="ND")
    assert_unchanged(student, "relu_forward", x)
    assert_unchanged(student, "relu_backward", dout, x)


@exercise("leaky_relu")
def test_leaky_relu_toy(student):
    """Leaky ReLU keeps what is positive and multiplies the rest by the slope."""
    out, _ = student.leaky_relu_forward(np.array([[-2.0, 0.5], [3.0, -8.0]]), 0.25)
    assert_close(out, np.array([[-0.5, 0.5], [3.0, -2.0]]), name="out", axes="ND", rtol=EXACT)


@exercise("leaky_relu", weight=2)
def test_leaky_relu_random(student, rng):
    """Leaky ReLU works element by element, for any shape and any slope, 0 too."""
    for shape, slope in ((7,), 0.3), ((4, 3), 0.05), ((2, 3, 4), 0.0), ((1, 1), 0.9):
        x = 5 * rng.standard_normal(shape)
        assert_forward(student, "leaky_relu", lambda v, s=slope: leaky_relu(v, s), x, slope)


@exercise("leaky_relu", weight=0.5)
def test_leaky_relu_default_slope(student):
    """Without a slope given, leaky ReLU uses 0.01."""
    out, _ = student.leaky_relu_forward(np.array([-100.0, 2.0]))
    assert_close(out, np.array([-1.0, 2.0]), name="out", rtol=EXACT)


@exercise("leaky_relu", weight=0.5)
def test_leaky_relu_cache(student, rng):
    """The cache of leaky ReLU is (x, slope)."""
    x = rng.standard_normal((3, 4))
    _, (cached, slope) = student.leaky_relu_forward(x, 0.125)
    assert_close(cached, x, name="x in the cache", axes="ND", rtol=EXACT)
    assert_close(slope, 0.125, name="slope in the cache", rtol=EXACT)


@exercise("leaky_relu", weight=2)
def test_leaky_relu_gradient(student, rng):
    """Leaky ReLU passes dout on where its input was positive, and slope times dout elsewhere."""
    for shape, slope in ((6,), 0.3), ((4, 3), 0.01), ((2, 2, 3), 0.0):
        x = away_from_zero(rng, *shape)
        f = lambda v, s=slope: leaky_relu(v, s)  # noqa: E731
        assert_backward(student, "leaky_relu", f, x, (x, slope), rng)


@exercise("leaky_relu", weight=0.5)
def test_leaky_relu_gradient_at_zero(student):
    """Leaky ReLU's gradient at an input of exactly 0 is the slope's."""
    cache = (np.array([0.0, 1.0, -1.0]), 0.5)
    dx = student.leaky_relu_backward(np.array([6.0, 7.0, 10.0]), cache)
    assert_close(dx, np.array([3.0, 7.0, 5.0]), name="dx", rtol=EXACT)


@exercise("leaky_relu", weight=0.5)
def test_leaky_relu_float32(student, rng):
    """Leaky ReLU and its gradient keep float32."""
    x, dout = single(away_from_zero(rng, 5, 3), rng.standard_normal((5, 3)))
    out, _ = student.leaky_relu_forward(x, 0.25)
    assert_float32(out, each(lambda v: leaky_relu(v, 0.25), x), name="out", axes="ND")
    dx = student.leaky_relu_backward(dout, (x, 0.25))
    assert_float32(dx, np.where(x > 0, dout, dout / 4), name="dx", axes="ND")


@exercise("leaky_relu", weight=0.5)
def test_leaky_relu_leaves_its_inputs_alone(student, rng):
    """Leaky ReLU and its gradient change neither x, nor dout, nor the cache."""
    x, dout = away_from_zero(rng, 2, 4, 3)
    assert_forward(student, "leaky_relu", lambda v: leaky_relu(v, 0.1), x, 0.1, axes="ND")
    assert_unchanged(student, "leaky_relu_forward", x, 0.1)
    assert_unchanged(student, "leaky_relu_backward", dout, (x, 0.1))


@exercise("elu")
def test_elu_toy(student):
    """ELU keeps what is positive; at −ln 2 it is half of −alpha."""
    out, _ = student.elu_forward(np.array([[-math.log(2), 0.5], [3.0, 0.0]]), 3.0)
    assert_close(out, np.array([[-1.5, 0.5], [3.0, 0.0]]), name="out", axes="ND", rtol=EXACT)


@exercise("elu", weight=2)
def test_elu_random(student, rng):
    """ELU works element by element, for any shape and any alpha."""
    for shape, alpha in ((7,), 0.5), ((4, 3), 1.0), ((2, 3, 4), 2.0), ((1, 1), 1.5):
        x = 2 * rng.standard_normal(shape)
        assert_forward(student, "elu", lambda v, a=alpha: elu(v, a), x, alpha)


@exercise("elu", weight=0.5)
def test_elu_default_alpha(student):
    """Without an alpha given, ELU uses 1."""
    out, _ = student.elu_forward(np.array([-math.log(2), 2.0]))
    assert_close(out, np.array([-0.5, 2.0]), name="out", rtol=EXACT)


@exercise("elu")
def test_elu_large_inputs(student):
    """ELU is x far to the right and −alpha far to the left, without overflow."""
    out, _ = student.elu_forward(np.array([1000.0, -1000.0]), 2.0)
    assert_close(out, np.array([1000.0, -2.0]), name="out", rtol=EXACT)


@exercise("elu", weight=0.5)
def test_elu_cache(student, rng):
    """The cache of ELU is (x, out, alpha)."""
    x = rng.standard_normal((3, 4))
    _, (cached, out, alpha) = student.elu_forward(x, 1.5)
    assert_close(cached, x, name="x in the cache", axes="ND", rtol=EXACT)
    assert_close(out, each(lambda v: elu(v, 1.5), x), name="out in the cache", axes="ND", rtol=EXACT)
    assert_close(alpha, 1.5, name="alpha in the cache", rtol=EXACT)


@exercise("elu", weight=2)
def test_elu_gradient(student, rng):
    """ELU passes dout on where its input was positive, and alpha eˣ times dout elsewhere."""
    for shape, alpha in ((6,), 0.5), ((4, 3), 1.0), ((2, 2, 3), 2.0):
        x = away_from_zero(rng, *shape)
        f = lambda v, a=alpha: elu(v, a)  # noqa: E731
        assert_backward(student, "elu", f, x, (x, each(f, x), alpha), rng)


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
    x, dout = single(away_from_zero(rng, 5, 3), rng.standard_normal((5, 3)))
    expected = each(lambda v: elu(v, 2.0), x)
    assert_float32(student.elu_forward(x, 2.0)[0], expected, name="out", axes="ND")
    dx = student.elu_backward(dout, (x, expected.astype(np.float32), 2.0))
    assert_float32(dx, dout * np.where(x > 0, 1, expected + 2), name="dx", axes="ND")


@exercise("elu", weight=0.5)
def test_elu_leaves_its_inputs_alone(student, rng):
    """ELU and its gradient change neither x, nor dout, nor the cache."""
    x, dout = away_from_zero(rng, 2, 4, 3)
    out = each(lambda v: elu(v, 0.5), x)
    assert_forward(student, "elu", lambda v: elu(v, 0.5), x, 0.5, axes="ND")
    assert_unchanged(student, "elu_forward", x, 0.5)
    assert_unchanged(student, "elu_backward", dout, (x, out, 0.5))


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
    (x,) = single(rng.standard_normal((4, 3)))
    assert_float32(student.identity_forward(x)[0], x, name="out", axes="ND")
    assert_float32(student.identity_backward(x, None), x, name="dx", axes="ND")


@exercise("softmax")
def test_softmax_toy(student):
    """Softmax of (0, ln 3) is (¼, ¾), and equal scores share equally."""
    out, _ = student.softmax_forward(np.array([[0.0, math.log(3)], [7.0, 7.0]]))
    assert_close(out, np.array([[0.25, 0.75], [0.5, 0.5]]), name="out", axes="NC", rtol=EXACT)


@exercise("softmax", weight=2)
def test_softmax_random(student, rng):
    """Softmax normalises over the last axis, whatever comes before it."""
    for shape in (5,), (4, 3), (3, 3), (2, 3, 4), (1, 6), (4, 1):
        x = rng.standard_normal(shape)
        out, _ = student.softmax_forward(x)
        assert_close(out, softmax(x), name="out", rtol=EXACT)


@exercise("softmax", weight=2)
def test_softmax_large_inputs(student):
    """Softmax has no overflow, and no row of it vanishes, however large the scores are."""
    x = np.array([[1000.0, 0.0, -1000.0], [-1000.0, -1000.0, -1001.0], [5.0, 1000.0, 1000.0]])
    e = math.exp(-1)
    expected = np.array([[1, 0, 0], [1 / (2 + e), 1 / (2 + e), e / (2 + e)], [0, 0.5, 0.5]])
    out, _ = student.softmax_forward(x)
    assert_close(out, expected, name="out", axes="NC", rtol=EXACT)


@exercise("softmax", weight=0.5)
def test_softmax_cache(student, rng):
    """Softmax's cache is its output."""
    x = rng.standard_normal((3, 4))
    _, cache = student.softmax_forward(x)
    assert_close(cache, softmax(x), name="cache", axes="NC", rtol=EXACT)


@exercise("softmax")
def test_softmax_gradient_toy(student):
    """Raising one score of a softmax takes probability from the others."""
    dx = student.softmax_backward(np.array([[16.0, 0.0]]), np.array([[0.25, 0.75]]))
    assert_close(dx, np.array([[3.0, -3.0]]), name="dx", axes="NC")


@exercise("softmax", weight=3)
def test_softmax_gradient(student, rng):
    """Softmax's backward multiplies dout by the Jacobian of each row."""
    for shape in (5,), (4, 3), (3, 3), (2, 2, 3):
        x, dout = rng.standard_normal((2, *shape))
        dx = student.softmax_backward(dout, softmax(x))
        assert_close(dx, numerical_gradient(softmax, x, dout), name="dx")


@exercise("softmax", weight=0.5)
def test_softmax_float32(student, rng):
    """Softmax and its gradient keep float32."""
    x, dout = single(*rng.standard_normal((2, 5, 3)))
    out = softmax(x)
    assert_float32(student.softmax_forward(x)[0], out, name="out", axes="NC")
    dx = student.softmax_backward(dout, out.astype(np.float32))
    expected = out * (dout - (dout * out).sum(1)[:, None])
    assert_float32(dx, expected, name="dx", axes="NC")


@exercise("softmax", weight=0.5)
def test_softmax_leaves_its_inputs_alone(student, rng):
    """Softmax and its gradient change neither x, nor dout, nor the cache."""
    x, dout = rng.standard_normal((2, 4, 3))
    out = softmax(x)
    assert_close(student.softmax_forward(x)[0], out, name="out", axes="NC", rtol=EXACT)
    assert_unchanged(student, "softmax_forward", x)
    assert_unchanged(student, "softmax_backward", dout, out)
