"""Wrong solutions of `autoencoder` that students really write, each with the hint it earns.

Two edits that give the same results share a hint, for nobody can tell them apart from outside.
"""

from autograder.mutation import Mistake

LOSS = [
    Mistake(
        "reconstruction_loss",
        "mean over the batch only",
        "np.vdot(difference, difference) / difference.size",
        "np.vdot(difference, difference) / len(difference)",
        "The loss is averaged over the samples and summed over the pixels; the mean runs over all "
        "elements.",
    ),
    Mistake(
        "reconstruction_loss",
        "gradient for a mean over the batch",
        "difference * (2 / difference.size)",
        "difference * (2 / len(difference))",
        "The gradient belongs to a loss that is averaged over the samples alone; this one is "
        "averaged over the pixels too.",
    ),
    Mistake(
        "reconstruction_loss",
        "factor two forgotten",
        "difference * (2 / difference.size)",
        "difference / difference.size",
        "The derivative of a square brings down a 2, and it is missing.",
    ),
    Mistake(
        "reconstruction_loss",
        "target minus reconstruction",
        "difference = x_hat - x",
        "difference = x - x_hat",
        "The sign of the gradient is turned round: it points from the reconstruction to the "
        "input. The square in the loss hides it there.",
    ),
    Mistake(
        "reconstruction_loss",
        "absolute error",
        "np.vdot(difference, difference) / difference.size",
        "np.abs(difference).mean()",
        "The loss is the mean of the absolute errors; it is the squares that are averaged.",
    ),
    Mistake(
        "reconstruction_loss",
        "root of the mean square",
        "np.vdot(difference, difference) / difference.size",
        "np.sqrt(np.mean(difference**2))",
        "The loss is the root of the mean squared error; the root does not belong to it.",
    ),
]

BLOCK = [
    Mistake(
        "block",
        "activation before batch normalisation",
        "    out = activation_forward(z, activation)\n",
        "    if normal is not None:\n"
        '        z = activation_forward(x @ layer["w"], activation)\n'
        "        z, normal = batchnorm_forward(\n"
        '            z, layer["gamma"], layer["beta"], layer["mean"].copy(), layer["var"].copy(), training)\n'
        "        out = z\n"
        "    else:\n"
        "        out = activation_forward(z, activation)\n",
        "The normalisation stands after the activation; here it normalises the product, and the "
        "activation comes last.",
    ),
    Mistake(
        "block",
        "batch statistics in evaluation",
        "*arrays, training)",
        "*arrays, True)",
        "Evaluation uses the statistics of the batch: hand the mode on, so that the running "
        "statistics are used there.",
    ),
    Mistake(
        "block",
        "running statistics in training",
        "*arrays, training)",
        "*arrays, False)",
        "Training normalises by the running statistics; there the batch's own are to be used. "
        "Hand the mode on.",
    ),
    Mistake(
        "block",
        "bias forgotten",
        '        z += layer["b"]\n',
        "        pass\n",
        "The bias does not reach the output of a layer without batch normalisation.",
    ),
    Mistake(
        "block",
        "activation forgotten",
        "out = activation_forward(z, activation)",
        "out = z",
        "The activation is missing: this is what goes into it.",
    ),
    Mistake(
        "block",
        "gamma and beta swapped",
        '("gamma", "beta", "mean", "var")',
        '("beta", "gamma", "mean", "var")',
        "gamma and beta have changed places on the way to the normalisation.",
    ),
    Mistake(
        "block",
        "slope of the activation forgotten",
        "dz = activation_backward(dout, out, activation)",
        "dz = dout",
        "The upstream gradient passes the activation untouched; it has to be multiplied by the "
        "slope.",
    ),
    Mistake(
        "block",
        "normalisation skipped on the way back",
        "dz, dgamma, dbeta = batchnorm_backward(dz, normal)",
        "_, dgamma, dbeta = batchnorm_backward(dz, normal)",
        "The weights' and the inputs' gradient skip the normalisation: what goes on from there is "
        "its dz, not the gradient that came in.",
    ),
    Mistake(
        "block",
        "bias gradient averaged",
        "dz.sum(axis=0)",
        "dz.mean(axis=0)",
        "The bias's gradient is averaged over the batch; it is a sum, for the mean is in the "
        "upstream gradient already.",
    ),
    Mistake(
        "block",
        "weight gradient averaged",
        'gradients["w"] = x.T @ dz',
        'gradients["w"] = x.T @ dz / len(x)',
        "The weights' gradient is averaged over the batch; it is a sum, for the mean is in the "
        "upstream gradient already.",
    ),
    Mistake(
        "block",
        "weight gradient from the output",
        'gradients["w"] = x.T @ dz',
        'gradients["w"] = x.T @ dout',
        "The weights' gradient is made with the upstream gradient; it must have gone back through "
        "activation and normalisation first.",
    ),
    Mistake(
        "block",
        "dgamma and dbeta swapped",
        '{"gamma": dgamma, "beta": dbeta}',
        '{"gamma": dbeta, "beta": dgamma}',
        "The gradients of gamma and beta have changed places.",
    ),
    Mistake(
        "block",
        "dx always computed",
        "(dz @ w.T if want_dx else None)",
        "dz @ w.T",
        "dx is computed although it is not wanted: then it should be None, and the product saved.",
    ),
]

MISTAKES = [*LOSS, *BLOCK]
