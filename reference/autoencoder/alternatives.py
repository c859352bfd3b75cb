"""Right solutions of `autoencoder`, written differently: each must get full marks and no hint."""

from autograder.assignment.edits import BODY, CELL, Alternatives

RECONSTRUCTION_LOSS = Alternatives("reconstruction_loss",
    ("mean of squares",
     "    loss = np.vdot(difference, difference) / difference.size\n"
     "    return loss, difference * (2 / difference.size)",
     "    n, d = x.shape\n    return float(np.mean(difference**2)), 2 * difference / (n * d)"),
    ("mean of the means", "np.vdot(difference, difference) / difference.size",
     "np.square(x - x_hat).mean(axis=1).mean()"),
)

BLOCK = Alternatives("block",
    ("einsum", 'x @ layer["w"], None', 'np.einsum("nd,dm->nm", x, layer["w"]), None',
     ("x.T @ dz", 'np.einsum("nd,nm->dm", x, dz)'), ("dz @ w.T", 'np.einsum("nm,dm->nd", dz, w)')),
    ("two branches", """\
    z, normal = x @ layer["w"], None
    if "gamma" in layer:
        running = layer["mean"], layer["var"]
        z, normal, running = batchnorm_forward(
            z, layer["gamma"], layer["beta"], running, training=training
        )
        layer["mean"][...], layer["var"][...] = running
    else:
        z += layer["b"]""",
     '    if layer.get("gamma") is None:\n'
     '        z, normal = np.dot(x, layer["w"]) + layer["b"][None, :], None\n'
     "    else:\n"
     '        old = [layer["mean"], layer["var"]]\n'
     "        z, normal, new = batchnorm_forward(\n"
     '            x.dot(layer["w"]), layer["gamma"], layer["beta"], old, training=training)\n'
     "        if training:\n"
     "            for array, values in zip(old, new):\n"
     "                np.copyto(array, values)"),
)

AUTOENCODER = Alternatives("Autoencoder",
    ("numbers in lists", CELL,
     "\n"
     "class Autoencoder(Model):\n"
     '    """Layers in two lists of numbers; the activations are asked for when they are '
     'needed."""\n'
     "\n"
     "    def __init__(\n"
     '        self, enc_dims, dec_dims, activation="relu", init="he", use_batchnorm=True, *, '
     "rng\n"
     "    ):\n"
     "        super().__init__(\n"
     "            enc_dims=list(enc_dims), dec_dims=list(dec_dims), activation=activation, "
     "init=init,\n"
     "            use_batchnorm=use_batchnorm,\n"
     "        )\n"
     "        e, d = len(enc_dims) - 1, len(dec_dims) - 1\n"
     "        self.encoder = list(range(1, e + 1))\n"
     "        self.decoder = list(range(e + 1, e + d + 1))\n"
     "        self.tape = [None] * (e + d + 1)\n"
     "        for dims, numbers in ((enc_dims, self.encoder), (dec_dims, self.decoder)):\n"
     "            for i, number in enumerate(numbers):\n"
     "                norm = use_batchnorm and number != numbers[-1]\n"
     "                self.add_layer(number, dims[i], dims[i + 1], init, norm, rng)\n"
     "\n"
     "    def through(self, x, numbers):\n"
     "        for number in numbers:\n"
     '            name = "identity" if number == numbers[-1] else self.config["activation"]\n'
     "            x, cache = block_forward(x, self.layer(number), name, training=self.training)\n"
     "            if self.training:\n"
     "                self.tape[number] = cache\n"
     "        return x\n"
     "\n"
     "    def encode(self, x):\n"
     "        return self.through(x, self.encoder)\n"
     "\n"
     "    def decode(self, z):\n"
     "        return self.through(z, self.decoder)\n"
     "\n"
     "    def forward(self, x):\n"
     "        return self.decode(self.encode(x))\n"
     "\n"
     "    def back(self, dout, numbers):\n"
     "        for number in reversed(numbers):\n"
     "            dout, found = block_backward(dout, self.tape[number])\n"
     "            self.gradients.update({name + str(number): value for name, value in "
     "found.items()})\n"
     "        return dout\n"
     "\n"
     "    def decode_backward(self, dx_hat):\n"
     "        return self.back(dx_hat, self.decoder)\n"
     "\n"
     "    def encode_backward(self, dz):\n"
     "        self.back(dz, self.encoder)\n"
     "\n"
     "    def backward(self, dx_hat):\n"
     "        self.encode_backward(self.decode_backward(dx_hat))\n"),
    ("the last layer by its number",
     "            self.add_layer(number, inputs, outputs, init, hidden and use_batchnorm, rng)",
     "            self.add_layer(number, inputs, outputs, init, use_batchnorm and hidden, rng)\n"
     "        self.last = number",
     ("range(len(self.activations), self.code, -1)", "range(self.last, self.code, -1)")),
)

WEIGHT_DECAY = Alternatives("weight_decay",
    ("in a loop", BODY, """\
    penalty, gradients = 0.0, {}
    for name in parameters:
        if name[0] == "w":
            w = parameters[name]
            penalty += strength / 2 * float(np.sum(w**2))
            gradients[name] = w * strength
    return penalty, gradients"""),
    ("norms", "np.vdot(w, w) for", "np.linalg.norm(w) ** 2 for"),
)

EARLYSTOPPING = Alternatives("EarlyStopping",
    ("counts the epochs without improvement", """\
        self.epoch += 1
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, self.epoch
            self.best_state = {name: array.copy() for name, array in state.items()}
        return self.epoch - self.best_epoch >= self.patience""", """\
        self.epoch += 1
        if np.isnan(loss) or loss >= self.best_loss:
            self.waited += 1
        else:
            self.waited = 0
            self.best_loss = float(loss)
            self.best_epoch = self.epoch
            self.best_state = copy.deepcopy(state)
        return bool(self.waited >= self.patience)""",
     ("        self.epoch = 0", "        self.epoch = self.waited = 0"),
     ("class EarlyStopping:", "import copy\n\n\nclass EarlyStopping:")),
    ("a list of all losses", "        self.epoch += 1\n        if loss < self.best_loss:",
     '        self.losses = [*getattr(self, "losses", []), loss]\n'
     "        self.epoch = len(self.losses)\n"
     "        if loss < self.best_loss:", ("array.copy() for name", "np.array(array) for name")),
)

FIT = Alternatives("fit",
    ("batches by reshaping the order",
     "        losses = []\n"
     "        for batch, _ in minibatches(x, x, batch_size, rng):\n"
     "            if len(batch) < batch_size:\n"
     "                break\n", """\
        count, losses = len(x) // batch_size, []
        order = rng.permutation(len(x))[: count * batch_size].reshape(count, batch_size)
        for batch in x[order]:
"""),
    ("shuffled copy, decay in place", """\
        losses = []
        for batch, _ in minibatches(x, x, batch_size, rng):
            if len(batch) < batch_size:
                break
            losses.append(objective(model, batch))
            gradients = dict(model.gradients)
            if decay:
                _, pull = weight_decay(model.parameters, decay)
                gradients |= {name: gradients[name] + extra for name, extra in pull.items()}
            adam_step(model.parameters, gradients, moments, rate)""", """\
        shuffled, losses, start = x[rng.permutation(len(x))], [], 0
        while start + batch_size <= len(x):
            losses.append(float(objective(model, shuffled[start : start + batch_size])))
            for name, extra in weight_decay(model.parameters, decay)[1].items():
                model.gradients[name] += extra
            adam_step(model.parameters, model.gradients, moments, rate)
            start += batch_size""", ("float(np.mean(losses))", "sum(losses) / len(losses)")),
    ("adam itself, new arrays", "adam_step(model.parameters, gradients, moments, rate)",
     "for name, old in model.parameters.items():\n"
     "                state = moments.get(name, {})\n"
     "                made = adam(old, gradients[name], state, learning_rate=rate)\n"
     "                model.parameters[name], moments[name] = made"),
)

GRID_SEARCH = Alternatives("grid_search",
    ("the smallest of what is not nan", BODY, """\
    names, tried = list(grid), []
    for values in product(*[grid[name] for name in names]):
        settings = {name: value for name, value in zip(names, values)}
        tried.append((settings, float(evaluate(**settings))))
    sound = [trial for trial in tried if not np.isnan(trial[1])]
    best = min(sound, key=lambda trial: trial[1])[0] if sound else None
    return best, tried"""),
)

PROCESS = Alternatives("process",
    ("arrays made beforehand", BODY, """\
    before = model.training
    model.training = False
    pieces = []
    for piece in np.array_split(x, -(-len(x) // batch_size)):
        z = model.encode(piece)
        out = np.minimum(np.maximum(model.decode(z), 0), 1)
        pieces.append((z, out, np.mean(np.square(piece - out), axis=-1)))
    model.training = before
    z, out, error = (np.concatenate(part) for part in zip(*pieces))
    return dict(Z=z, Yhat=out, mse=error, y=y, dataset=dataset)"""),
)

PSNR = Alternatives("psnr",
    ("difference of logarithms",
     '    with np.errstate(divide="ignore"):\n        return -10 * np.log10(mse / peak**2)', """\
    out = np.full(len(x), np.inf)
    some = mse > 0
    out[some] = 20 * np.log10(peak) - 10 * np.log10(mse[some])
    return out"""),
    ("quotient, and the warning held back",
     '    with np.errstate(divide="ignore"):\n        return -10 * np.log10(mse / peak**2)',
     "    peak = float(peak)\n"
     '    with np.errstate(all="ignore"):\n'
     "        return 10 * np.log10(peak * peak / mse)"),
)

FIRST_LAYER_FILTERS = Alternatives("first_layer_filters",
    ("rows scaled after transposing", BODY, """\
    filters = layer["w"].transpose()
    if "b" in layer:
        return filters
    scale = layer["gamma"] * (layer["var"] + EPSILON) ** -0.5
    return filters * scale[:, None]"""),
)

SECOND_LAYER_FILTERS = Alternatives("second_layer_filters",
    ("weighted sums written out", BODY,
     "    below, above = first_layer_filters(first), first_layer_filters(second)\n"
     '    return np.einsum("mj,jd->md", above, below)'),
    ("product of the scaled matrices, transposed", BODY, """\
    def scaled(layer):
        w = layer["w"]
        if "gamma" not in layer:
            return w
        return w * layer["gamma"] / np.sqrt(layer["var"] + EPSILON)

    return (scaled(first) @ scaled(second)).T"""),
)

FEW_LABELS = Alternatives("few_labels",
    ("the first of a shuffled order", BODY, """\
    order, chosen = rng.permutation(len(y)), []
    for label in set(y.tolist()):
        chosen += [int(i) for i in order if y[i] == label][:per_class]
    return np.array(chosen)"""),
    ("shuffled places, sorted",
     "    return np.concatenate([rng.choice(place, per_class, replace=False) for place in "
     "places])",
     "    return np.sort(np.hstack([rng.permutation(place)[:per_class] for place in places]))"),
)

CLASSIFIER_LOSS = Alternatives("classifier_loss",
    ("one-hot rows and probabilities", """\
    loss = -log_p[rows, y].mean() + 0.5 * strength * np.vdot(w, w)
    dscores = np.exp(log_p)
    dscores[rows, y] -= 1
    dscores /= len(x)""",
     "    one_hot = np.eye(w.shape[1], dtype=x.dtype)[y]\n"
     "    loss = -np.sum(one_hot * log_p) / len(rows) + strength / 2 * np.sum(w**2)\n"
     "    dscores = (np.exp(log_p) - one_hot) / len(rows)"),
    ("logaddexp",
     "    scores -= scores.max(axis=1, keepdims=True)\n"
     "    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))",
     "    log_p = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)"),
)

REPARAMETERISE = Alternatives("reparameterise",
    ("root of the variance",
     "    std = np.exp(logvar / 2)\n    return mu + std * noise, (std, noise)",
     "    std = np.exp(0.5 * logvar)\n    return noise * std + mu, (std, noise)",
     ("dz.copy(), dz * noise * std / 2", "1.0 * dz, 0.5 * std * noise * dz")),
)

KL_DIVERGENCE = Alternatives("kl_divergence",
    ("term by term", BODY, """\
    n = mu.shape[0]
    variance = np.exp(logvar)
    kl = -0.5 * (1 + logvar - mu * mu - variance).sum(axis=1).mean()
    return float(kl), mu / n, (variance - 1) / (2 * n)"""),
)

BERNOULLI_LOSS = Alternatives("bernoulli_loss",
    ("logaddexp",
     "    e = np.exp(-np.abs(logits))\n"
     "    nll = np.sum(np.maximum(logits, 0) - x * logits + np.log1p(e)) / len(x)\n"
     "    probabilities = np.where(logits >= 0, 1, e) / (1 + e)",
     "    nll = (np.logaddexp(0, logits) - x * logits).sum(axis=1).mean()\n"
     "    probabilities = 0.5 * (1 + np.tanh(0.5 * logits))"),
    ("one softplus for each side",
     "np.sum(np.maximum(logits, 0) - x * logits + np.log1p(e)) / len(x)",
     "np.sum(x * np.logaddexp(0, -logits) + (1 - x) * np.logaddexp(0, logits)) / x.shape[0]"),
)

VAE = Alternatives("vae",
    ("everything in the cache, computed on the way back",
     "    nll, dlogits = bernoulli_loss(model.decode(z), x)\n"
     "    kl, dmu, dlogvar = kl_divergence(mu, logvar)\n"
     "    return nll, kl, (dlogits, draw, dmu, dlogvar)",
     "    logits = model.decode(z)\n"
     "    kl = kl_divergence(mu, logvar)[0]\n"
     "    return bernoulli_loss(logits, x)[0], kl, (logits, x, draw, mu, logvar)",
     ("    dlogits, draw, dmu, dlogvar = cache\n"
      "    dmu_drawn, dlogvar_drawn = reparameterise_backward(model.decode_backward(dlogits), "
      "draw)\n"
      "    model.encode_backward(np.hstack([dmu + dmu_drawn, dlogvar + dlogvar_drawn]))",
      """\
    logits, x, draw, mu, logvar = cache
    dz = model.decode_backward(bernoulli_loss(logits, x)[1])
    sides = reparameterise_backward(dz, draw), kl_divergence(mu, logvar)[1:]
    model.encode_backward(np.concatenate([a + b for a, b in zip(*sides)], axis=1))""")),
    ("split by the width of the noise", "mu, logvar = np.split(model.encode(x), 2, axis=1)",
     "k = noise.shape[1]\n    h = model.encode(x)\n    mu, logvar = h[:, :k], h[:, k:]"),
)

EQUIVALENT = {
    "Autoencoder: number > 1 → number >= 1": "dx of the first layer is computed and thrown away",
    "Autoencoder: 1 → 0": "dx of the first layer is computed and thrown away",
    "grid_search: True → False": "both sides of the zip are equally long in any case",
    "bernoulli_loss: logits >= 0 → logits > 0": "at 0 the exponential is 1, and both give ½",
}
