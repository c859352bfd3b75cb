"""Right solutions of `mlp` that are written differently: each must get full marks and no hint."""

from autograder.assignment.mutants import Alternative

NEURON = [
    Alternative(
        "neuron_forward",
        "einsum",
        "x @ w + b",
        'np.einsum("nd,d->n", x, w) + b',
    ),
    Alternative(
        "neuron_forward",
        "sample by sample",
        "    out = 1 / (1 + np.exp(-(x @ w + b)))\n",
        "    out = np.array([1 / (1 + np.exp(-(np.dot(row, w) + b))) for row in x], dtype=x.dtype)\n",
    ),
    Alternative(
        "neuron_forward",
        "tanh of half",
        "1 / (1 + np.exp(-(x @ w + b)))",
        "0.5 + 0.5 * np.tanh(0.5 * (x @ w + b))",
    ),
    Alternative(
        "neuron_backward",
        "broadcast and sum",
        "    return np.outer(dz, w), x.T @ dz, dz.sum()\n",
        "    dz = dz[:, None]\n    return dz * w, (dz * x).sum(axis=0), float(np.sum(dz))\n",
    ),
    Alternative(
        "neuron_backward",
        "einsum",
        "np.outer(dz, w), x.T @ dz, dz.sum()",
        'np.einsum("n,d->nd", dz, w), np.einsum("n,nd->d", dz, x), np.einsum("n->", dz)',
    ),
    Alternative(
        "neuron_backward",
        "sample by sample",
        "    return np.outer(dz, w), x.T @ dz, dz.sum()\n",
        "    dx, dw, db = np.zeros_like(x), np.zeros_like(w), 0.0\n"
        "    for n in range(len(x)):\n"
        "        dx[n] = dz[n] * w\n"
        "        dw += dz[n] * x[n]\n"
        "        db += dz[n]\n"
        "    return dx, dw, db\n",
    ),
]

ACTIVATIONS = [
    Alternative(
        "sigmoid",
        "tanh of half",
        "    e = np.exp(-np.abs(x))\n    out = np.where(x >= 0, 1, e) / (1 + e)\n",
        "    out = 0.5 * (1 + np.tanh(0.5 * x))\n",
    ),
    Alternative(
        "sigmoid",
        "masks",
        "    e = np.exp(-np.abs(x))\n    out = np.where(x >= 0, 1, e) / (1 + e)\n",
        "    out = np.empty_like(x)\n"
        "    right = x >= 0\n"
        "    out[right] = 1 / (1 + np.exp(-x[right]))\n"
        "    left = np.exp(x[~right])\n"
        "    out[~right] = left / (1 + left)\n",
    ),
    Alternative(
        "sigmoid",
        "logaddexp",
        "    e = np.exp(-np.abs(x))\n    out = np.where(x >= 0, 1, e) / (1 + e)\n",
        "    out = np.exp(-np.logaddexp(0, -x))\n",
        also=(("dout * out * (1 - out)", "dout * (out - out**2)"),),
    ),
    Alternative(
        "tanh",
        "exponentials that do not overflow",
        "out = np.tanh(x)",
        "e = np.exp(-2 * np.abs(x))\n    out = np.sign(x) * (1 - e) / (1 + e)",
        also=(("dout * (1 - out * out)", "dout - dout * out**2"),),
    ),
    Alternative(
        "tanh",
        "difference of squares",
        "dout * (1 - out * out)",
        "dout * (1 + out) * (1 - out)",
    ),
    Alternative(
        "relu",
        "mask as a factor",
        "np.maximum(x, 0), x",
        "x * (x > 0), x",
        also=(("dout * (x > 0)", "np.where(x > 0, dout, 0)"),),
    ),
    Alternative(
        "relu",
        "copies with assigned zeros",
        "    return np.maximum(x, 0), x\n",
        "    out = x.copy()\n    out[out < 0] = 0\n    return out, x\n",
        also=(
            (
                "    return dout * (x > 0)\n",
                "    dx = np.array(dout)\n    dx[x <= 0] = 0\n    return dx\n",
            ),
        ),
    ),
    Alternative(
        "relu",
        "half of x plus its absolute value",
        "np.maximum(x, 0), x",
        "(x + np.abs(x)) / 2, x",
        also=(("dout * (x > 0)", "dout * np.heaviside(x, 0)"),),
    ),
    Alternative(
        "leaky_relu",
        "the larger of two lines",
        "np.where(x > 0, x, slope * x)",
        "np.maximum(x, slope * x)",
        also=(
            ("np.where(x > 0, dout, slope * dout)", "slope * dout + (1 - slope) * dout * (x > 0)"),
        ),
    ),
    Alternative(
        "leaky_relu",
        "positive part plus negative part",
        "np.where(x > 0, x, slope * x)",
        "np.maximum(x, 0) + slope * np.minimum(x, 0)",
        also=(
            (
                "    return np.where(x > 0, dout, slope * dout)\n",
                "    slopes = np.ones_like(x)\n"
                "    slopes[x <= 0] = slope\n"
                "    return slopes * dout\n",
            ),
        ),
    ),
    Alternative(
        "elu",
        "masks",
        "    out = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))\n",
        "    out = x.copy()\n"
        "    negative = x <= 0\n"
        "    out[negative] = alpha * (np.exp(x[negative]) - 1)\n",
        also=(
            (
                "    return dout * np.where(x > 0, 1, out + alpha)\n",
                "    dx = dout.copy()\n    dx[x <= 0] *= out[x <= 0] + alpha\n    return dx\n",
            ),
        ),
    ),
    Alternative(
        "elu",
        "slope from the input",
        "np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))",
        "np.maximum(x, 0) + alpha * (np.exp(np.minimum(x, 0)) - 1)",
        also=(("out + alpha", "alpha * np.exp(np.minimum(x, 0))"),),
    ),
    Alternative(
        "identity",
        "copies",
        "return x, None",
        "return x.copy(), None",
        also=(("return dout", "return 1 * dout"),),
    ),
    Alternative(
        "softmax",
        "logarithm of the sum",
        "    e = np.exp(x - x.max(axis=-1, keepdims=True))\n"
        "    out = e / e.sum(axis=-1, keepdims=True)\n",
        "    out = np.exp(x - np.logaddexp.reduce(x, axis=-1)[..., None])\n",
        also=(
            (
                "out * (dout - np.sum(dout * out, axis=-1, keepdims=True))",
                'dout * out - out * np.einsum("...c,...c->...", dout, out)[..., None]',
            ),
        ),
    ),
    Alternative(
        "softmax",
        "row by row with the whole Jacobian",
        "    e = np.exp(x - x.max(axis=-1, keepdims=True))\n"
        "    out = e / e.sum(axis=-1, keepdims=True)\n",
        "    out = np.empty_like(x)\n"
        "    for place in np.ndindex(x.shape[:-1]):\n"
        "        powers = np.exp(x[place] - max(x[place]))\n"
        "        out[place] = powers / sum(powers)\n",
        also=(
            (
                "    return out * (dout - np.sum(dout * out, axis=-1, keepdims=True))\n",
                "    dx = np.empty_like(dout)\n"
                "    for place in np.ndindex(out.shape[:-1]):\n"
                "        p = out[place]\n"
                "        dx[place] = (np.diag(p) - np.outer(p, p)) @ dout[place]\n"
                "    return dx\n",
            ),
        ),
    ),
]

LINEAR = [
    Alternative(
        "linear_forward",
        "einsum",
        "x @ w + b, (x",
        'np.einsum("nd,dm->nm", x, w) + b[None, :], (x',
    ),
    Alternative(
        "linear_forward",
        "transposed",
        "x @ w + b, (x",
        "(np.dot(w.T, x.T) + b.reshape(-1, 1)).T, (x",
    ),
    Alternative(
        "linear_forward",
        "bias as one more weight",
        "    return x @ w + b, (x, w, b)\n",
        "    ones = np.ones((x.shape[0], 1), dtype=x.dtype)\n"
        "    return np.hstack([x, ones]) @ np.vstack([w, b]), (x, w, b)\n",
    ),
    Alternative(
        "linear_backward",
        "einsum",
        "dout @ w.T, x.T @ dout, dout.sum(axis=0)",
        'np.einsum("nm,dm->nd", dout, w), np.einsum("nd,nm->dm", x, dout), np.einsum("nm->m", dout)',
    ),
    Alternative(
        "linear_backward",
        "products of transposes",
        "dout @ w.T, x.T @ dout, dout.sum(axis=0)",
        "(w @ dout.T).T, (dout.T @ x).T, np.ones(len(x), dtype=x.dtype) @ dout",
    ),
    Alternative(
        "linear_backward",
        "tensordot",
        "dout @ w.T, x.T @ dout, dout.sum(axis=0)",
        "np.dot(dout, w.transpose()), np.tensordot(x, dout, axes=(0, 0)), np.add.reduce(dout)",
    ),
    Alternative(
        "linear_backward",
        "a broadcast product, summed",
        "x.T @ dout, dout.sum(axis=0)",
        "(x[:, :, None] * dout[:, None, :]).sum(axis=0), np.sum(dout, 0)",
    ),
]

LOSSES = [
    Alternative(
        "mse_loss",
        "written out",
        "np.mean(difference**2), difference * (2 / difference.size)",
        "float(np.sum((target - pred) ** 2) / pred.size), -2 * (target - pred) / pred.size",
    ),
    Alternative(
        "mse_loss",
        "squared norm",
        "np.mean(difference**2), difference * (2 / difference.size)",
        "np.vdot(difference, difference) / difference.size, (difference + difference) / pred.size",
    ),
    Alternative(
        "bce_loss",
        "logaddexp",
        "np.mean(np.maximum(logits, 0) - logits * target + np.log1p(e))",
        "np.mean(np.logaddexp(0, logits) - target * logits)",
    ),
    Alternative(
        "bce_loss",
        "one term for each class, and the sigmoid above",
        "np.mean(np.maximum(logits, 0) - logits * target + np.log1p(e))",
        "(target * np.logaddexp(0, -logits) + (1 - target) * np.logaddexp(0, logits)).mean()",
        also=(("np.where(logits >= 0, 1, e) / (1 + e)", "sigmoid_forward(logits)[0]"),),
    ),
    Alternative(
        "cross_entropy_loss",
        "indices of the classes",
        "    loss = -np.sum(one_hot * log_probabilities) / n\n",
        "    rows, columns = np.arange(n), np.argmax(one_hot, axis=1)\n"
        "    loss = -log_probabilities[rows, columns].mean()\n",
        also=(
            (
                "    return loss, (np.exp(log_probabilities) - one_hot) / n\n",
                "    dlogits = np.exp(log_probabilities)\n"
                "    dlogits[rows, columns] -= 1\n"
                "    dlogits /= n\n"
                "    return loss, dlogits\n",
            ),
        ),
    ),
    Alternative(
        "cross_entropy_loss",
        "logaddexp and the softmax above",
        "    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))\n",
        "    log_probabilities = shifted - np.logaddexp.reduce(shifted, axis=1)[:, None]\n",
        also=(
            (
                "(np.exp(log_probabilities) - one_hot) / n",
                "(softmax_forward(logits)[0] - one_hot) / n",
            ),
        ),
    ),
    Alternative(
        "cross_entropy_loss",
        "sample by sample",
        "    loss = -np.sum(one_hot * log_probabilities) / n\n"
        "    return loss, (np.exp(log_probabilities) - one_hot) / n\n",
        "    loss, dlogits = 0.0, np.zeros_like(logits)\n"
        "    for i in range(n):\n"
        "        loss -= np.dot(one_hot[i], log_probabilities[i]) / n\n"
        "        dlogits[i] = (np.exp(log_probabilities[i]) - one_hot[i]) / n\n"
        "    return loss, dlogits\n",
    ),
]

LAYERS = '''
class MLP:
    """Layers in a list; the dictionaries are filled from it."""

    def __init__(self, sizes, activations, *, rng, std=None):
        self.parameters, self.gradients, self.layers = {}, {}, []
        for i, activation in enumerate(activations):
            inputs, outputs = sizes[i], sizes[i + 1]
            spread = std if std is not None else (2.0 / inputs) ** 0.5
            self.parameters["w" + str(i + 1)] = rng.normal(size=(inputs, outputs)) * spread
            self.parameters["b" + str(i + 1)] = np.zeros((outputs,))
            self.layers.append({"number": i + 1, "functions": ACTIVATIONS[activation]})

    def forward(self, x):
        for layer in self.layers:
            w = self.parameters["w%d" % layer["number"]]
            b = self.parameters["b%d" % layer["number"]]
            z, layer["linear"] = linear_forward(x, w, b)
            x, layer["activation"] = layer["functions"][0](z)
        return x

    def backward(self, dout):
        gradients = {}
        for layer in reversed(self.layers):
            dz = layer["functions"][1](dout, layer["activation"])
            dout, dw, db = linear_backward(dz, layer["linear"])
            gradients.update({"w%d" % layer["number"]: dw, "b%d" % layer["number"]: db})
        self.gradients = gradients
        return dout

    def update(self, learning_rate):
        for name in self.parameters:
            step = learning_rate * self.gradients[name]
            self.parameters[name] = self.parameters[name] - step
'''

RECURSIVE = '''
class MLP:
    """Each call of run handles one layer and leaves the rest to the next."""

    def __init__(self, sizes, activations, *, rng, std=None):
        self.names = tuple(activations)
        self.parameters = {}
        self.gradients = {}
        for l in range(1, len(sizes)):
            sigma = np.sqrt(2 / sizes[l - 1]) if std is None else std
            self.parameters[f"w{l}"] = rng.normal(0.0, sigma, (sizes[l - 1], sizes[l]))
            self.parameters[f"b{l}"] = np.zeros(sizes[l])

    def forward(self, x):
        self.tape = []
        return self.run(x, 1)

    def run(self, x, l):
        if l > len(self.names):
            return x
        forward, backward = ACTIVATIONS[self.names[l - 1]]
        z, linear = linear_forward(x, self.parameters[f"w{l}"], self.parameters[f"b{l}"])
        out, cache = forward(z)
        self.tape.append((l, linear, cache, backward))
        return self.run(out, l + 1)

    def backward(self, dout):
        for l, linear, cache, backward in self.tape[::-1]:
            gradients = linear_backward(backward(dout, cache), linear)
            dout, self.gradients[f"w{l}"], self.gradients[f"b{l}"] = gradients
        return dout

    def update(self, learning_rate):
        self.parameters.update(
            {key: self.parameters[key] - learning_rate * g for key, g in self.gradients.items()}
        )
'''

NETWORK = [
    Alternative("MLP", "layers in a list", None, LAYERS),
    Alternative("MLP", "layer after layer by recursion", None, RECURSIVE),
    Alternative(
        "MLP",
        "scaled standard normal",
        "rng.normal(0, scale, size=(inputs, outputs))",
        "scale * rng.standard_normal((inputs, outputs))",
    ),
]

COLLECTED = '''
def train(
    model, x, y, *, loss, epochs, batch_size, learning_rate, rng, x_val=None, y_val=None, metric=None
):
    """Lists of what the batches gave, averaged with weights at the end of each epoch."""
    measures = ["loss"] if metric is None else ["loss", "metric"]
    history = {name: [] for name in measures}
    if x_val is not None:
        history.update({"val_" + name: [] for name in measures})
    total = x.shape[0]
    for epoch in range(epochs):
        shuffled = rng.permutation(total)
        x_epoch, y_epoch = x[shuffled], y[shuffled]
        values, sizes, begin = [], [], 0
        while begin < total:
            end = min(begin + batch_size, total)
            out = model.forward(x_epoch[begin:end])
            value, gradient = loss(out, y_epoch[begin:end])
            values.append([value] if metric is None else [value, metric(out, y_epoch[begin:end])])
            sizes.append(end - begin)
            model.backward(gradient)
            model.update(learning_rate)
            begin = end
        for name, mean in zip(measures, np.average(values, axis=0, weights=sizes)):
            history[name].append(float(mean))
        if x_val is not None:
            out = model.forward(x_val)
            history["val_loss"].append(float(loss(out, y_val)[0]))
            if metric is not None:
                history["val_metric"].append(float(metric(out, y_val)))
    return history
'''

TRAINING = [
    Alternative(
        "accuracy",
        "row by row",
        "    return np.mean(scores.argmax(axis=1) == classes)\n",
        "    hits = 0\n"
        "    for row, wanted in zip(scores, classes):\n"
        "        hits += int(np.argmax(row) == wanted)\n"
        "    return hits / len(scores)\n",
    ),
    Alternative(
        "accuracy",
        "difference of classes",
        "np.mean(scores.argmax(axis=1) == classes)",
        "float(np.count_nonzero(np.argmax(scores, axis=-1) - classes == 0)) / scores.shape[0]",
        also=(("target.argmax(axis=1)", "np.where(target)[1]"),),
    ),
    Alternative("train", "collected and averaged with weights", None, COLLECTED),
    Alternative(
        "train",
        "pieces of the permutation",
        "        for start in range(0, len(x), batch_size):\n"
        "            batch = order[start : start + batch_size]\n",
        "        for batch in np.split(order, range(batch_size, len(x), batch_size)):\n",
    ),
]

COPIED = '''
def torch_mlp(parameters, activations):
    """Modules first, weights afterwards."""
    module = torch.nn.Sequential()
    for number, name in enumerate(activations, 1):
        d, m = parameters[f"w{number}"].shape
        module.append(torch.nn.Linear(d, m))
        module.append(TORCH_ACTIVATIONS[name]())
    module.double()
    with torch.no_grad():
        for number in range(1, len(activations) + 1):
            linear = module[2 * (number - 1)]
            linear.weight.copy_(torch.from_numpy(parameters[f"w{number}"]).T)
            linear.bias.copy_(torch.from_numpy(parameters[f"b{number}"]))
    return module


def torch_loss_and_gradients(module, x, y):
    """The log-softmax by hand, and the gradients asked for by name."""
    log_probabilities = torch.log_softmax(module(torch.tensor(x)), dim=-1)
    loss = -log_probabilities[torch.arange(len(y)), torch.tensor(y)].mean()
    linears = [part for part in module if isinstance(part, torch.nn.Linear)]
    wanted = [p for linear in linears for p in (linear.weight, linear.bias)]
    found = iter(torch.autograd.grad(loss, wanted))
    gradients = {}
    for number in range(1, len(linears) + 1):
        gradients[f"w{number}"] = next(found).numpy().T
        gradients[f"b{number}"] = next(found).numpy()
    return float(loss), gradients
'''

TORCH = [
    Alternative("torch_mlp", "weights copied afterwards", None, COPIED),
    Alternative(
        "torch_mlp",
        "state dictionary",
        "        linear.weight = torch.nn.Parameter(w.T.contiguous())\n"
        "        linear.bias = torch.nn.Parameter(b)\n",
        '        linear.load_state_dict({"weight": w.T, "bias": b})\n',
        also=(
            (
                "    module.zero_grad()\n",
                "    for p in module.parameters():\n        p.grad = None\n",
            ),
        ),
    ),
]

ALTERNATIVES = [*NEURON, *ACTIVATIONS, *LINEAR, *LOSSES, *NETWORK, *TRAINING, *TORCH]

SAME_TWICE = "both items of the tuple are the same array"
EQUIVALENT = {
    "sigmoid: return (out, out) → return (out, out)": SAME_TWICE,
    "tanh: return (out, out) → return (out, out)": SAME_TWICE,
    "softmax: return (out, out) → return (out, out)": SAME_TWICE,
    "sigmoid: x >= 0 → x > 0": "at 0 the exponential is 1, and both branches give ½",
    "bce_loss: logits >= 0 → logits > 0": "at 0 the exponential is 1, and both branches give ½",
    "leaky_relu: x > 0 → x >= 0": "at 0 both branches of the forward pass give 0",
    "elu: x > 0 → x >= 0": "at 0 both branches of the forward pass give 0",
    "elu: 0 → 1": "where the changed minimum differs, np.where takes the other branch",
}
