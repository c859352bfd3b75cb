"""Right solutions of `mlp` that are written differently: each must get full marks and no hint."""

from autograder.assignment.edits import CELL, Alternatives

NEURON_FORWARD = Alternatives("neuron_forward",
    ("einsum", "x @ w + b", 'np.einsum("nd,d->n", x, w) + b'),
    ("sample by sample", "    out = 1 / (1 + np.exp(-(x @ w + b)))",
     "    out = np.array([1 / (1 + np.exp(-(np.dot(row, w) + b))) for row in x], dtype=x.dtype)"),
    ("tanh of half", "1 / (1 + np.exp(-(x @ w + b)))", "0.5 + 0.5 * np.tanh(0.5 * (x @ w + b))"),
)

NEURON_BACKWARD = Alternatives("neuron_backward",
    ("broadcast and sum", "    return np.outer(dz, w), x.T @ dz, dz.sum()",
     "    dz = dz[:, None]\n    return dz * w, (dz * x).sum(axis=0), float(np.sum(dz))"),
    ("einsum", "np.outer(dz, w), x.T @ dz, dz.sum()",
     'np.einsum("n,d->nd", dz, w), np.einsum("n,nd->d", dz, x), np.einsum("n->", dz)'),
    ("sample by sample", "    return np.outer(dz, w), x.T @ dz, dz.sum()", """\
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), 0.0
    for n in range(len(x)):
        dx[n] = dz[n] * w
        dw += dz[n] * x[n]
        db += dz[n]
    return dx, dw, db"""),
)

SIGMOID = Alternatives("sigmoid",
    ("tanh of half", "    e = np.exp(-np.abs(x))\n    out = np.where(x >= 0, 1, e) / (1 + e)",
     "    out = 0.5 * (1 + np.tanh(0.5 * x))"),
    ("masks", "    e = np.exp(-np.abs(x))\n    out = np.where(x >= 0, 1, e) / (1 + e)", """\
    out = np.empty_like(x)
    right = x >= 0
    out[right] = 1 / (1 + np.exp(-x[right]))
    left = np.exp(x[~right])
    out[~right] = left / (1 + left)"""),
    ("logaddexp", "    e = np.exp(-np.abs(x))\n    out = np.where(x >= 0, 1, e) / (1 + e)",
     "    out = np.exp(-np.logaddexp(0, -x))", ("dout * out * (1 - out)", "dout * (out - out**2)")),
)

TANH = Alternatives("tanh",
    ("exponentials that do not overflow", "out = np.tanh(x)",
     "e = np.exp(-2 * np.abs(x))\n    out = np.sign(x) * (1 - e) / (1 + e)",
     ("dout * (1 - out * out)", "dout - dout * out**2")),
    ("difference of squares", "dout * (1 - out * out)", "dout * (1 + out) * (1 - out)"),
)

RELU = Alternatives("relu",
    ("mask as a factor", "np.maximum(x, 0), x", "x * (x > 0), x",
     ("dout * (x > 0)", "np.where(x > 0, dout, 0)")),
    ("copies with assigned zeros", "    return np.maximum(x, 0), x",
     "    out = x.copy()\n    out[out < 0] = 0\n    return out, x",
     ("    return dout * (x > 0)", "    dx = np.array(dout)\n    dx[x <= 0] = 0\n    return dx")),
    ("half of x plus its absolute value", "np.maximum(x, 0), x", "(x + np.abs(x)) / 2, x",
     ("dout * (x > 0)", "dout * np.heaviside(x, 0)")),
)

LEAKY_RELU = Alternatives("leaky_relu",
    ("the larger of two lines", "np.where(x > 0, x, slope * x)", "np.maximum(x, slope * x)",
     ("np.where(x > 0, dout, slope * dout)", "slope * dout + (1 - slope) * dout * (x > 0)")),
    ("positive part plus negative part", "np.where(x > 0, x, slope * x)",
     "np.maximum(x, 0) + slope * np.minimum(x, 0)",
     ("    return np.where(x > 0, dout, slope * dout)",
      "    slopes = np.ones_like(x)\n    slopes[x <= 0] = slope\n    return slopes * dout")),
)

ELU = Alternatives("elu",
    ("masks", "    out = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))",
     "    out = x.copy()\n"
     "    negative = x <= 0\n"
     "    out[negative] = alpha * (np.exp(x[negative]) - 1)",
     ("    return dout * np.where(x > 0, 1, out + alpha)",
      "    dx = dout.copy()\n    dx[x <= 0] *= out[x <= 0] + alpha\n    return dx")),
    ("slope from the input", "np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))",
     "np.maximum(x, 0) + alpha * (np.exp(np.minimum(x, 0)) - 1)",
     ("out + alpha", "alpha * np.exp(np.minimum(x, 0))")),
)

IDENTITY = Alternatives("identity",
    ("copies", "return x, None", "return x.copy(), None", ("return dout", "return 1 * dout")),
)

SOFTMAX = Alternatives("softmax",
    ("logarithm of the sum",
     "    e = np.exp(x - x.max(axis=-1, keepdims=True))\n"
     "    out = e / e.sum(axis=-1, keepdims=True)",
     "    out = np.exp(x - np.logaddexp.reduce(x, axis=-1)[..., None])",
     ("out * (dout - np.sum(dout * out, axis=-1, keepdims=True))",
      'dout * out - out * np.einsum("...c,...c->...", dout, out)[..., None]')),
    ("row by row with the whole Jacobian",
     "    e = np.exp(x - x.max(axis=-1, keepdims=True))\n"
     "    out = e / e.sum(axis=-1, keepdims=True)", """\
    out = np.empty_like(x)
    for place in np.ndindex(x.shape[:-1]):
        powers = np.exp(x[place] - max(x[place]))
        out[place] = powers / sum(powers)""",
     ("    return out * (dout - np.sum(dout * out, axis=-1, keepdims=True))",
      """\
    dx = np.empty_like(dout)
    for place in np.ndindex(out.shape[:-1]):
        p = out[place]
        dx[place] = (np.diag(p) - np.outer(p, p)) @ dout[place]
    return dx""")),
)

LINEAR_FORWARD = Alternatives("linear_forward",
    ("einsum", "x @ w + b, (x", 'np.einsum("nd,dm->nm", x, w) + b[None, :], (x'),
    ("transposed", "x @ w + b, (x", "(np.dot(w.T, x.T) + b.reshape(-1, 1)).T, (x"),
    ("bias as one more weight", "    return x @ w + b, (x, w, b)",
     "    ones = np.ones((x.shape[0], 1), dtype=x.dtype)\n"
     "    return np.hstack([x, ones]) @ np.vstack([w, b]), (x, w, b)"),
)

LINEAR_BACKWARD = Alternatives("linear_backward",
    ("einsum", "dout @ w.T, x.T @ dout, dout.sum(axis=0)",
     'np.einsum("nm,dm->nd", dout, w), np.einsum("nd,nm->dm", x, dout), np.einsum("nm->m", dout)'),
    ("products of transposes", "dout @ w.T, x.T @ dout, dout.sum(axis=0)",
     "(w @ dout.T).T, (dout.T @ x).T, np.ones(len(x), dtype=x.dtype) @ dout"),
    ("tensordot", "dout @ w.T, x.T @ dout, dout.sum(axis=0)",
     "np.dot(dout, w.transpose()), np.tensordot(x, dout, axes=(0, 0)), np.add.reduce(dout)"),
    ("a broadcast product, summed", "x.T @ dout, dout.sum(axis=0)",
     "(x[:, :, None] * dout[:, None, :]).sum(axis=0), np.sum(dout, 0)"),
)

MSE_LOSS = Alternatives("mse_loss",
    ("written out", "np.mean(difference**2), difference * (2 / difference.size)",
     "float(np.sum((target - pred) ** 2) / pred.size), -2 * (target - pred) / pred.size"),
    ("squared norm", "np.mean(difference**2), difference * (2 / difference.size)",
     "np.vdot(difference, difference) / difference.size, (difference + difference) / pred.size"),
)

BCE_LOSS = Alternatives("bce_loss",
    ("logaddexp", "np.mean(np.maximum(logits, 0) - logits * target + np.log1p(e))",
     "np.mean(np.logaddexp(0, logits) - target * logits)"),
    ("one term for each class, and the sigmoid above",
     "np.mean(np.maximum(logits, 0) - logits * target + np.log1p(e))",
     "(target * np.logaddexp(0, -logits) + (1 - target) * np.logaddexp(0, logits)).mean()",
     ("np.where(logits >= 0, 1, e) / (1 + e)", "sigmoid_forward(logits)[0]")),
)

CROSS_ENTROPY_LOSS = Alternatives("cross_entropy_loss",
    ("indices of the classes", "    loss = -np.sum(one_hot * log_probabilities) / n",
     "    rows, columns = np.arange(n), np.argmax(one_hot, axis=1)\n"
     "    loss = -log_probabilities[rows, columns].mean()",
     ("    return loss, (np.exp(log_probabilities) - one_hot) / n",
      """\
    dlogits = np.exp(log_probabilities)
    dlogits[rows, columns] -= 1
    dlogits /= n
    return loss, dlogits""")),
    ("logaddexp and the softmax above",
     "    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))",
     "    log_probabilities = shifted - np.logaddexp.reduce(shifted, axis=1)[:, None]",
     ("(np.exp(log_probabilities) - one_hot) / n", "(softmax_forward(logits)[0] - one_hot) / n")),
    ("sample by sample",
     "    loss = -np.sum(one_hot * log_probabilities) / n\n"
     "    return loss, (np.exp(log_probabilities) - one_hot) / n", """\
    loss, dlogits = 0.0, np.zeros_like(logits)
    for i in range(n):
        loss -= np.dot(one_hot[i], log_probabilities[i]) / n
        dlogits[i] = (np.exp(log_probabilities[i]) - one_hot[i]) / n
    return loss, dlogits"""),
)

MLP = Alternatives("MLP",
    ("layers in a list", CELL,
     "\n"
     "class MLP:\n"
     '    """Layers in a list; the dictionaries are filled from it."""\n'
     "\n"
     "    def __init__(self, sizes, activations, *, rng, std=None):\n"
     "        self.parameters, self.gradients, self.layers = {}, {}, []\n"
     "        for i, activation in enumerate(activations):\n"
     "            inputs, outputs = sizes[i], sizes[i + 1]\n"
     "            spread = std if std is not None else (2.0 / inputs) ** 0.5\n"
     '            self.parameters["w" + str(i + 1)] = rng.normal(size=(inputs, outputs)) * '
     "spread\n"
     '            self.parameters["b" + str(i + 1)] = np.zeros((outputs,))\n'
     '            self.layers.append({"number": i + 1, "functions": ACTIVATIONS[activation]})\n'
     "\n"
     "    def forward(self, x):\n"
     "        for layer in self.layers:\n"
     '            w = self.parameters["w%d" % layer["number"]]\n'
     '            b = self.parameters["b%d" % layer["number"]]\n'
     '            z, layer["linear"] = linear_forward(x, w, b)\n'
     '            x, layer["activation"] = layer["functions"][0](z)\n'
     "        return x\n"
     "\n"
     "    def backward(self, dout):\n"
     "        gradients = {}\n"
     "        for layer in reversed(self.layers):\n"
     '            dz = layer["functions"][1](dout, layer["activation"])\n'
     '            dout, dw, db = linear_backward(dz, layer["linear"])\n'
     '            gradients.update({"w%d" % layer["number"]: dw, "b%d" % layer["number"]: db})\n'
     "        self.gradients = gradients\n"
     "        return dout\n"
     "\n"
     "    def update(self, learning_rate):\n"
     "        for name in self.parameters:\n"
     "            step = learning_rate * self.gradients[name]\n"
     "            self.parameters[name] = self.parameters[name] - step\n"),
    ("layer after layer by recursion", CELL,
     "\n"
     "class MLP:\n"
     '    """Each call of run handles one layer and leaves the rest to the next."""\n'
     "\n"
     "    def __init__(self, sizes, activations, *, rng, std=None):\n"
     "        self.names = tuple(activations)\n"
     "        self.parameters = {}\n"
     "        self.gradients = {}\n"
     "        for l in range(1, len(sizes)):\n"
     "            sigma = np.sqrt(2 / sizes[l - 1]) if std is None else std\n"
     '            self.parameters[f"w{l}"] = rng.normal(0.0, sigma, (sizes[l - 1], sizes[l]))\n'
     '            self.parameters[f"b{l}"] = np.zeros(sizes[l])\n'
     "\n"
     "    def forward(self, x):\n"
     "        self.tape = []\n"
     "        return self.run(x, 1)\n"
     "\n"
     "    def run(self, x, l):\n"
     "        if l > len(self.names):\n"
     "            return x\n"
     "        forward, backward = ACTIVATIONS[self.names[l - 1]]\n"
     '        z, linear = linear_forward(x, self.parameters[f"w{l}"], self.parameters[f"b{l}"])\n'
     "        out, cache = forward(z)\n"
     "        self.tape.append((l, linear, cache, backward))\n"
     "        return self.run(out, l + 1)\n"
     "\n"
     "    def backward(self, dout):\n"
     "        for l, linear, cache, backward in self.tape[::-1]:\n"
     "            gradients = linear_backward(backward(dout, cache), linear)\n"
     '            dout, self.gradients[f"w{l}"], self.gradients[f"b{l}"] = gradients\n'
     "        return dout\n"
     "\n"
     "    def update(self, learning_rate):\n"
     "        self.parameters.update(\n"
     "            {key: self.parameters[key] - learning_rate * g for key, g in "
     "self.gradients.items()}\n"
     "        )\n"),
    ("scaled standard normal", "rng.normal(0, scale, size=(inputs, outputs))",
     "scale * rng.standard_normal((inputs, outputs))"),
)

ACCURACY = Alternatives("accuracy",
    ("row by row", "    return np.mean(scores.argmax(axis=1) == classes)", """\
    hits = 0
    for row, wanted in zip(scores, classes):
        hits += int(np.argmax(row) == wanted)
    return hits / len(scores)"""),
    ("difference of classes", "np.mean(scores.argmax(axis=1) == classes)",
     "float(np.count_nonzero(np.argmax(scores, axis=-1) - classes == 0)) / scores.shape[0]",
     ("target.argmax(axis=1)", "np.where(target)[1]")),
)

TRAIN = Alternatives("train",
    ("collected and averaged with weights", CELL,
     "\n"
     "def train(\n"
     "    model, x, y, *, loss, epochs, batch_size, learning_rate, rng, x_val=None, y_val=None, "
     "metric=None\n"
     "):\n"
     '    """Lists of what the batches gave, averaged with weights at the end of each epoch."""\n'
     '    measures = ["loss"] if metric is None else ["loss", "metric"]\n'
     "    history = {name: [] for name in measures}\n"
     "    if x_val is not None:\n"
     '        history.update({"val_" + name: [] for name in measures})\n'
     "    total = x.shape[0]\n"
     "    for epoch in range(epochs):\n"
     "        shuffled = rng.permutation(total)\n"
     "        x_epoch, y_epoch = x[shuffled], y[shuffled]\n"
     "        values, sizes, begin = [], [], 0\n"
     "        while begin < total:\n"
     "            end = min(begin + batch_size, total)\n"
     "            out = model.forward(x_epoch[begin:end])\n"
     "            value, gradient = loss(out, y_epoch[begin:end])\n"
     "            values.append([value] if metric is None else [value, metric(out, "
     "y_epoch[begin:end])])\n"
     "            sizes.append(end - begin)\n"
     "            model.backward(gradient)\n"
     "            model.update(learning_rate)\n"
     "            begin = end\n"
     "        for name, mean in zip(measures, np.average(values, axis=0, weights=sizes)):\n"
     "            history[name].append(float(mean))\n"
     "        if x_val is not None:\n"
     "            out = model.forward(x_val)\n"
     '            history["val_loss"].append(float(loss(out, y_val)[0]))\n'
     "            if metric is not None:\n"
     '                history["val_metric"].append(float(metric(out, y_val)))\n'
     "    return history\n"),
    ("pieces of the permutation",
     "        for start in range(0, len(x), batch_size):\n"
     "            batch = order[start : start + batch_size]",
     "        for batch in np.split(order, range(batch_size, len(x), batch_size)):"),
)

TORCH_MLP = Alternatives("torch_mlp",
    ("weights copied afterwards", CELL,
     "\n"
     "def torch_mlp(parameters, activations):\n"
     '    """Modules first, weights afterwards."""\n'
     "    module = torch.nn.Sequential()\n"
     "    for number, name in enumerate(activations, 1):\n"
     '        d, m = parameters[f"w{number}"].shape\n'
     "        module.append(torch.nn.Linear(d, m))\n"
     "        module.append(TORCH_ACTIVATIONS[name]())\n"
     "    module.double()\n"
     "    with torch.no_grad():\n"
     "        for number in range(1, len(activations) + 1):\n"
     "            linear = module[2 * (number - 1)]\n"
     '            linear.weight.copy_(torch.from_numpy(parameters[f"w{number}"]).T)\n'
     '            linear.bias.copy_(torch.from_numpy(parameters[f"b{number}"]))\n'
     "    return module\n"
     "\n"
     "\n"
     "def torch_loss_and_gradients(module, x, y):\n"
     '    """The log-softmax by hand, and the gradients asked for by name."""\n'
     "    log_probabilities = torch.log_softmax(module(torch.tensor(x)), dim=-1)\n"
     "    loss = -log_probabilities[torch.arange(len(y)), torch.tensor(y)].mean()\n"
     "    linears = [part for part in module if isinstance(part, torch.nn.Linear)]\n"
     "    wanted = [p for linear in linears for p in (linear.weight, linear.bias)]\n"
     "    found = iter(torch.autograd.grad(loss, wanted))\n"
     "    gradients = {}\n"
     "    for number in range(1, len(linears) + 1):\n"
     '        gradients[f"w{number}"] = next(found).numpy().T\n'
     '        gradients[f"b{number}"] = next(found).numpy()\n'
     "    return float(loss), gradients\n"),
    ("state dictionary",
     "        linear.weight = torch.nn.Parameter(w.T.contiguous())\n"
     "        linear.bias = torch.nn.Parameter(b)",
     '        linear.load_state_dict({"weight": w.T, "bias": b})',
     ("    module.zero_grad()", "    for p in module.parameters():\n        p.grad = None")),
)

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
