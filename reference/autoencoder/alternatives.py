"""Right solutions of `autoencoder`, written differently: each must get full marks and no hint."""

from autograder.mutation import Alternative

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

ALTERNATIVES = [*LOSS, *BLOCK]

EQUIVALENT = {}
