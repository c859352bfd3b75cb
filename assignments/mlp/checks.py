"""Checks of `mlp` on fixed numbers: what `check("…")` runs. The grader tests more than this.

Forward passes are compared with their definition, one number at a time; gradients with central
differences of the definition.
"""

import math

import numpy as np

from autograder.gradcheck import numerical_gradient, numerical_gradients
from autograder.testing import (
    Expression,
    assert_close,
    assert_unchanged,
    each,
    evaluated,
    exercise,
)

X = np.array([[0.31, -1.24, 0.57], [-0.83, 0.46, 1.92], [1.35, -0.68, -0.29], [-0.12, 2.03, 0.74]])
DOUT = np.array(
    [[-0.71, 0.52, 1.13], [0.94, -1.37, 0.28], [0.43, 0.65, -0.86], [1.21, -0.39, 0.17]]
)
W = np.array([[0.62, -0.35], [-1.14, 0.83], [0.27, 1.46]])
B = np.array([0.21, -0.54])
CLASSES = np.array([2, 0, 1, 1])


def logistic(v):
    return 1 / (1 + math.exp(-v))


def leaky(v, slope):
    return v if v > 0 else slope * v


def exponential_linear(v, alpha):
    return v if v > 0 else alpha * (math.exp(v) - 1)


def probabilities_of(row):
    powers = [math.exp(v) for v in row]
    return [p / sum(powers) for p in powers]


def row_softmax(x):
    return np.array([probabilities_of(row) for row in x])


def dense(x, w, b):
    """Weighted sums plus biases, one number at a time."""
    return np.array(
        [[sum(row * column) + bias for column, bias in zip(w.T, b, strict=True)] for row in x]
    )


def neuron(x, w, b):
    return np.array([logistic(sum(row * w) + b) for row in x])


# A single neuron


@exercise("neuron_forward")
def test_neuron_output(student):
    """A neuron gives the sigmoid of its weighted sum plus its bias."""
    out, _ = student.neuron_forward(X, W[:, 0], 0.4)
    assert_close(out, neuron(X, W[:, 0], 0.4), name="out", axes="N")


@exercise("neuron_forward")
def test_neuron_cache(student):
    """The neuron's cache is (x, w, out)."""
    _, (x, w, out) = student.neuron_forward(X, W[:, 1], -0.3)
    assert_close(x, X, name="x in the cache", axes="ND")
    assert_close(w, W[:, 1], name="w in the cache", axes="D")
    assert_close(out, neuron(X, W[:, 1], -0.3), name="out in the cache", axes="N")


def neuron_gradients(student):
    cache = (X, W[:, 0], neuron(X, W[:, 0], 0.4))
    return student.neuron_backward(DOUT[:, 0], cache)


@exercise("neuron_backward")
def test_neuron_dx(student):
    """dx is the derivative of the neuron's output by its inputs."""
    dx, _, _ = neuron_gradients(student)
    expected = numerical_gradient(lambda v: neuron(v, W[:, 0], 0.4), X, DOUT[:, 0])
    assert_close(dx, expected, name="dx", axes="ND")


@exercise("neuron_backward")
def test_neuron_dw(student):
    """dw sums the weights' gradient over the batch."""
    _, dw, _ = neuron_gradients(student)
    expected = numerical_gradient(lambda v: neuron(X, v, 0.4), W[:, 0], DOUT[:, 0])
    assert_close(dw, expected, name="dw", axes="D", sizes={"N": 4})


@exercise("neuron_backward")
def test_neuron_db(student):
    """db is one number: the bias's gradient summed over the batch."""
    _, _, db = neuron_gradients(student)
    expected = numerical_gradient(lambda v: neuron(X, W[:, 0], v), 0.4, DOUT[:, 0])
    assert_close(db, float(expected), name="db", sizes={"N": 4})


# Activations


@exercise("sigmoid")
def test_sigmoid_output(student):
    """The sigmoid works element by element, and its cache is its output."""
    out, cache = student.sigmoid_forward(X)
    assert_close(out, each(logistic, X), name="out", axes="ND")
    assert_close(cache, each(logistic, X), name="cache", axes="ND")


@exercise("sigmoid")
def test_sigmoid_extremes(student):
    """The sigmoid is 0 far to the left and 1 far to the right, without overflow."""
    out, _ = student.sigmoid_forward(np.array([-1000.0, 1000.0, 0.7, -1.3]))
    expected = np.array([0.0, 1.0, logistic(0.7), logistic(-1.3)])
    assert_close(out, expected, name="out")


@exercise("sigmoid")
def test_sigmoid_dx(student):
    """The sigmoid's gradient is dout times its slope."""
    dx = student.sigmoid_backward(DOUT, each(logistic, X))
    expected = numerical_gradient(lambda v: each(logistic, v), X, DOUT)
    assert_close(dx, expected, name="dx", axes="ND")


@exercise("tanh")
def test_tanh_output(student):
    """tanh works element by element, and its cache is its output."""
    out, cache = student.tanh_forward(X)
    assert_close(out, each(math.tanh, X), name="out", axes="ND")
    assert_close(cache, each(math.tanh, X), name="cache", axes="ND")


@exercise("tanh")
def test_tanh_extremes(student):
    """tanh is −1 far to the left and 1 far to the right, without overflow."""
    out, _ = student.tanh_forward(np.array([-1000.0, 1000.0, 0.7, -1.3]))
    expected = np.array([-1.0, 1.0, math.tanh(0.7), math.tanh(-1.3)])
    assert_close(out, expected, name="out")


@exercise("tanh")
def test_tanh_dx(student):
    """The gradient of tanh is dout times its slope."""
    dx = student.tanh_backward(DOUT, each(math.tanh, X))
    expected = numerical_gradient(lambda v: each(math.tanh, v), X, DOUT)
    assert_close(dx, expected, name="dx", axes="ND")


@exercise("relu")
def test_relu_output(student):
    """ReLU keeps what is positive and turns the rest into 0; its cache is x."""
    out, cache = student.relu_forward(X)
    assert_close(out, each(lambda v: max(v, 0.0), X), name="out", axes="ND")
    assert_close(cache, X, name="cache", axes="ND")


@exercise("relu")
def test_relu_dx(student):
    """ReLU passes dout on where its input was positive, and nothing elsewhere, 0 included."""
    at_zero = X.copy()
    at_zero[1, 2] = 0.0
    expected = numerical_gradient(lambda v: each(lambda u: max(u, 0.0), v), X, DOUT)
    expected[1, 2] = 0.0
    assert_close(student.relu_backward(DOUT, at_zero), expected, name="dx", axes="ND")


@exercise("relu")
def test_relu_inputs(student):
    """ReLU changes neither x nor dout in place."""
    assert_unchanged(student, "relu_forward", X)
    assert_unchanged(student, "relu_backward", DOUT, X)


@exercise("leaky_relu")
def test_leaky_relu_output(student):
    """Leaky ReLU keeps what is positive and scales the rest by the slope, 0.01 if none is given."""
    out, (x, slope) = student.leaky_relu_forward(X, 0.2)
    assert_close(out, each(lambda v: leaky(v, 0.2), X), name="out", axes="ND")
    assert_close(x, X, name="x in the cache", axes="ND")
    assert_close(slope, 0.2, name="slope in the cache")
    out, _ = student.leaky_relu_forward(X)
    assert_close(out, each(lambda v: leaky(v, 0.01), X), name="out without a slope", axes="ND")


@exercise("leaky_relu")
def test_leaky_relu_dx(student):
    """Leaky ReLU passes on dout where its input was positive, slope times dout elsewhere."""
    at_zero = X.copy()
    at_zero[1, 2] = 0.0
    expected = numerical_gradient(lambda v: each(lambda u: leaky(u, 0.2), v), X, DOUT)
    expected[1, 2] = 0.2 * DOUT[1, 2]
    dx = student.leaky_relu_backward(DOUT, (at_zero, 0.2))
    assert_close(dx, expected, name="dx", axes="ND")


@exercise("elu")
def test_elu_output(student):
    """ELU keeps the positive and bends the rest towards −alpha; its cache is (x, out, alpha)."""
    expected = each(lambda v: exponential_linear(v, 1.6), X)
    out, (x, cached, alpha) = student.elu_forward(X, 1.6)
    assert_close(out, expected, name="out", axes="ND")
    assert_close(x, X, name="x in the cache", axes="ND")
    assert_close(cached, expected, name="out in the cache", axes="ND")
    assert_close(alpha, 1.6, name="alpha in the cache")


@exercise("elu")
def test_elu_extremes(student):
    """ELU does not overflow for large inputs."""
    out, _ = student.elu_forward(np.array([1000.0, -1000.0, 0.7, -1.3]), 1.6)
    expected = np.array([1000.0, -1.6, 0.7, exponential_linear(-1.3, 1.6)])
    assert_close(out, expected, name="out")


@exercise("elu")
def test_elu_dx(student):
    """ELU's gradient is dout where its input was positive, alpha eˣ times dout elsewhere."""
    dx = student.elu_backward(DOUT, (X, each(lambda v: exponential_linear(v, 1.6), X), 1.6))
    expected = numerical_gradient(lambda v: each(lambda u: exponential_linear(u, 1.6), v), X, DOUT)
    assert_close(dx, expected, name="dx", axes="ND")


@exercise("identity")
def test_identity_output(student):
    """The identity gives back its input, and None as its cache."""
    out, cache = student.identity_forward(X)
    assert_close(out, X, name="out", axes="ND")
    assert cache is None, "The cache of the identity should be None."


@exercise("identity")
def test_identity_dx(student):
    """The identity passes dout on as it is."""
    assert_close(student.identity_backward(DOUT, None), DOUT, name="dx", axes="ND")


@exercise("softmax")
def test_softmax_output(student):
    """Each row of a softmax holds exponentials over their sum; the cache is the output."""
    out, cache = student.softmax_forward(X)
    assert_close(out, row_softmax(X), name="out", axes="NC")
    assert_close(cache, row_softmax(X), name="cache", axes="NC")


@exercise("softmax")
def test_softmax_extremes(student):
    """Softmax neither overflows nor divides by zero, however large the scores are."""
    out, _ = student.softmax_forward(X + np.array([[1000.0], [-1000.0], [0.0], [3000.0]]))
    assert_close(out, row_softmax(X), name="out", axes="NC")


@exercise("softmax")
def test_softmax_dx(student):
    """Softmax's gradient is the product of each row's Jacobian with its dout."""
    dx = student.softmax_backward(DOUT[1:], row_softmax(X[1:]))
    assert_close(dx, numerical_gradient(row_softmax, X[1:], DOUT[1:]), name="dx", axes="NC")


# The linear layer. In the square one a transposed matrix raises no error, but gives wrong numbers.

SQUARE = X[:3], X[1:], DOUT[0]


@exercise("linear_forward")
def test_linear_output(student):
    """A linear layer gives weighted sums of its inputs, plus biases."""
    for x, w, b in SQUARE, (X, W, B):
        out, _ = student.linear_forward(x, w, b)
        assert_close(out, dense(x, w, b), name="out", axes="NM")


@exercise("linear_forward")
def test_linear_cache(student):
    """The linear layer's cache is (x, w, b)."""
    _, cache = student.linear_forward(X, W, B)
    for name, axes, actual, expected in zip(
        "xwb", ("ND", "DM", "M"), cache, (X, W, B), strict=True
    ):
        assert_close(actual, expected, name=f"{name} in the cache", axes=axes)


@exercise("linear_backward")
def test_linear_dx(student):
    """dx carries the upstream gradient back through the weights."""
    for dout, (x, w, b) in (DOUT[:3], SQUARE), (DOUT[:, :2], (X, W, B)):
        dx, _, _ = student.linear_backward(dout, (x, w, b))
        expected = numerical_gradient(lambda v, w=w, b=b: dense(v, w, b), x, dout)
        assert_close(dx, expected, name="dx", axes="ND")


@exercise("linear_backward")
def test_linear_dw(student):
    """dw sums, over the batch, the products of inputs and upstream gradients."""
    _, dw, _ = student.linear_backward(DOUT[:, :2], (X, W, B))
    expected = numerical_gradient(lambda v: dense(X, v, B), W, DOUT[:, :2])
    assert_close(dw, expected, name="dw", axes="DM", sizes={"N": 4})


@exercise("linear_backward")
def test_linear_db(student):
    """db sums the upstream gradient over the batch."""
    _, _, db = student.linear_backward(DOUT[:, :2], (X, W, B))
    expected = numerical_gradient(lambda v: dense(X, W, v), B, DOUT[:, :2])
    assert_close(db, expected, name="db", axes="M", sizes={"N": 4})


@exercise("linear_backward")
def test_linear_inputs(student):
    """The backward pass changes neither dout nor the cache."""
    assert_unchanged(student, "linear_backward", DOUT[:, :2], (X, W, B))


# Losses


def squared_error(pred):
    return sum((p - t) ** 2 for p, t in zip(pred.ravel(), DOUT.ravel(), strict=True)) / 12


def binary_cross_entropy(logits):
    pairs = zip(logits.ravel(), (DOUT > 0).ravel(), strict=True)
    return -sum(math.log(logistic(z) if t else logistic(-z)) for z, t in pairs) / 12


def class_cross_entropy(logits):
    return -sum(math.log(row[c]) for row, c in zip(row_softmax(logits), CLASSES, strict=True)) / 4


@exercise("mse_loss")
def test_mse_value(student):
    """The loss is the mean of the squared errors over all elements."""
    loss, _ = student.mse_loss(X, DOUT)
    assert_close(loss, float(squared_error(X)), name="loss", sizes={"N": 4, "D": 3})


@exercise("mse_loss")
def test_mse_dpred(student):
    """dpred is the derivative of the loss by each prediction."""
    _, dpred = student.mse_loss(X, DOUT)
    expected = numerical_gradient(squared_error, X)
    assert_close(dpred, expected, name="dpred", axes="ND")


@exercise("bce_loss")
def test_bce_value(student):
    """The loss is the mean of the binary cross-entropies over all elements."""
    loss, _ = student.bce_loss(X, (DOUT > 0).astype(float))
    assert_close(loss, binary_cross_entropy(X), name="loss", sizes={"N": 4, "D": 3})


@exercise("bce_loss")
def test_bce_dlogits(student):
    """dlogits is the derivative of the loss by each logit."""
    _, dlogits = student.bce_loss(X, (DOUT > 0).astype(float))
    assert_close(dlogits, numerical_gradient(binary_cross_entropy, X), name="dlogits", axes="ND")


@exercise("bce_loss")
def test_bce_extremes(student):
    """A logit of 1000 on the wrong side costs 1000, and on the right side nothing."""
    loss, dlogits = student.bce_loss(np.array([1000.0, -1000.0]), np.array([0.0, 0.0]))
    assert_close(loss, 500.0, name="loss")
    assert_close(dlogits, np.array([0.5, 0.0]), name="dlogits", axes="N")


@exercise("cross_entropy_loss")
def test_cross_entropy_value(student):
    """The loss is the mean, over the batch, of −log of the target's probability."""
    loss, _ = student.cross_entropy_loss(X, CLASSES)
    assert_close(loss, class_cross_entropy(X), name="loss", sizes={"N": 4, "C": 3})


@exercise("cross_entropy_loss")
def test_cross_entropy_dlogits(student):
    """dlogits is the derivative of the loss by each logit."""
    _, dlogits = student.cross_entropy_loss(X, CLASSES)
    assert_close(dlogits, numerical_gradient(class_cross_entropy, X), name="dlogits", axes="NC")


@exercise("cross_entropy_loss")
def test_cross_entropy_of_one_hot(student):
    """One-hot targets give the same loss and gradient as class numbers."""
    one_hot = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    loss, dlogits = student.cross_entropy_loss(X, one_hot)
    assert_close(loss, class_cross_entropy(X), name="loss", sizes={"N": 4, "C": 3})
    assert_close(dlogits, numerical_gradient(class_cross_entropy, X), name="dlogits", axes="NC")


@exercise("cross_entropy_loss")
def test_cross_entropy_extremes(student):
    """The loss is finite however large the logits are."""
    shifted = X + np.array([[1000.0], [-1000.0], [0.0], [3000.0]])
    loss, dlogits = student.cross_entropy_loss(shifted, CLASSES)
    assert_close(loss, class_cross_entropy(X), name="loss")
    assert_close(dlogits, numerical_gradient(class_cross_entropy, X), name="dlogits", axes="NC")
    loss, dlogits = student.cross_entropy_loss(np.array([[1000.0, -1000.0]]), np.array([1]))
    assert_close(loss, 2000.0, name="loss")
    assert_close(dlogits, np.array([[1.0, -1.0]]), name="dlogits", axes="NC")


# The network

ASSIGN = Expression(
    """
def assign(net, values):
    for name in values:
        net.parameters[name] = values[name]
""",
    "assign",
)
VALUES = {"w1": X[:3], "b1": DOUT[3], "w2": DOUT[:3], "b2": X[3]}


def network(x, values):
    """Three inputs, three tanh units and three outputs, written out."""
    hidden = each(math.tanh, dense(x, values["w1"], values["b1"]))
    return dense(hidden, values["w2"], values["b2"])


def squashed(x, values):
    """The same with a sigmoid on top."""
    return each(logistic, network(x, values))


def slopes(f):
    """Central differences of a function of the parameters, for each of them."""
    return numerical_gradients(f, VALUES)


def loaded(student):
    """The student's network with the weights and biases of VALUES."""
    net = student.MLP([3, 3, 3], ["tanh", "sigmoid"], rng=np.random.default_rng(0))
    evaluated(student, ASSIGN)(net, VALUES)
    return net


@exercise("MLP")
def test_mlp_shapes(student):
    """The parameters are w1 (D, M), b1 (M,), w2, b2, … and the biases start at zero."""
    net = student.MLP([4, 5, 2], ["relu", "identity"], rng=np.random.default_rng(0))
    shapes = {name: np.shape(value) for name, value in net.parameters.items()}
    assert set(shapes) == {"w1", "b1", "w2", "b2"}, "Two layers have the parameters w1, b1, w2, b2."
    for name, shape in {"w1": (4, 5), "b1": (5,), "w2": (5, 2), "b2": (2,)}.items():
        assert shapes[name] == shape, (
            f"{name} has the shape {shapes[name]}, and should have {shape}."
        )
    assert_close(net.parameters["b1"], np.zeros(5), name="b1", axes="M")


@exercise("MLP")
def test_mlp_spread(student):
    """The weights have He's standard deviation √(2/D), or the one that is given."""
    for seed, std, first, second in (3, None, 0.2, 0.1), (4, 0.03, 0.03, 0.03):
        rng = np.random.default_rng(seed)
        net = student.MLP([50, 200, 60], ["relu", "identity"], rng=rng, std=std)
        for name, expected in ("w1", first), ("w2", second):
            ratio = np.std(net.parameters[name]) / expected
            assert abs(ratio - 1) < 0.05, (
                f"The standard deviation of {name} is {ratio:.3g} times what it should be."
            )


@exercise("MLP")
def test_mlp_seed(student):
    """The weights come from rng alone: the same seed gives the same network."""
    first, second = (
        student.MLP([3, 4, 2], ["relu", "identity"], rng=np.random.default_rng(8)).parameters
        for _ in range(2)
    )
    for name in "w1", "w2":
        assert np.array_equal(first[name], second[name]), (
            f"Two networks from the same seed differ in {name}: draw it from rng."
        )


@exercise("MLP")
def test_mlp_output(student):
    """forward goes through every layer: weights, biases, activation."""
    assert_close(loaded(student).forward(X), squashed(X, VALUES), name="out", axes="NM")


@exercise("MLP", weight=2)
def test_mlp_gradients(student):
    """backward fills gradients for every weight and bias, and returns dx."""
    net = loaded(student)
    net.forward(X)
    dx, gradients = net.backward(DOUT), net.gradients
    assert set(gradients) == set(VALUES), (
        "gradients should have exactly the names of the parameters."
    )
    for name, expected in slopes(lambda values: np.sum(DOUT * squashed(X, values))).items():
        assert_close(gradients[name], expected, name=f"gradients['{name}']")
    expected = numerical_gradient(lambda v: squashed(v, VALUES), X, DOUT)
    assert_close(dx, expected, name="dx", axes="ND")


@exercise("MLP")
def test_mlp_gradients_again(student):
    """A second forward and backward replaces the gradients of the first."""
    net = loaded(student)
    for x, dout in (DOUT, X), (X, DOUT):
        net.forward(x)
        net.backward(dout)
    gradients = net.gradients
    for name, expected in slopes(lambda values: np.sum(DOUT * squashed(X, values))).items():
        assert_close(gradients[name], expected, name=f"gradients['{name}']")


@exercise("MLP")
def test_mlp_step(student):
    """update moves every parameter against its gradient, by the learning rate."""
    net = loaded(student)
    net.forward(X)
    net.backward(DOUT)
    net.update(0.3)
    for name, slope in slopes(lambda values: np.sum(DOUT * squashed(X, values))).items():
        expected = VALUES[name] - 0.3 * slope
        assert_close(net.parameters[name], expected, name=f"{name} after the update")


# Accuracy and training


@exercise("accuracy")
def test_accuracy_value(student):
    """Accuracy is the fraction of rows whose largest score is the target's."""
    scores = np.sin(np.arange(69.0) ** 2).reshape(23, 3)
    assert_close(student.accuracy(scores, np.arange(23) % 3), 7 / 23, name="accuracy")
    assert_close(student.accuracy(X, np.array([2, 2, 1, 1])), 0.75, name="accuracy")


@exercise("accuracy")
def test_accuracy_of_one_hot(student):
    """One-hot targets count like class numbers."""
    one_hot = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    assert_close(student.accuracy(X, one_hot), 0.75, name="accuracy")


# A linear model that writes down what training does to it.
MODEL = """
class Diary:
    def __init__(self):
        self.w, self.sizes, self.seen, self.rates = np.array([0.5, -1.0, 0.25]), [], [], []

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, dout):
        self.sizes.append(len(self.x))
        self.seen += self.x[:, 0].tolist()
        self.gradient = self.x.T @ dout

    def update(self, learning_rate):
        self.rates.append(learning_rate)
        self.w = self.w - learning_rate * self.gradient

model = Diary()
"""
SETTINGS = {
    "loss": Expression("lambda out, y: (np.mean((out - y) ** 2), 2 * (out - y) / len(y))"),
    "epochs": 2,
    "batch_size": 3,
    "learning_rate": 0.1,
}
Y = DOUT[:, 0]


def trained(student, **extra):
    """The history of a short training, and the model's diary."""
    model = student.put(Expression(MODEL, "model"))
    history = student.train(model, X, Y, rng=np.random.default_rng(5), **SETTINGS, **extra)
    return history, student.get(model)


@exercise("train")
def test_train_batches(student):
    """Each epoch goes once through all samples in a fresh order, a smaller last batch too."""
    _, model = trained(student)
    assert model.sizes == [3, 1, 3, 1], (
        "4 samples in batches of 3 should give batches of 3, 1, 3, 1 samples in two epochs."
    )
    rng = np.random.default_rng(5)
    expected = [*X[rng.permutation(4), 0], *X[rng.permutation(4), 0]]
    assert model.seen == expected, (
        "The samples of an epoch should come in the order of one rng.permutation(N)."
    )


@exercise("train")
def test_train_updates(student):
    """Every batch leads to one update, with the learning rate."""
    _, model = trained(student)
    assert model.rates == [0.1] * 4, (
        "Four batches should lead to four updates with the learning rate."
    )
    expected = np.array([0.15840436041, 0.18814467882, 0.50135999464])
    assert_close(model.w, expected, name="the model's weights", axes="D")


@exercise("train")
def test_train_history(student):
    """The history holds each epoch's mean loss over its samples."""
    history, _ = trained(student)
    assert list(history) == ["loss"], (
        "Without metric and validation data the history has only 'loss'."
    )
    assert_close(history["loss"], [3.83278851014, 0.60466925911], name="history['loss']")


@exercise("train")
def test_train_measures(student):
    """With a metric and validation data, the history holds loss and metric of both."""
    metric = Expression("lambda out, y: float(np.max(np.abs(out - y)))")
    history, _ = trained(student, x_val=X[:3] + 1, y_val=Y[:3], metric=metric)
    expected = {
        "loss": [3.83278851014, 0.60466925911],
        "metric": [2.777763575, 0.87322333509],
        "val_loss": [0.91663575051, 1.18799161632],
        "val_metric": [1.6180814192, 1.65949018081],
    }
    assert set(history) == set(expected), f"The history should have the keys {', '.join(expected)}."
    for name, values in expected.items():
        assert_close(history[name], values, name=f"history['{name}']")


# The twin in PyTorch


@exercise("torch_mlp")
def test_torch_value(student):
    """The twin's loss is the mean cross-entropy of the network's outputs."""
    loss, _ = student.torch_loss_and_gradients(
        student.torch_mlp(VALUES, ["tanh", "identity"]), X, CLASSES
    )
    expected = class_cross_entropy(network(X, VALUES))
    assert_close(loss, expected, name="loss", rtol=1e-10, sizes={"N": 4, "C": 3})


@exercise("torch_mlp")
def test_torch_gradient_values(student):
    """The twin's gradients have our names and shapes, and are the same when asked for again."""
    module = student.torch_mlp(VALUES, ["tanh", "identity"])
    student.torch_loss_and_gradients(module, X, CLASSES)
    _, gradients = student.torch_loss_and_gradients(module, X, CLASSES)
    assert set(gradients) == set(VALUES), f"The gradients should be named {', '.join(VALUES)}."
    for name, expected in slopes(lambda values: class_cross_entropy(network(X, values))).items():
        assert_close(gradients[name], expected, name=f"gradients['{name}']")
