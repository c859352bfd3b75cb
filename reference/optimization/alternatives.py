"""Right solutions of `optimization` written differently: each must get full marks and no hint."""

from autograder.assignment.edits import BODY, CELL, Alternatives

GRADIENT_DESCENT = Alternatives("gradient_descent",
    ("rows of an array", BODY, """\
    path = np.empty((steps + 1, len(start)))
    path[0] = start
    for t in range(steps):
        path[t + 1] = path[t] - learning_rate * gradient(path[t].copy())
    return path"""),
    ("a point that moves in place, copied", BODY, """\
    point = np.array(start, dtype=float)
    path = [point.copy()]
    while len(path) <= steps:
        point -= learning_rate * gradient(point)
        path.append(point.copy())
    return np.stack(path)"""),
)

MINIBATCHES = Alternatives("minibatches",
    ("a list of pairs",
     "    for start in range(0, len(x), batch_size):\n"
     "        batch = order[start : start + batch_size]\n"
     "        yield x[batch], y[batch]",
     "    pieces = np.split(order, range(batch_size, len(x), batch_size))\n"
     "    return [(x[piece], y[piece]) for piece in pieces]"),
    ("shuffled copies, then slices",
     "    for start in range(0, len(x), batch_size):\n"
     "        batch = order[start : start + batch_size]\n"
     "        yield x[batch], y[batch]", """\
    x, y, done = x[order], y[order], 0
    while done < len(x):
        yield x[done : done + batch_size], y[done : done + batch_size]
        done += batch_size"""),
)

SGD = Alternatives("sgd",
    ("a copy that is changed", BODY,
     "    param = param.copy()\n    param -= learning_rate * grad\n    return param, dict(state)"),
    ("np.subtract", "param - learning_rate * grad",
     "np.subtract(param, np.multiply(grad, learning_rate))"),
)

MOMENTUM = Alternatives("momentum",
    ("zeros at the start", '    v = mu * state.get("v", 0) + grad',
     '    v = state["v"] if state else np.zeros_like(param)\n    v = grad + v * mu'),
    ("a copied velocity, changed in place", BODY, """\
    new = dict(state)
    new["v"] = np.array(state.get("v", np.zeros_like(param)))
    new["v"] *= mu
    new["v"] += grad
    return param - new["v"] * learning_rate, new"""),
)

NESTEROV = Alternatives("nesterov",
    ("two steps, one after the other",
     '    return param - learning_rate * (grad + mu * v), {"v": v}',
     "    param = param - learning_rate * grad\n"
     "    param = param - learning_rate * mu * v\n"
     '    return param, {"v": v}'),
    ("old velocity written out", BODY,
     '    old = state.get("v", np.zeros_like(grad))\n'
     "    step = (1 + mu) * grad + mu**2 * old\n"
     "    return param - learning_rate * step, dict(v=mu * old + grad)"),
)

RMSPROP = Alternatives("rmsprop",
    ("zeros at the start, np.square", '    s = alpha * state.get("s", 0) + (1 - alpha) * grad**2',
     '    s = state["s"] if "s" in state else np.zeros_like(param)\n'
     "    s = s + (1 - alpha) * (np.square(grad) - s)"),
    ("power one half", "np.sqrt(s) + eps", "s**0.5 + eps"),
)

ADAM = Alternatives("adam",
    ("state unpacked",
     '    t = state.get("t", 0) + 1\n'
     '    m = beta1 * state.get("m", 0) + (1 - beta1) * grad\n'
     '    v = beta2 * state.get("v", 0) + (1 - beta2) * grad**2', """\
    if not state:
        state = {"t": 0, "m": np.zeros_like(param), "v": np.zeros_like(param)}
    t, m, v = state["t"] + 1, state["m"], state["v"]
    m = m + (1 - beta1) * (grad - m)
    v = beta2 * v + (1 - beta2) * grad * grad"""),
    ("corrections in the rate",
     "    m_hat = m / (1 - beta1**t)\n"
     "    v_hat = v / (1 - beta2**t)\n"
     "    return param - learning_rate * m_hat / (np.sqrt(v_hat) + eps)",
     "    rate = learning_rate / (1 - beta1**t)\n"
     "    root = v**0.5 / (1 - beta2**t) ** 0.5\n"
     "    return param - rate * m / (root + eps)"),
)

NADAM = Alternatives("nadam",
    ("momenta by a function",
     "    mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (step * psi)) for step in (t, t + 1))", """\
    def schedule(k):
        return beta1 - beta1 / 2 * 0.96 ** (psi * k)

    mu, mu_next = schedule(t), schedule(t + 1)"""),
    ("as torch writes it, in two steps",
     "    m_hat = (1 - mu) / (1 - product) * grad + mu_next / (1 - product * mu_next) * m\n"
     "    v_hat = v / (1 - beta2**t)\n"
     "    param = param - learning_rate * m_hat / (np.sqrt(v_hat) + eps)",
     "    denominator = np.sqrt(v / (1 - beta2**t)) + eps\n"
     "    param = param - learning_rate * (1 - mu) / (1 - product) * (grad / denominator)\n"
     "    param = param - learning_rate * mu_next / (1 - product * mu_next) * (m / denominator)"),
)

ZEROS_INIT = Alternatives("zeros_init",
    ("full", "np.zeros((d, m))", "np.full((d, m), 0.0)"),
)

NORMAL_INIT = Alternatives("normal_init",
    ("scaled standard normal", "rng.normal(0, std, size=(d, m))",
     "std * rng.standard_normal((d, m))"),
    ("keywords", "rng.normal(0, std, size=(d, m))", "rng.normal(loc=0.0, scale=std, size=[d, m])"),
)

XAVIER_INIT = Alternatives("xavier_init",
    ("scaled standard normal", "rng.normal(0, np.sqrt(2 / (d + m)), size=(d, m))",
     "rng.standard_normal((d, m)) * (2 / (d + m)) ** 0.5"),
    ("divided by the root", "rng.normal(0, np.sqrt(2 / (d + m)), size=(d, m))",
     "rng.normal(size=(d, m)) / np.sqrt((d + m) / 2)"),
)

HE_INIT = Alternatives("he_init",
    ("scaled standard normal", "rng.normal(0, np.sqrt(2 / d), size=(d, m))",
     "rng.standard_normal((d, m)) * np.sqrt(2.0 / d)"),
)

BATCHNORM_FORWARD = Alternatives("batchnorm_forward",
    ("centred first", CELL,
     "\n"
     "def batchnorm_forward(x, gamma, beta, running, *, training, momentum=0.9, eps=1e-5):\n"
     '    """Centred first; sums written out; evaluation handled at the top."""\n'
     "    n = x.shape[0]\n"
     "    if not training:\n"
     "        mean, var = running\n"
     "        deviation = (var + eps) ** 0.5\n"
     "        x_hat = (x - mean[None, :]) / deviation[None, :]\n"
     "        return x_hat * gamma + beta, (x_hat, deviation, gamma, False), (mean, var)\n"
     "    if n == 1:\n"
     '        raise ValueError("one sample has no variance")\n'
     "    mean = np.sum(x, axis=0) / n\n"
     "    centred = x - mean\n"
     "    squares = np.sum(centred**2, axis=0)\n"
     "    deviation = np.sqrt(squares / n + eps)\n"
     "    x_hat = centred / deviation\n"
     "    averages = (\n"
     "        running[0] + (1 - momentum) * (mean - running[0]),\n"
     "        running[1] + (1 - momentum) * (squares / (n - 1) - running[1]),\n"
     "    )\n"
     "    return np.multiply(gamma, x_hat) + beta, (x_hat, deviation, gamma, True), averages\n"),
    ("ddof and a list", "            momentum * old_var + (1 - momentum) * var * (n / (n - 1)),",
     "            momentum * old_var + (1 - momentum) * x.var(axis=0, ddof=1),",
     ("gamma * x_hat + beta, (x_hat", "np.add(beta, x_hat * gamma), (x_hat")),
)

BATCHNORM_BACKWARD = Alternatives("batchnorm_backward",
    ("through variance and mean",
     "    if training:\n"
     "        dout = dout - (dbeta + x_hat * dgamma) / len(dout)\n"
     "    return gamma / std * dout, dgamma, dbeta", """\
    dx_hat = dout * gamma
    if not training:
        return dx_hat / std, dgamma, dbeta
    n = dout.shape[0]
    centred = x_hat * std
    dvar = np.sum(dx_hat * centred, axis=0) * -0.5 / std**3
    dmean = -np.sum(dx_hat, axis=0) / std - 2 * dvar * centred.mean(axis=0)
    dx = dx_hat / std + dvar * 2 * centred / n + dmean / n
    return dx, dgamma, dbeta"""),
    ("means over the batch", "        dout = dout - (dbeta + x_hat * dgamma) / len(dout)",
     "        dout = dout - dout.mean(axis=0) - x_hat * np.mean(dout * x_hat, axis=0)",
     ("(dout * x_hat).sum(axis=0), dout.sum(axis=0)",
      'np.einsum("nd,nd->d", dout, x_hat), np.ones(len(dout), dout.dtype) @ dout')),
)

DROPOUT = Alternatives("dropout",
    ("two ways out",
     "    factors = (u >= p) / (1 - p) if training else np.ones_like(x)\n"
     "    cache = factors.astype(x.dtype)\n"
     "    return x * cache, cache", """\
    if not training:
        return x.copy(), np.ones(x.shape, dtype=x.dtype)
    scale = np.where(u < p, 0, 1 / (1 - p)).astype(x.dtype)
    return scale * x, scale"""),
    ("zeros assigned",
     "    factors = (u >= p) / (1 - p) if training else np.ones_like(x)\n"
     "    cache = factors.astype(x.dtype)", """\
    cache = np.ones_like(x)
    if training:
        cache[u < p] = 0
        cache /= 1 - p""", ("    return dout * cache", "    return np.multiply(cache, dout)")),
)

L1_PENALTY = Alternatives("l1_penalty",
    ("product with the sign", "lam * np.abs(w).sum(), lam * np.sign(w)",
     "float(np.sum(np.sign(w) * w) * lam), np.sign(w) * lam"),
    ("norm of the flat array", "lam * np.abs(w).sum(), lam * np.sign(w)",
     "lam * np.linalg.norm(w.ravel(), 1), lam * ((w > 0).astype(w.dtype) - (w < 0))"),
)

L2_PENALTY = Alternatives("l2_penalty",
    ("dot product", "lam / 2 * np.sum(w * w)", "0.5 * lam * np.vdot(w, w)"),
    ("squared norm", "lam / 2 * np.sum(w * w), lam * w",
     "lam * np.linalg.norm(w) ** 2 / 2, w * lam"),
)

CONFUSION_MATRIX = Alternatives("confusion_matrix",
    ("add.at", BODY,
     "    matrix = np.zeros((classes, classes), dtype=int)\n"
     "    np.add.at(matrix, (target, predicted), 1)\n"
     "    return matrix"),
    ("sample by sample", BODY, """\
    matrix = np.zeros((classes, classes), dtype=np.int32)
    for truth, said in zip(target, predicted):
        matrix[truth, said] += 1
    return matrix"""),
    ("one-hot product", BODY,
     "    one_hot = np.eye(classes, dtype=int)\n    return one_hot[target].T @ one_hot[predicted]"),
)

CLASSIFICATION_REPORT = Alternatives("classification_report",
    ("np.divide where there is something", """\
    scores = {
        "precision": hits / np.maximum(named, 1),
        "recall": hits / np.maximum(support, 1),
        "f1": 2 * hits / np.maximum(named + support, 1),
    }""", """\
    def ratio(a, b):
        return np.divide(a, b, out=np.zeros(len(a)), where=b > 0)

    precision, recall = ratio(hits, named), ratio(hits, support)
    f1 = ratio(2 * precision * recall, precision + recall)
    scores = {"precision": precision, "recall": recall, "f1": f1}"""),
    ("np.average, trace", "score @ support / support.sum()",
     "float(np.average(score, weights=support))",
     ("hits.sum() / matrix.sum()", "float(np.trace(matrix) / np.sum(matrix))")),
)

HESSIAN = Alternatives("hessian",
    ("column by column", BODY, """\
    matrix = np.zeros((theta.size, theta.size))
    for j in range(theta.size):
        ahead, behind = theta.copy(), theta.copy()
        ahead[j] += h
        behind[j] -= h
        matrix[:, j] = (gradient(ahead) - gradient(behind)) / 2 / h
    return 0.5 * matrix + 0.5 * matrix.T"""),
)

CRITICAL_POINT = Alternatives("critical_point",
    ("counting", """\
    up, down = eigenvalues > limit, eigenvalues < -limit
    if up.any() and down.any():
        return "saddle"
    if up.all():
        return "minimum"
    return "maximum" if down.all() else "degenerate"
""", """\
    positive, negative = np.sum(eigenvalues > limit), np.sum(eigenvalues < -limit)
    if positive > 0 and negative > 0:
        return "saddle"
    if positive + negative < len(eigenvalues):
        return "degenerate"
    return "minimum" if positive else "maximum"
"""),
    ("eigvals", "np.linalg.eigvalsh(matrix)", "np.linalg.eigh(matrix)[0]"),
    ("divided by the largest",
     "    limit = tolerance * np.abs(eigenvalues).max()\n"
     "    up, down = eigenvalues > limit, eigenvalues < -limit",
     "    largest = max(abs(eigenvalues))\n"
     "    ratios = eigenvalues / largest if largest > 0 else eigenvalues\n"
     "    up, down = ratios > tolerance, ratios < -tolerance"),
)

EQUIVALENT = {
    "classification_report: 1 → 2": "of F1's maximum: where named + support is 1 there are no hits",
}
