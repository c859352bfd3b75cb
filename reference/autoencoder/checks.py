"""Checks of `autoencoder` on fixed numbers: what `check("…")` runs. The grader tests more.

Forward passes are compared with their definition, gradients with central differences of it.
"""

import math

import numpy as np

from autograder.gradcheck import numerical_gradient
from autograder.testing import Expression, assert_close, assert_unchanged, evaluated, exercise

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
    normal = ((z - z.mean(axis=0)) / deviation, deviation, layer["gamma"], True)
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


# The output of a forward pass, the layer after it, and the arrays that were in the layer before.
AFTERWARDS = Expression(
    """
def afterwards(forward, x, layer, training):
    arrays = dict(layer)
    out, _ = forward(x, layer, "tanh", training)
    return out, layer, arrays
""",
    "afterwards",
)


@exercise("block")
def test_block_running_statistics(student):
    """Training moves the running statistics, in place."""
    z, afterwards = X @ W, student.get(student.put(AFTERWARDS))
    _, after, arrays = afterwards(student.block_forward, X, NORMED, True)
    for name, batch in ("mean", z.mean(axis=0)), ("var", z.var(axis=0, ddof=1)):
        expected = 0.9 * NORMED[name] + 0.1 * batch
        assert_close(after[name], expected, name=f"layer['{name}'] after training", axes="M")
        assert_close(arrays[name], expected, name=f"the array that was layer['{name}']", axes="M")


@exercise("block")
def test_block_statistics_in_evaluation(student):
    """Evaluation leaves the running statistics as they are."""
    _, after, _ = student.get(student.put(AFTERWARDS))(student.block_forward, X, NORMED, False)
    for name in "mean", "var":
        assert_close(after[name], NORMED[name], name=f"layer['{name}'] after evaluation", axes="M")


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


# The network: three inputs, a tanh layer of two with batch normalisation, codes of one, and back.

FILL = Expression(
    """
def fill(net, values):
    for name, value in values.items():
        (net.parameters if name in net.parameters else net.statistics)[name][...] = value
    return net
""",
    "fill",
)
VALUES = {
    **{f"{name}1": value for name, value in NORMED.items()},
    "w2": np.array([[0.8], [-1.3]]),
    "b2": np.array([0.35]),
    "w3": np.array([[1.1, -0.6]]),
    **{f"{name}3": 0.9 * NORMED[name] + 0.2 for name in ("gamma", "beta", "mean", "var")},
    "w4": W.T,
    "b4": np.array([0.1, -0.2, 0.3]),
}
PARAMETERS = [name for name in VALUES if not name.startswith(("mean", "var"))]
Z = np.array([[0.4], [-1.1], [0.9], [-0.3]])


def encoder(x, values, training=True):
    hidden = block(x, {name: values[f"{name}1"] for name in NORMED}, training)
    return hidden @ values["w2"] + values["b2"]


def decoder(z, values, training=True):
    hidden = block(z, {name: values[f"{name}3"] for name in NORMED}, training)
    return hidden @ values["w4"] + values["b4"]


def network(student):
    """The student's network with the numbers of VALUES."""
    net = student.Autoencoder([3, 2, 1], [1, 2, 3], "tanh", rng=np.random.default_rng(0))
    found = {**net.parameters, **net.statistics}
    for name, value in VALUES.items():
        assert np.shape(found.get(name)) == value.shape, (
            f"An autoencoder of widths (3, 2, 1) and (1, 2, 3) should have an array {name} of "
            f"shape {value.shape}."
        )
    evaluated(student, FILL)(net, VALUES)
    return net


@exercise("Autoencoder")
def test_network_arrays(student):
    """The layers are numbered through; the last of encoder and decoder have no normalisation."""
    net = student.Autoencoder([5, 4, 3, 2], [2, 4, 5], "relu", rng=np.random.default_rng(0))
    hidden, bare = ("w", "gamma", "beta"), ("w", "b")
    layers = {1: hidden, 2: hidden, 3: bare, 4: hidden, 5: bare}
    names = {f"{name}{number}" for number, layer in layers.items() for name in layer}
    assert set(net.parameters) == names, f"The parameters should be {', '.join(sorted(names))}."
    assert set(net.statistics) == {f"{n}{layer}" for n in ("mean", "var") for layer in (1, 2, 4)}, (
        "The statistics should be mean and var of the layers 1, 2 and 4."
    )
    net = student.Autoencoder(
        [5, 4, 2], [2, 5], "relu", "xavier", False, rng=np.random.default_rng(0)
    )
    assert set(net.parameters) == {f"{n}{layer}" for n in bare for layer in (1, 2, 3)}, (
        "Without batch normalisation every layer has w and b."
    )
    first = np.random.default_rng(0).normal(0, np.sqrt(2 / 9), (5, 4))
    assert_close(net.parameters["w1"], first, name="w1 by Xavier", axes="DM")


@exercise("Autoencoder")
def test_network_encode(student):
    """encode gives codes, which have no activation."""
    assert_close(network(student).encode(X), encoder(X, VALUES), name="z", axes="NK")


@exercise("Autoencoder")
def test_network_decode(student):
    """decode gives reconstructions, which have no activation either."""
    assert_close(network(student).decode(Z), decoder(Z, VALUES), name="x_hat", axes="ND")


@exercise("Autoencoder")
def test_network_in_evaluation(student):
    """In evaluation the running statistics normalise, and one sample is enough."""
    net = network(student)
    evaluated(student, Expression("lambda net: setattr(net, 'training', False)"))(net)
    expected = decoder(encoder(X[:1], VALUES, False), VALUES, False)
    assert_close(net.forward(X[:1]), expected, name="x_hat in evaluation", axes="ND")


@exercise("Autoencoder", weight=2)
def test_network_gradients(student):
    """The two backward passes fill the gradients of all parameters, and hand on dz."""
    net, dx_hat = network(student), OTHER
    net.encode(X)
    net.decode(Z)
    dz = net.decode_backward(dx_hat)
    assert dz is not None, (
        "decode_backward gives None instead of dz: either it returns nothing, or the decoder's "
        "first layer was told that its dx is not wanted."
    )
    expected = numerical_gradient(lambda v: decoder(v, VALUES), Z, dx_hat)
    assert_close(dz, expected, name="dz", axes="NK")
    net.encode_backward(DOUT[:, :1])
    gradients = net.gradients
    assert set(gradients) == set(PARAMETERS), "gradients should have the names of the parameters."
    for name in PARAMETERS:
        half, start, dout = (encoder, X, DOUT[:, :1]) if int(name[-1]) < 3 else (decoder, Z, dx_hat)
        expected = numerical_gradient(
            lambda v, n=name, h=half, s=start: h(s, {**VALUES, n: v}), VALUES[name], dout
        )
        assert_close(gradients[name], expected, name=f"gradients['{name}']")


@exercise("Autoencoder")
def test_network_second_pass(student):
    """A second pass replaces the gradients of the first."""
    net = network(student)
    for x, dx_hat in (OTHER, X), (X, OTHER):
        net.forward(x)
        net.backward(dx_hat)
    f = lambda v: decoder(encoder(X, {**VALUES, "w1": v}), VALUES)  # noqa: E731
    expected = numerical_gradient(f, W, OTHER)
    assert_close(net.gradients["w1"], expected, name="gradients['w1']", axes="DM")


# Training


@exercise("weight_decay")
def test_decay(student):
    """The penalty is ½ λ times the sum of the squared weights, and its gradient λ w."""
    parameters = {"w1": W, "gamma1": X[0], "beta1": X[1], "w2": X, "b2": X[2]}
    penalty, gradients = student.weight_decay(parameters, 0.3)
    squares = sum(v * v for name in ("w1", "w2") for v in parameters[name].ravel())
    assert_close(penalty, float(0.15 * squares), name="penalty")
    assert set(gradients) == {"w1", "w2"}, "There should be gradients for w1 and w2 only."
    assert_close(gradients["w1"], 0.3 * W, name="gradients['w1']", axes="DM")
    assert_close(gradients["w2"], 0.3 * X, name="gradients['w2']", axes="DM")


def watched(student, losses, patience):
    """Feed losses until it says stop: the epoch of the stop, and the object."""
    stopping = student.EarlyStopping(patience)
    for epoch, loss in enumerate(losses, start=1):
        if stopping.update(loss, {"w1": W * epoch}):
            return epoch, stopping
    return None, stopping


LOSSES = [5.0, 3.0, 4.0, 3.5, 2.0, 2.0, float("nan"), 2.5, 1.0]


@exercise("EarlyStopping")
def test_stopping_epoch(student):
    """It stops after `patience` epochs in a row without a lower loss; nan and ties are none."""
    for patience, expected in (1, 3), (2, 4), (3, 8), (4, None):
        epoch, _ = watched(student, LOSSES, patience)
        assert epoch == expected, (
            f"The losses {', '.join(map(str, LOSSES))} with patience {patience} should "
            + (f"stop after epoch {expected}" if expected else "not stop")
            + (f"; it stops after {epoch}." if epoch else "; it does not stop.")
        )


@exercise("EarlyStopping")
def test_stopping_best(student):
    """It keeps the lowest loss, its epoch and the state of that epoch."""
    _, stopping = watched(student, LOSSES, 3)
    assert_close(float(stopping.best_loss), 2.0, name="best_loss")
    assert stopping.best_epoch == 5, f"best_epoch should be 5 and is {stopping.best_epoch}."
    assert_close(stopping.best_state["w1"], 5 * W, name="best_state['w1']", axes="DM")


@exercise("EarlyStopping")
def test_stopping_copies(student):
    """The best state is a copy, out of the reach of further training."""
    stopping, state = student.EarlyStopping(3), student.put({"w1": W})
    stopping.update(1.0, state)
    evaluated(student, Expression("lambda state: state['w1'].fill(7.0)"))(state)
    assert_close(stopping.best_state["w1"], W, name="best_state['w1']", axes="DM")


# A linear model that writes down what training does to it.
MODEL = """
class Diary:
    def __init__(self):
        self.parameters = {"w1": np.array([0.5, -1.0, 0.25]), "b1": np.array([0.75])}
        self.gradients, self.training, self.batches, self.validated = {}, None, [], []

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
    error = x @ model.parameters["w1"] + model.parameters["b1"] - np.sin(x[:, 0])
    if model.training:
        model.batches.append(x.tolist())
        model.gradients = {"w1": 2 * x.T @ error / len(x), "b1": 2 * error.mean(keepdims=True)}
    else:
        model.validated.append(len(x))
    return np.mean(error**2) + (10.0 if model.training else 0.0)
""",
    "objective",
)
STOPPING = Expression(
    """
class Stopping:
    count, best_state = 0, None

    def update(self, loss, state):
        self.count += 1
        if self.count == 2:
            self.best_state = {key: np.array(value) for key, value in state.items()}
        return self.count == 4

stopping = Stopping()
""",
    "stopping",
)


def descent(x, rates, decay, seed=3):
    """Adam by its definition, in batches of three: losses, and the weights after each epoch."""
    draws = np.random.default_rng(seed)
    theta, m, v, step = np.array([0.5, -1.0, 0.25, 0.75]), np.zeros(4), np.zeros(4), 0
    losses, states, batches = [], [], []
    for rate in rates:
        order, batch_losses = draws.permutation(len(x)), []
        for batch in order[:3], order[3:6]:
            inputs = np.hstack([x[batch], np.ones((3, 1))])
            error = inputs @ theta - np.sin(x[batch, 0])
            batch_losses.append(np.mean(error**2) + 10)
            slope = 2 * inputs.T @ error / 3 + decay * theta * [1, 1, 1, 0]
            m, v, step = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2, step + 1
            root = np.sqrt(v / (1 - 0.999**step)) + 1e-8
            theta = theta - rate * m / (1 - 0.9**step) / root
            batches.append(x[batch].tolist())
        losses.append(float(np.mean(batch_losses)))
        states.append(theta)
    return losses, states, batches


SAMPLES = np.vstack([X, OTHER])[:7]


def fitted(student, rates, **settings):
    model = student.put(Expression(MODEL, "model"))
    history = student.fit(
        model, OBJECTIVE, SAMPLES, X, learning_rates=rates, batch_size=3,
        rng=np.random.default_rng(3), **settings,
    )  # fmt: skip
    return history, student.get(model)


@exercise("fit")
def test_fit_batches(student):
    """Each epoch goes through its own permutation in whole batches, and leaves the rest out."""
    _, model = fitted(student, [0.1, 0.05])
    _, _, batches = descent(SAMPLES, [0.1, 0.05], 0)
    assert [len(batch) for batch in model.batches] == [3, 3, 3, 3], (
        "Seven samples in batches of three should give two batches of three in each epoch."
    )
    assert model.batches == batches, (
        "The samples should come in the order of one rng.permutation(N) for each epoch."
    )


@exercise("fit", weight=2)
def test_fit_steps(student):
    """Every batch is a step of Adam with its epoch's learning rate and the decay of the weights."""
    for decay in 0.0, 0.2:
        _, model = fitted(student, [0.1, 0.05, 0.02], decay=decay)
        expected = descent(SAMPLES, [0.1, 0.05, 0.02], decay)[1][-1]
        assert_close(model.parameters["w1"], expected[:3], name="w1 after training")
        assert_close(model.parameters["b1"], expected[3:], name="b1 after training")


@exercise("fit")
def test_fit_history(student):
    """The history has the mean training loss, and the validation loss in evaluation mode."""
    history, model = fitted(student, [0.1, 0.05, 0.02], decay=0.2)
    losses, states, _ = descent(SAMPLES, [0.1, 0.05, 0.02], 0.2)
    assert set(history) == {"loss", "val_loss"}, "The keys should be loss and val_loss."
    assert_close(history["loss"], losses, name="history['loss']")
    expected = [float(np.mean((X @ s[:3] + s[3] - np.sin(X[:, 0])) ** 2)) for s in states]
    assert_close(history["val_loss"], expected, name="history['val_loss']")
    assert model.validated == [4, 4, 4], "All validation data should be evaluated after each epoch."
    assert model.training is False, "After training, the model should be in evaluation mode."


@exercise("fit")
def test_fit_stopping(student):
    """Training ends when stopping says so, with the state that it has kept."""
    history, model = fitted(student, [0.1] * 6, stopping=STOPPING)
    assert len(history["loss"]) == 4, "stopping says stop after the fourth epoch."
    expected = descent(SAMPLES, [0.1] * 6, 0)[1][1]
    assert_close(model.parameters["w1"], expected[:3], name="w1 after training")
    history, model = fitted(student, [0.1] * 3, stopping=STOPPING)
    assert_close(model.parameters["w1"], expected[:3], name="w1 after training")


@exercise("grid_search")
def test_grid(student):
    """All combinations are tried, the first name outermost, and the lowest loss wins."""
    losses = "{(1, 'x'): 3.25, (1, 'y'): 1.5, (2, 'x'): float('nan'), (2, 'y'): 1.5}"
    evaluate = Expression(f"lambda a, b: {losses}[a, b]")
    best, trials = student.grid_search(evaluate, {"a": [1, 2], "b": ["x", "y"]})
    tried = [{"a": a, "b": b} for a in (1, 2) for b in ("x", "y")]
    assert [settings for settings, _ in trials] == tried, (
        "The trials should be those of nested loops, the first name outermost."
    )
    assert best == {"a": 1, "b": "y"}, "best should be the first of the lowest losses."


@exercise("grid_search")
def test_grid_nan(student):
    """A loss that is nan never wins, even if it comes first."""
    evaluate = Expression("lambda a: {1: float('nan'), 2: 7.0, 3: 6.5}[a]")
    best, trials = student.grid_search(evaluate, {"a": [1, 2, 3]})
    assert best == {"a": 3}, "The lowest loss is that of a = 3."
    assert len(trials) == 3, "All three trials should be listed."
    best, _ = student.grid_search(evaluate, {"a": [1]})
    assert best is None, "Where every loss is nan, best should be None."


# Looking at the result

CODER = Expression(
    """
class Coder:
    def __init__(self, w):
        self.w, self.training, self.modes, self.sizes = w, True, [], []
        self.config = {"enc_dims": list(w.shape), "dec_dims": list(w.shape[::-1])}

    def encode(self, x):
        self.modes.append(self.training)
        self.sizes.append(len(x))
        return np.tanh(x @ self.w)

    def decode(self, z):
        self.modes.append(self.training)
        return z @ self.w.T

    def forward(self, x):
        return self.decode(self.encode(x))
""",
    "Coder",
)


@exercise("process")
def test_process(student):
    """Codes, clamped reconstructions and the error of each sample, whatever the batches."""
    for size in 500, 3:
        model = evaluated(student, CODER)(W)
        out = student.process(model, OTHER, np.arange(4), "toy", batch_size=size)
        assert set(out) == {"Z", "Yhat", "mse", "y", "dataset"}, (
            "The keys should be Z, Yhat, mse, y and dataset."
        )
        z = np.tanh(OTHER @ W)
        expected = np.array([[min(max(v, 0), 1) for v in row] for row in z @ W.T])
        assert_close(out["Z"], z, name="Z", axes="NK")
        assert_close(out["Yhat"], expected, name="Yhat", axes="ND")
        mse = np.array([sum((a - b) ** 2) / 3 for a, b in zip(expected, OTHER, strict=True)])
        assert_close(out["mse"], mse, name="mse", axes="N", sizes={"D": 3})
        assert out["dataset"] == "toy" and np.array_equal(out["y"], np.arange(4)), (
            "y and dataset should be as they were given."
        )


@exercise("process")
def test_process_mode(student):
    """The model works in evaluation mode and in batches, and is then in the mode it was in."""
    model = evaluated(student, CODER)(W)
    student.process(model, OTHER, np.arange(4), "toy", batch_size=3)
    assert set(model.modes) == {False}, "The model is to be used in evaluation mode."
    assert model.training is True, "Afterwards the model should be in the mode it was in."
    assert max(model.sizes) <= 3, "With batch_size 3, a larger batch goes through."


@exercise("psnr")
def test_psnr(student):
    """PSNR is 10 log₁₀(peak² / mse) for each sample, and infinite for equal images."""
    expected = [10 * math.log10(3 * 16 / sum((a - b) ** 2)) for a, b in zip(X, OTHER, strict=True)]
    assert_close(student.psnr(X, OTHER, 4.0), np.array(expected), name="psnr", axes="N")
    same = X.copy()
    same[1] = OTHER[1]
    found = student.psnr(same, OTHER)
    assert np.isinf(found[1]) and np.isfinite(found[0]), "Equal images have a PSNR of infinity."


def filters(layer):
    """One filter a unit, weight by weight."""
    scale = layer["gamma"] / np.sqrt(layer["var"] + 1e-5) if "gamma" in layer else np.ones(2)
    return np.array(
        [[s * v for v in column] for s, column in zip(scale, layer["w"].T, strict=True)]
    )


@exercise("first_layer_filters")
def test_filters(student):
    """A filter is a column of w, times γ / √(v + ε) where there is batch normalisation."""
    small = {**NORMED, "var": np.array([3e-5, 2e-4])}
    for layer in NORMED, small, BIASED:
        found = student.first_layer_filters(layer)
        assert_close(found, filters(layer), name="filters", axes="MD")


@exercise("second_layer_filters")
def test_second_filters(student):
    """A filter of the second layer is the sum of the first's, with its own scaled weights."""
    square = {"w": DOUT[:2]}
    for first in NORMED, BIASED:
        for second in {**NORMED, **square}, {**BIASED, **square}:
            found = student.second_layer_filters(first, second)
            below, weights = filters(first), filters(second)
            expected = np.array(
                [sum(w * f for w, f in zip(r, below, strict=True)) for r in weights]
            )
            assert_close(found, expected, name="filters", axes="MD")


# Labels and the classifier


@exercise("few_labels")
def test_few_labels(student):
    """Each class is drawn equally often, no sample twice, and another seed draws others."""
    y = np.array([7, 2, 7, 7, 2, 2, 5, 5, 7, 5, 2, 5, 5, 2])
    draws = [
        np.asarray(student.few_labels(y, 3, np.random.default_rng(seed))) for seed in (1, 2, 3)
    ]
    for chosen in draws:
        assert len(set(chosen.tolist())) == 9 == len(chosen), "Nine different places are wanted."
        for label in 2, 5, 7:
            count = int(np.sum(y[chosen] == label))
            assert count == 3, f"Class {label} is drawn {count} times instead of 3 times."
    assert len({tuple(sorted(chosen.tolist())) for chosen in draws}) > 1, (
        "Three different seeds draw the same samples: use rng."
    )


CLASSES, BIAS = np.array([1, 0, 0, 1]), np.array([0.3, -0.2])


def classification(w, b):
    total = 0.0
    for row, label in zip(X, CLASSES, strict=True):
        scores = [sum(row * column) + bias for column, bias in zip(w.T, b, strict=True)]
        total += math.log(sum(map(math.exp, scores))) - scores[label]
    return total / 4 + 0.35 * np.sum(w * w)


@exercise("classifier_loss")
def test_classifier(student):
    """The loss is the mean cross-entropy plus ½ λ ‖w‖², with its gradients by w and b."""
    loss, dw, db = student.classifier_loss(W, BIAS, X, CLASSES, 0.7)
    assert_close(loss, float(classification(W, BIAS)), name="loss", sizes={"N": 4})
    expected = numerical_gradient(lambda v: classification(v, BIAS), W)
    assert_close(dw, expected, name="dw", axes="DC", sizes={"N": 4})
    expected = numerical_gradient(lambda v: classification(W, v), BIAS)
    assert_close(db, expected, name="db", axes="C", sizes={"N": 4})


@exercise("classifier_loss")
def test_classifier_extremes(student):
    """Scores of thousands overflow nothing."""
    w, x = np.array([[1.0, -1.0]]), np.array([[1000.0], [-1000.0]])
    loss, dw, _ = student.classifier_loss(w, np.zeros(2), x, np.array([1, 1]))
    assert_close(loss, 1000.0, name="loss")
    assert_close(dw, np.array([[500.0, -500.0]]), name="dw", axes="DC")


# The variational autoencoder

MU, LOGVAR, NOISE = (
    X[:, :2],
    OTHER[:, 1:],
    np.array([[0.3, -1.2], [0.8, 0.1], [-0.5, 1.7], [0, -1]]),
)


@exercise("reparameterise")
def test_draw(student):
    """The draw is the mean plus the standard deviation times the noise."""
    z, (std, noise) = student.reparameterise_forward(MU, LOGVAR, NOISE)
    deviation = np.array([[math.sqrt(math.exp(s)) for s in row] for row in LOGVAR])
    assert_close(z, MU + deviation * NOISE, name="z", axes="NK")
    assert_close(std, deviation, name="std in the cache", axes="NK")
    assert_close(noise, NOISE, name="noise in the cache", axes="NK")


@exercise("reparameterise")
def test_draw_gradients(student):
    """dmu and dlogvar are the derivatives of the draw."""
    dmu, dlogvar = student.reparameterise_backward(DOUT, (np.sqrt(np.exp(LOGVAR)), NOISE))
    assert_close(dmu, DOUT, name="dmu", axes="NK")
    expected = numerical_gradient(lambda v: MU + np.sqrt(np.exp(v)) * NOISE, LOGVAR, DOUT)
    assert_close(dlogvar, expected, name="dlogvar", axes="NK")


def divergence(mu, logvar):
    pairs = zip(mu.ravel(), logvar.ravel(), strict=True)
    return sum(0.5 * (m * m + math.exp(s) - s - 1) for m, s in pairs) / 4


@exercise("kl_divergence")
def test_kl_value(student):
    """The divergence is summed over K and averaged over N; the standard normal has none."""
    kl, _, _ = student.kl_divergence(MU, LOGVAR)
    assert_close(kl, float(divergence(MU, LOGVAR)), name="kl", sizes={"N": 4, "K": 2})
    kl, _, _ = student.kl_divergence(np.zeros((3, 2)), np.zeros((3, 2)))
    assert_close(kl, 0.0, name="kl of the standard normal")


@exercise("kl_divergence")
def test_kl_gradients(student):
    """dmu and dlogvar are the derivatives of the divergence."""
    _, dmu, dlogvar = student.kl_divergence(MU, LOGVAR)
    expected = numerical_gradient(lambda v: divergence(v, LOGVAR), MU)
    assert_close(dmu, expected, name="dmu", axes="NK", sizes={"N": 4})
    expected = numerical_gradient(lambda v: divergence(MU, v), LOGVAR)
    assert_close(dlogvar, expected, name="dlogvar", axes="NK", sizes={"N": 4})


PIXELS = np.array([[0, 0.25, 1], [1, 0.6, 0], [0.1, 1, 0.9], [0.5, 0, 0.3]])


def likelihood(logits):
    total = 0.0
    for z, t in zip(logits.ravel(), PIXELS.ravel(), strict=True):
        p = 1 / (1 + math.exp(-z))
        total -= t * math.log(p) + (1 - t) * math.log(1 - p)
    return total / 4


@exercise("bernoulli_loss")
def test_bernoulli(student):
    """Minus the log-likelihood is summed over D and averaged over N, with its gradient."""
    nll, dlogits = student.bernoulli_loss(X, PIXELS)
    assert_close(nll, float(likelihood(X)), name="nll", sizes={"N": 4, "D": 3})
    expected = numerical_gradient(likelihood, X)
    assert_close(dlogits, expected, name="dlogits", axes="ND", sizes={"N": 4, "D": 3})


@exercise("bernoulli_loss")
def test_bernoulli_extremes(student):
    """A logit of 1000 on the wrong side costs 1000, on the right side nothing."""
    logits, x = np.array([[1000.0, -1000.0, 700.0]]), np.array([[0.0, 0.0, 1.0]])
    nll, dlogits = student.bernoulli_loss(logits, x)
    assert not 0 < float(nll) < 200, (
        f"Logits far on the wrong side cost {float(nll):.4g} instead of 1000: the loss is capped, "
        "as it is by clipped probabilities or by a small number added to them."
    )
    assert_close(nll, 1000.0, name="nll")
    assert_close(dlogits, np.array([[1.0, 0.0, 0.0]]), name="dlogits", axes="ND")


# A small model, so that the exercise is checked without your network.
FAKE = Expression(
    """
class Fake:
    def __init__(self, a, c):
        self.a, self.c, self.gradients, self.training = a, c, {}, True

    def encode(self, x):
        self.x = x
        return x @ self.a

    def decode(self, z):
        self.z = z
        return z @ self.c

    def decode_backward(self, dlogits):
        self.gradients["c"] = self.z.T @ dlogits
        return dlogits @ self.c.T

    def encode_backward(self, dz):
        self.gradients["a"] = self.x.T @ dz
""",
    "Fake",
)
A, C = 0.4 * X.T[:, [0, 2, 1, 3]], W.T


# Your cache stays where it is: what is in it is up to you.
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


def terms(a, c):
    h = PIXELS @ a
    mu, logvar = h[:, :2], h[:, 2:]
    return likelihood((mu + np.exp(logvar / 2) * NOISE) @ c), divergence(mu, logvar)


@exercise("vae")
def test_vae_terms(student):
    """Forward gives the likelihood of the decoded draws, and the divergence."""
    model = evaluated(student, FAKE)(A, C)
    nll, kl = evaluated(student, PASSES)(student.vae_forward, None, model, PIXELS, NOISE)
    expected = terms(A, C)
    assert_close(nll, float(expected[0]), name="nll", sizes={"N": 4, "D": 3})
    assert_close(kl, float(expected[1]), name="kl", sizes={"N": 4, "K": 2})


@exercise("vae", weight=2)
def test_vae_gradients(student):
    """Backward brings decoder and encoder the gradients of the sum of both terms."""
    model = evaluated(student, FAKE)(A, C)
    passes = evaluated(student, PASSES)
    passes(student.vae_forward, student.vae_backward, model, PIXELS, NOISE)
    expected = numerical_gradient(lambda v: sum(terms(A, v)), C)
    assert_close(model.gradients["c"], expected, name="the decoder's gradient", axes="KD")
    expected = numerical_gradient(lambda v: sum(terms(v, C)), A)
    assert_close(model.gradients["a"], expected, name="the encoder's gradient", axes="DM")
