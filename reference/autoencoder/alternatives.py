"""Right solutions of `autoencoder`, written differently: each must get full marks and no hint."""

from autograder.assignment.mutants import Alternative

LOSS = [
    Alternative(
        "reconstruction_loss",
        "mean of squares",
        "    loss = np.vdot(difference, difference) / difference.size\n"
        "    return loss, difference * (2 / difference.size)\n",
        "    n, d = x.shape\n"
        "    return float(np.mean(difference**2)), 2 * difference / (n * d)\n",
    ),
    Alternative(
        "reconstruction_loss",
        "mean of the means",
        "np.vdot(difference, difference) / difference.size",
        "np.square(x - x_hat).mean(axis=1).mean()",
    ),
]

BLOCK = [
    Alternative(
        "block",
        "einsum",
        'x @ layer["w"], None',
        'np.einsum("nd,dm->nm", x, layer["w"]), None',
        also=(
            ("x.T @ dz", 'np.einsum("nd,nm->dm", x, dz)'),
            ("dz @ w.T", 'np.einsum("nm,dm->nd", dz, w)'),
        ),
    ),
    Alternative(
        "block",
        "two branches",
        '    z, normal = x @ layer["w"], None\n'
        '    if "gamma" in layer:\n'
        '        arrays = (layer[name] for name in ("gamma", "beta", "mean", "var"))\n'
        "        z, normal = batchnorm_forward(z, *arrays, training)\n"
        "    else:\n"
        '        z += layer["b"]\n',
        '    if layer.get("gamma") is None:\n'
        '        z, normal = np.dot(x, layer["w"]) + layer["b"][None, :], None\n'
        "    else:\n"
        "        z, normal = batchnorm_forward(\n"
        '            x.dot(layer["w"]), layer["gamma"], layer["beta"], layer["mean"], layer["var"], training\n'
        "        )\n",
    ),
]

NETWORK = '''
class Autoencoder(Network):
    """Layers in two lists of numbers; the activations are asked for when they are needed."""

    def __init__(
        self, enc_dims, dec_dims, activation="relu", init="he", use_batchnorm=True, *, rng
    ):
        super().__init__(
            enc_dims=list(enc_dims), dec_dims=list(dec_dims), activation=activation, init=init,
            use_batchnorm=use_batchnorm,
        )
        e, d = len(enc_dims) - 1, len(dec_dims) - 1
        self.encoder = list(range(1, e + 1))
        self.decoder = list(range(e + 1, e + d + 1))
        self.tape = [None] * (e + d + 1)
        for dims, numbers in ((enc_dims, self.encoder), (dec_dims, self.decoder)):
            for i, number in enumerate(numbers):
                norm = use_batchnorm and number != numbers[-1]
                self.add_layer(number, dims[i], dims[i + 1], init, norm, rng)

    def through(self, x, numbers):
        for number in numbers:
            name = "identity" if number == numbers[-1] else self.config["activation"]
            x, cache = block_forward(x, self.layer(number), name, training=self.training)
            if self.training:
                self.tape[number] = cache
        return x

    def encode(self, x):
        return self.through(x, self.encoder)

    def decode(self, z):
        return self.through(z, self.decoder)

    def forward(self, x):
        return self.decode(self.encode(x))

    def back(self, dout, numbers):
        for number in reversed(numbers):
            dout, found = block_backward(dout, self.tape[number])
            self.gradients.update({name + str(number): value for name, value in found.items()})
        return dout

    def decode_backward(self, dx_hat):
        return self.back(dx_hat, self.decoder)

    def encode_backward(self, dz):
        self.back(dz, self.encoder)

    def backward(self, dx_hat):
        self.encode_backward(self.decode_backward(dx_hat))
'''

NETWORKS = [
    Alternative("Autoencoder", "numbers in lists", None, NETWORK),
    Alternative(
        "Autoencoder",
        "the last layer by its number",
        "            self.add_layer(number, inputs, outputs, init, hidden and use_batchnorm, rng)\n",
        "            self.add_layer(number, inputs, outputs, init, use_batchnorm and hidden, rng)\n"
        "        self.last = number\n",
        also=(("range(len(self.activations), self.code, -1)", "range(self.last, self.code, -1)"),),
    ),
]

TRAINING = [
    Alternative(
        "weight_decay",
        "in a loop",
        "    weights = {name: array for name, array in parameters.items() if name.startswith(\"w\")}\n"
        "    penalty = 0.5 * strength * sum(np.vdot(w, w) for w in weights.values())\n"
        "    return penalty, {name: strength * w for name, w in weights.items()}\n",
        "    penalty, gradients = 0.0, {}\n"
        "    for name in parameters:\n"
        "        if name[0] == \"w\":\n"
        "            w = parameters[name]\n"
        "            penalty += strength / 2 * float(np.sum(w**2))\n"
        "            gradients[name] = w * strength\n"
        "    return penalty, gradients\n",
    ),
    Alternative(
        "weight_decay",
        "norms",
        "np.vdot(w, w) for",
        "np.linalg.norm(w) ** 2 for",
    ),
    Alternative(
        "EarlyStopping",
        "counts the epochs without improvement",
        "        self.epoch += 1\n"
        "        if loss < self.best_loss:\n"
        "            self.best_loss, self.best_epoch = loss, self.epoch\n"
        "            self.best_state = {name: array.copy() for name, array in state.items()}\n"
        "        return self.epoch - self.best_epoch >= self.patience\n",
        "        self.epoch += 1\n"
        "        if np.isnan(loss) or loss >= self.best_loss:\n"
        "            self.waited += 1\n"
        "        else:\n"
        "            self.waited = 0\n"
        "            self.best_loss = float(loss)\n"
        "            self.best_epoch = self.epoch\n"
        "            self.best_state = copy.deepcopy(state)\n"
        "        return bool(self.waited >= self.patience)\n",
        also=(
            ("        self.epoch = 0\n", "        self.epoch = self.waited = 0\n"),
            ("class EarlyStopping:", "import copy\n\n\nclass EarlyStopping:"),
        ),
    ),
    Alternative(
        "EarlyStopping",
        "a list of all losses",
        "        self.epoch += 1\n        if loss < self.best_loss:\n",
        "        self.losses = [*getattr(self, \"losses\", []), loss]\n"
        "        self.epoch = len(self.losses)\n"
        "        if loss < self.best_loss:\n",
        also=(("array.copy() for name", "np.array(array) for name"),),
    ),
    Alternative(
        "fit",
        "batches by reshaping the order",
        "        order, losses = rng.permutation(len(x)), []\n"
        "        for start in range(0, len(x) - batch_size + 1, batch_size):\n"
        "            losses.append(objective(model, x[order[start : start + batch_size]]))\n",
        "        count, losses = len(x) // batch_size, []\n"
        "        order = rng.permutation(len(x))[: count * batch_size].reshape(count, batch_size)\n"
        "        for batch in order:\n"
        "            losses.append(objective(model, x[batch]))\n",
    ),
    Alternative(
        "fit",
        "shuffled copy, decay in place",
        "        order, losses = rng.permutation(len(x)), []\n"
        "        for start in range(0, len(x) - batch_size + 1, batch_size):\n"
        "            losses.append(objective(model, x[order[start : start + batch_size]]))\n"
        "            gradients = dict(model.gradients)\n"
        "            if decay:\n"
        "                _, pull = weight_decay(model.parameters, decay)\n"
        "                gradients |= {name: gradients[name] + extra for name, extra in pull.items()}\n"
        "            adam_step(model.parameters, gradients, moments, rate)\n",
        "        shuffled, losses, start = x[rng.permutation(len(x))], [], 0\n"
        "        while start + batch_size <= len(x):\n"
        "            losses.append(float(objective(model, shuffled[start : start + batch_size])))\n"
        "            for name, extra in weight_decay(model.parameters, decay)[1].items():\n"
        "                model.gradients[name] += extra\n"
        "            adam_step(model.parameters, model.gradients, moments, rate)\n"
        "            start += batch_size\n",
        also=(("float(np.mean(losses))", "sum(losses) / len(losses)"),),
    ),
    Alternative(
        "grid_search",
        "the smallest of what is not nan",
        "    trials, best, lowest = [], None, np.inf\n"
        "    for values in product(*grid.values()):\n"
        "        settings = dict(zip(grid, values, strict=True))\n"
        "        loss = evaluate(**settings)\n"
        "        trials.append((settings, loss))\n"
        "        if loss < lowest or (best is None and loss == lowest):\n"
        "            best, lowest = settings, loss\n"
        "    return best, trials\n",
        "    names, tried = list(grid), []\n"
        "    for values in product(*[grid[name] for name in names]):\n"
        "        settings = {name: value for name, value in zip(names, values)}\n"
        "        tried.append((settings, float(evaluate(**settings))))\n"
        "    sound = [trial for trial in tried if not np.isnan(trial[1])]\n"
        "    best = min(sound, key=lambda trial: trial[1])[0] if sound else None\n"
        "    return best, tried\n",
    ),
]

LOOKING = [
    Alternative(
        "process",
        "arrays made beforehand",
        "    mode, model.training = model.training, False\n"
        "    batches = [x[start : start + batch_size] for start in range(0, len(x), batch_size)]\n"
        "    codes = [model.encode(batch) for batch in batches]\n"
        "    reconstructions = np.clip(np.concatenate([model.decode(z) for z in codes]), 0, 1)\n"
        "    model.training = mode\n"
        "    mse = ((reconstructions - x) ** 2).mean(axis=1)\n"
        "    z = np.concatenate(codes)\n"
        '    return {"Z": z, "Yhat": reconstructions, "mse": mse, "y": y, "dataset": dataset}\n',
        "    before = model.training\n"
        "    model.training = False\n"
        "    pieces = []\n"
        "    for piece in np.array_split(x, -(-len(x) // batch_size)):\n"
        "        z = model.encode(piece)\n"
        "        out = np.minimum(np.maximum(model.decode(z), 0), 1)\n"
        "        pieces.append((z, out, np.mean(np.square(piece - out), axis=-1)))\n"
        "    model.training = before\n"
        "    z, out, error = (np.concatenate(part) for part in zip(*pieces))\n"
        "    return dict(Z=z, Yhat=out, mse=error, y=y, dataset=dataset)\n",
    ),
    Alternative(
        "psnr",
        "difference of logarithms",
        '    with np.errstate(divide="ignore"):\n'
        "        return -10 * np.log10(mse / peak**2)\n",
        "    out = np.full(len(x), np.inf)\n"
        "    some = mse > 0\n"
        "    out[some] = 20 * np.log10(peak) - 10 * np.log10(mse[some])\n"
        "    return out\n",
    ),
    Alternative(
        "psnr",
        "quotient, and the warning held back",
        '    with np.errstate(divide="ignore"):\n        return -10 * np.log10(mse / peak**2)\n',
        "    peak = float(peak)\n"
        '    with np.errstate(all="ignore"):\n        return 10 * np.log10(peak * peak / mse)\n',
    ),
    Alternative(
        "first_layer_filters",
        "rows scaled after transposing",
        '    w = layer["w"]\n'
        '    if "gamma" in layer:\n'
        '        w = w * (layer["gamma"] / np.sqrt(layer["var"] + EPSILON))\n'
        "    return w.T.copy()\n",
        '    filters = layer["w"].transpose()\n'
        '    if "b" in layer:\n'
        "        return filters\n"
        '    scale = layer["gamma"] * (layer["var"] + EPSILON) ** -0.5\n'
        "    return filters * scale[:, None]\n",
    ),
    Alternative(
        "second_layer_filters",
        "weighted sums written out",
        "    return first_layer_filters(second) @ first_layer_filters(first)\n",
        "    below, above = first_layer_filters(first), first_layer_filters(second)\n"
        '    return np.einsum("mj,jd->md", above, below)\n',
    ),
    Alternative(
        "second_layer_filters",
        "product of the scaled matrices, transposed",
        "    return first_layer_filters(second) @ first_layer_filters(first)\n",
        "    def scaled(layer):\n"
        '        w = layer["w"]\n'
        '        if "gamma" not in layer:\n'
        "            return w\n"
        '        return w * layer["gamma"] / np.sqrt(layer["var"] + EPSILON)\n\n'
        "    return (scaled(first) @ scaled(second)).T\n",
    ),
]

LABELS = [
    Alternative(
        "few_labels",
        "the first of a shuffled order",
        "    places = [np.flatnonzero(y == label) for label in np.unique(y)]\n"
        "    return np.concatenate([rng.choice(place, per_class, replace=False) for place in places])\n",
        "    order, chosen = rng.permutation(len(y)), []\n"
        "    for label in set(y.tolist()):\n"
        "        chosen += [int(i) for i in order if y[i] == label][:per_class]\n"
        "    return np.array(chosen)\n",
    ),
    Alternative(
        "few_labels",
        "shuffled places, sorted",
        "    return np.concatenate([rng.choice(place, per_class, replace=False) for place in places])\n",
        "    return np.sort(np.hstack([rng.permutation(place)[:per_class] for place in places]))\n",
    ),
    Alternative(
        "classifier_loss",
        "one-hot rows and probabilities",
        "    loss = -log_p[rows, y].mean() + 0.5 * strength * np.vdot(w, w)\n"
        "    dscores = np.exp(log_p)\n"
        "    dscores[rows, y] -= 1\n"
        "    dscores /= len(x)\n",
        "    one_hot = np.eye(w.shape[1], dtype=x.dtype)[y]\n"
        "    loss = -np.sum(one_hot * log_p) / len(rows) + strength / 2 * np.sum(w**2)\n"
        "    dscores = (np.exp(log_p) - one_hot) / len(rows)\n",
    ),
    Alternative(
        "classifier_loss",
        "logaddexp",
        "    scores -= scores.max(axis=1, keepdims=True)\n"
        "    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))\n",
        "    log_p = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)\n",
    ),
]

VARIATIONAL = [
    Alternative(
        "reparameterise",
        "root of the variance",
        "    std = np.exp(logvar / 2)\n    return mu + std * noise, (std, noise)\n",
        "    std = np.exp(0.5 * logvar)\n    return noise * std + mu, (std, noise)\n",
        also=(("dz.copy(), dz * noise * std / 2", "1.0 * dz, 0.5 * std * noise * dz"),),
    ),
    Alternative(
        "kl_divergence",
        "term by term",
        "    excess = np.expm1(logvar)\n"
        "    kl = 0.5 * np.sum(mu**2 + excess - logvar) / len(mu)\n"
        "    return kl, mu / len(mu), 0.5 * excess / len(mu)\n",
        "    n = mu.shape[0]\n"
        "    variance = np.exp(logvar)\n"
        "    kl = -0.5 * (1 + logvar - mu * mu - variance).sum(axis=1).mean()\n"
        "    return float(kl), mu / n, (variance - 1) / (2 * n)\n",
    ),
    Alternative(
        "bernoulli_loss",
        "logaddexp",
        "    e = np.exp(-np.abs(logits))\n"
        "    nll = np.sum(np.maximum(logits, 0) - x * logits + np.log1p(e)) / len(x)\n"
        "    probabilities = np.where(logits >= 0, 1, e) / (1 + e)\n",
        "    nll = (np.logaddexp(0, logits) - x * logits).sum(axis=1).mean()\n"
        "    probabilities = 0.5 * (1 + np.tanh(0.5 * logits))\n",
    ),
    Alternative(
        "bernoulli_loss",
        "one softplus for each side",
        "np.sum(np.maximum(logits, 0) - x * logits + np.log1p(e)) / len(x)",
        "np.sum(x * np.logaddexp(0, -logits) + (1 - x) * np.logaddexp(0, logits)) / x.shape[0]",
    ),
    Alternative(
        "vae",
        "everything in the cache, computed on the way back",
        "    nll, dlogits = bernoulli_loss(model.decode(z), x)\n"
        "    kl, dmu, dlogvar = kl_divergence(mu, logvar)\n"
        "    return nll, kl, (dlogits, draw, dmu, dlogvar)\n",
        "    logits = model.decode(z)\n"
        "    kl = kl_divergence(mu, logvar)[0]\n"
        "    return bernoulli_loss(logits, x)[0], kl, (logits, x, draw, mu, logvar)\n",
        also=(
            (
                "    dlogits, draw, dmu, dlogvar = cache\n"
                "    dmu_drawn, dlogvar_drawn = reparameterise_backward(model.decode_backward(dlogits), draw)\n"
                "    model.encode_backward(np.hstack([dmu + dmu_drawn, dlogvar + dlogvar_drawn]))\n",
                "    logits, x, draw, mu, logvar = cache\n"
                "    dz = model.decode_backward(bernoulli_loss(logits, x)[1])\n"
                "    sides = reparameterise_backward(dz, draw), kl_divergence(mu, logvar)[1:]\n"
                "    model.encode_backward(np.concatenate([a + b for a, b in zip(*sides)], axis=1))\n",
            ),
        ),
    ),
    Alternative(
        "vae",
        "split by the width of the noise",
        "mu, logvar = np.split(model.encode(x), 2, axis=1)",
        "k = noise.shape[1]\n    h = model.encode(x)\n    mu, logvar = h[:, :k], h[:, k:]",
    ),
]

ALTERNATIVES = [*LOSS, *BLOCK, *NETWORKS, *TRAINING, *LOOKING, *LABELS, *VARIATIONAL]

EQUIVALENT = {
    "Autoencoder: number > 1 → number >= 1": "dx of the first layer is computed and thrown away",
    "Autoencoder: 1 → 0": "dx of the first layer is computed and thrown away",
    "grid_search: True → False": "both sides of the zip are equally long in any case",
    "bernoulli_loss: logits >= 0 → logits > 0": "at 0 the exponential is 1, and both give ½",
}
