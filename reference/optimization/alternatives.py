"""Right solutions of `optimization` written differently: each must get full marks and no hint."""

from autograder.assignment.mutants import Alternative

DESCENT = [
    Alternative(
        "gradient_descent",
        "rows of an array",
        "    path = [start]\n"
        "    for _ in range(steps):\n"
        "        path.append(path[-1] - learning_rate * gradient(path[-1]))\n"
        "    return np.array(path)\n",
        "    path = np.empty((steps + 1, len(start)))\n"
        "    path[0] = start\n"
        "    for t in range(steps):\n"
        "        path[t + 1] = path[t] - learning_rate * gradient(path[t].copy())\n"
        "    return path\n",
    ),
    Alternative(
        "gradient_descent",
        "a point that moves in place, copied",
        "    path = [start]\n"
        "    for _ in range(steps):\n"
        "        path.append(path[-1] - learning_rate * gradient(path[-1]))\n"
        "    return np.array(path)\n",
        "    point = np.array(start, dtype=float)\n"
        "    path = [point.copy()]\n"
        "    while len(path) <= steps:\n"
        "        point -= learning_rate * gradient(point)\n"
        "        path.append(point.copy())\n"
        "    return np.stack(path)\n",
    ),
    Alternative(
        "minibatches",
        "a list of pairs",
        "    for start in range(0, len(x), batch_size):\n"
        "        batch = order[start : start + batch_size]\n"
        "        yield x[batch], y[batch]\n",
        "    pieces = np.split(order, range(batch_size, len(x), batch_size))\n"
        "    return [(x[piece], y[piece]) for piece in pieces]\n",
    ),
    Alternative(
        "minibatches",
        "shuffled copies, then slices",
        "    for start in range(0, len(x), batch_size):\n"
        "        batch = order[start : start + batch_size]\n"
        "        yield x[batch], y[batch]\n",
        "    x, y, done = x[order], y[order], 0\n"
        "    while done < len(x):\n"
        "        yield x[done : done + batch_size], y[done : done + batch_size]\n"
        "        done += batch_size\n",
    ),
]

OPTIMISERS = [
    Alternative(
        "sgd",
        "a copy that is changed",
        "    return param - learning_rate * grad, {}\n",
        "    param = param.copy()\n    param -= learning_rate * grad\n    return param, dict(state)\n",
    ),
    Alternative("sgd", "np.subtract", "param - learning_rate * grad", "np.subtract(param, np.multiply(grad, learning_rate))"),
    Alternative(
        "momentum",
        "zeros at the start",
        '    v = mu * state.get("v", 0) + grad\n',
        '    v = state["v"] if state else np.zeros_like(param)\n    v = grad + v * mu\n',
    ),
    Alternative(
        "momentum",
        "a copied velocity, changed in place",
        '    v = mu * state.get("v", 0) + grad\n    return param - learning_rate * v, {"v": v}\n',
        '    new = dict(state)\n'
        '    new["v"] = np.array(state.get("v", np.zeros_like(param)))\n'
        '    new["v"] *= mu\n'
        '    new["v"] += grad\n'
        '    return param - new["v"] * learning_rate, new\n',
    ),
    Alternative(
        "nesterov",
        "two steps, one after the other",
        "    return param - learning_rate * (grad + mu * v), {\"v\": v}\n",
        "    param = param - learning_rate * grad\n    param = param - learning_rate * mu * v\n"
        "    return param, {\"v\": v}\n",
    ),
    Alternative(
        "nesterov",
        "old velocity written out",
        '    v = mu * state.get("v", 0) + grad\n'
        "    return param - learning_rate * (grad + mu * v), {\"v\": v}\n",
        '    old = state.get("v", np.zeros_like(grad))\n'
        "    step = (1 + mu) * grad + mu**2 * old\n"
        "    return param - learning_rate * step, dict(v=mu * old + grad)\n",
    ),
    Alternative(
        "rmsprop",
        "zeros at the start, np.square",
        '    s = alpha * state.get("s", 0) + (1 - alpha) * grad**2\n',
        '    s = state["s"] if "s" in state else np.zeros_like(param)\n'
        "    s = s + (1 - alpha) * (np.square(grad) - s)\n",
    ),
    Alternative("rmsprop", "power one half", "np.sqrt(s) + eps", "s**0.5 + eps"),
    Alternative(
        "adam",
        "state unpacked",
        '    t = state.get("t", 0) + 1\n'
        '    m = beta1 * state.get("m", 0) + (1 - beta1) * grad\n'
        '    v = beta2 * state.get("v", 0) + (1 - beta2) * grad**2\n',
        "    if not state:\n"
        '        state = {"t": 0, "m": np.zeros_like(param), "v": np.zeros_like(param)}\n'
        '    t, m, v = state["t"] + 1, state["m"], state["v"]\n'
        "    m = m + (1 - beta1) * (grad - m)\n"
        "    v = beta2 * v + (1 - beta2) * grad * grad\n",
    ),
    Alternative(
        "adam",
        "corrections in the rate",
        "    m_hat = m / (1 - beta1**t)\n"
        "    v_hat = v / (1 - beta2**t)\n"
        "    return param - learning_rate * m_hat / (np.sqrt(v_hat) + eps)",
        "    rate = learning_rate / (1 - beta1**t)\n"
        "    root = v**0.5 / (1 - beta2**t) ** 0.5\n"
        "    return param - rate * m / (root + eps)",
    ),
    Alternative(
        "nadam",
        "momenta by a function",
        "    mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (step * psi)) for step in (t, t + 1))\n",
        "    def schedule(k):\n"
        "        return beta1 - beta1 / 2 * 0.96 ** (psi * k)\n\n"
        "    mu, mu_next = schedule(t), schedule(t + 1)\n",
    ),
    Alternative(
        "nadam",
        "as torch writes it, in two steps",
        "    m_hat = (1 - mu) / (1 - product) * grad + mu_next / (1 - product * mu_next) * m\n"
        "    v_hat = v / (1 - beta2**t)\n"
        "    param = param - learning_rate * m_hat / (np.sqrt(v_hat) + eps)\n",
        "    denominator = np.sqrt(v / (1 - beta2**t)) + eps\n"
        "    param = param - learning_rate * (1 - mu) / (1 - product) * (grad / denominator)\n"
        "    param = param - learning_rate * mu_next / (1 - product * mu_next) * (m / denominator)\n",
    ),
]

INITIALISATION = [
    Alternative("zeros_init", "full", "np.zeros((d, m))", "np.full((d, m), 0.0)"),
    Alternative("normal_init", "scaled standard normal", "rng.normal(0, std, size=(d, m))", "std * rng.standard_normal((d, m))"),
    Alternative("normal_init", "keywords", "rng.normal(0, std, size=(d, m))", "rng.normal(loc=0.0, scale=std, size=[d, m])"),
    Alternative("xavier_init", "scaled standard normal", "rng.normal(0, np.sqrt(2 / (d + m)), size=(d, m))", "rng.standard_normal((d, m)) * (2 / (d + m)) ** 0.5"),
    Alternative("xavier_init", "divided by the root", "rng.normal(0, np.sqrt(2 / (d + m)), size=(d, m))", "rng.normal(size=(d, m)) / np.sqrt((d + m) / 2)"),
    Alternative("he_init", "scaled standard normal", "rng.normal(0, np.sqrt(2 / d), size=(d, m))", "rng.standard_normal((d, m)) * np.sqrt(2.0 / d)"),
]

MOMENTS = '''
def batchnorm_forward(x, gamma, beta, running, *, training, momentum=0.9, eps=1e-5):
    """Centred first; sums written out; evaluation handled at the top."""
    n = x.shape[0]
    if not training:
        mean, var = running
        deviation = (var + eps) ** 0.5
        x_hat = (x - mean[None, :]) / deviation[None, :]
        return x_hat * gamma + beta, (x_hat, deviation, gamma, False), (mean, var)
    if n == 1:
        raise ValueError("one sample has no variance")
    mean = np.sum(x, axis=0) / n
    centred = x - mean
    squares = np.sum(centred**2, axis=0)
    deviation = np.sqrt(squares / n + eps)
    x_hat = centred / deviation
    averages = (
        running[0] + (1 - momentum) * (mean - running[0]),
        running[1] + (1 - momentum) * (squares / (n - 1) - running[1]),
    )
    return np.multiply(gamma, x_hat) + beta, (x_hat, deviation, gamma, True), averages
'''

NORMALISATION = [
    Alternative("batchnorm_forward", "centred first", None, MOMENTS),
    Alternative(
        "batchnorm_forward",
        "ddof and a list",
        "            momentum * old_var + (1 - momentum) * var * (n / (n - 1)),\n",
        "            momentum * old_var + (1 - momentum) * x.var(axis=0, ddof=1),\n",
        also=(("gamma * x_hat + beta, (x_hat", "np.add(beta, x_hat * gamma), (x_hat"),),
    ),
    Alternative(
        "batchnorm_backward",
        "through variance and mean",
        "    if training:\n"
        "        dout = dout - (dbeta + x_hat * dgamma) / len(dout)\n"
        "    return gamma / std * dout, dgamma, dbeta\n",
        "    dx_hat = dout * gamma\n"
        "    if not training:\n"
        "        return dx_hat / std, dgamma, dbeta\n"
        "    n = dout.shape[0]\n"
        "    centred = x_hat * std\n"
        "    dvar = np.sum(dx_hat * centred, axis=0) * -0.5 / std**3\n"
        "    dmean = -np.sum(dx_hat, axis=0) / std - 2 * dvar * centred.mean(axis=0)\n"
        "    dx = dx_hat / std + dvar * 2 * centred / n + dmean / n\n"
        "    return dx, dgamma, dbeta\n",
    ),
    Alternative(
        "batchnorm_backward",
        "means over the batch",
        "        dout = dout - (dbeta + x_hat * dgamma) / len(dout)\n",
        "        dout = dout - dout.mean(axis=0) - x_hat * np.mean(dout * x_hat, axis=0)\n",
        also=(("(dout * x_hat).sum(axis=0), dout.sum(axis=0)\n", 'np.einsum("nd,nd->d", dout, x_hat), np.ones(len(dout), dout.dtype) @ dout\n'),),
    ),
]

REGULARISATION = [
    Alternative(
        "dropout",
        "two ways out",
        "    factors = (u >= p) / (1 - p) if training else np.ones_like(x)\n"
        "    cache = factors.astype(x.dtype)\n"
        "    return x * cache, cache\n",
        "    if not training:\n"
        "        return x.copy(), np.ones(x.shape, dtype=x.dtype)\n"
        "    scale = np.where(u < p, 0, 1 / (1 - p)).astype(x.dtype)\n"
        "    return scale * x, scale\n",
    ),
    Alternative(
        "dropout",
        "zeros assigned",
        "    factors = (u >= p) / (1 - p) if training else np.ones_like(x)\n"
        "    cache = factors.astype(x.dtype)\n",
        "    cache = np.ones_like(x)\n"
        "    if training:\n"
        "        cache[u < p] = 0\n"
        "        cache /= 1 - p\n",
        also=(("    return dout * cache\n", "    return np.multiply(cache, dout)\n"),),
    ),
    Alternative("l1_penalty", "product with the sign", "lam * np.abs(w).sum(), lam * np.sign(w)", "float(np.sum(np.sign(w) * w) * lam), np.sign(w) * lam"),
    Alternative("l1_penalty", "norm of the flat array", "lam * np.abs(w).sum(), lam * np.sign(w)", "lam * np.linalg.norm(w.ravel(), 1), lam * ((w > 0).astype(w.dtype) - (w < 0))"),
    Alternative("l2_penalty", "dot product", "lam / 2 * np.sum(w * w)", "0.5 * lam * np.vdot(w, w)"),
    Alternative("l2_penalty", "squared norm", "lam / 2 * np.sum(w * w), lam * w", "lam * np.linalg.norm(w) ** 2 / 2, w * lam"),
]

MEASURES = [
    Alternative(
        "confusion_matrix",
        "add.at",
        "    pairs = target * classes + predicted\n"
        "    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)\n",
        "    matrix = np.zeros((classes, classes), dtype=int)\n"
        "    np.add.at(matrix, (target, predicted), 1)\n"
        "    return matrix\n",
    ),
    Alternative(
        "confusion_matrix",
        "sample by sample",
        "    pairs = target * classes + predicted\n"
        "    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)\n",
        "    matrix = np.zeros((classes, classes), dtype=np.int32)\n"
        "    for truth, said in zip(target, predicted):\n"
        "        matrix[truth, said] += 1\n"
        "    return matrix\n",
    ),
    Alternative(
        "confusion_matrix",
        "one-hot product",
        "    pairs = target * classes + predicted\n"
        "    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)\n",
        "    one_hot = np.eye(classes, dtype=int)\n    return one_hot[target].T @ one_hot[predicted]\n",
    ),
    Alternative(
        "classification_report",
        "np.divide where there is something",
        '    scores = {\n'
        '        "precision": hits / np.maximum(named, 1),\n'
        '        "recall": hits / np.maximum(support, 1),\n'
        '        "f1": 2 * hits / np.maximum(named + support, 1),\n'
        '    }\n',
        '    def ratio(a, b):\n'
        '        return np.divide(a, b, out=np.zeros(len(a)), where=b > 0)\n\n'
        '    precision, recall = ratio(hits, named), ratio(hits, support)\n'
        '    f1 = ratio(2 * precision * recall, precision + recall)\n'
        '    scores = {"precision": precision, "recall": recall, "f1": f1}\n',
    ),
    Alternative(
        "classification_report",
        "np.average, trace",
        "score @ support / support.sum()",
        "float(np.average(score, weights=support))",
        also=(("hits.sum() / matrix.sum()", "float(np.trace(matrix) / np.sum(matrix))"),),
    ),
]

CURVATURE = [
    Alternative(
        "hessian",
        "column by column",
        "    steps = h * np.eye(len(theta))\n"
        "    rows = [(gradient(theta + step) - gradient(theta - step)) / (2 * h) for step in steps]\n"
        "    rows = np.array(rows)\n"
        "    return (rows + rows.T) / 2\n",
        "    matrix = np.zeros((theta.size, theta.size))\n"
        "    for j in range(theta.size):\n"
        "        ahead, behind = theta.copy(), theta.copy()\n"
        "        ahead[j] += h\n"
        "        behind[j] -= h\n"
        "        matrix[:, j] = (gradient(ahead) - gradient(behind)) / 2 / h\n"
        "    return 0.5 * matrix + 0.5 * matrix.T\n",
    ),
    Alternative(
        "critical_point",
        "counting",
        "    up, down = eigenvalues > limit, eigenvalues < -limit\n"
        "    if up.any() and down.any():\n"
        '        return "saddle"\n'
        "    if up.all():\n"
        '        return "minimum"\n'
        '    return "maximum" if down.all() else "degenerate"\n',
        "    positive, negative = np.sum(eigenvalues > limit), np.sum(eigenvalues < -limit)\n"
        "    if positive > 0 and negative > 0:\n"
        '        return "saddle"\n'
        "    if positive + negative < len(eigenvalues):\n"
        '        return "degenerate"\n'
        '    return "minimum" if positive else "maximum"\n',
    ),
    Alternative("critical_point", "eigvals", "np.linalg.eigvalsh(matrix)", "np.linalg.eigh(matrix)[0]"),
    Alternative(
        "critical_point",
        "divided by the largest",
        "    limit = tolerance * np.abs(eigenvalues).max()\n"
        "    up, down = eigenvalues > limit, eigenvalues < -limit\n",
        "    largest = max(abs(eigenvalues))\n"
        "    ratios = eigenvalues / largest if largest > 0 else eigenvalues\n"
        "    up, down = ratios > tolerance, ratios < -tolerance\n",
    ),
]

ALTERNATIVES = [
    *DESCENT,
    *OPTIMISERS,
    *INITIALISATION,
    *NORMALISATION,
    *REGULARISATION,
    *MEASURES,
    *CURVATURE,
]

EQUIVALENT = {
    "classification_report: 1 → 2": "of F1's maximum: where named + support is 1 there are no hits",
}
