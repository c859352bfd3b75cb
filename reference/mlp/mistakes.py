"""Wrong solutions of `mlp` that students really write, each with the hint it earns.

Two edits that give the same results share a hint, for nobody can tell them apart from outside.
"""

from autograder.assignment.edits import Mistakes

NEURON_FORWARD = Mistakes("neuron_forward",
    ("bias forgotten", "x @ w + b", "x @ w",
     "The bias b does not reach the output: add it to the weighted sum, before the sigmoid."),
    ("bias after the sigmoid", "1 / (1 + np.exp(-(x @ w + b)))", "1 / (1 + np.exp(-(x @ w))) + b",
     "The bias is added after the sigmoid. It belongs to the weighted sum inside: otherwise the "
     "output could leave the interval from 0 to 1."),
    ("sign of the exponent", "np.exp(-(x @ w + b))", "np.exp(x @ w + b)", "This neuron falls "
     "where it should rise: the exponent of the sigmoid has a minus sign in front of z."),
    ("no activation", "1 / (1 + np.exp(-(x @ w + b)))", "x @ w + b",
     "This is the weighted sum plus the bias, and a good first half: send it through the sigmoid."),
    ("tanh for the sigmoid", "1 / (1 + np.exp(-(x @ w + b)))", "np.tanh(x @ w + b)",
     "The activation here is tanh, which runs from −1 to 1; this neuron uses the sigmoid, from 0 "
     "to 1."),
    ("weighted sum in the cache", "return out, (x, w, out)", "return out, (x, w, x @ w + b)",
     "The cache's third item is the weighted sum before the sigmoid; the backward pass is "
     "promised the activation out itself."),
)

NEURON_BACKWARD = Mistakes("neuron_backward",
    ("slope of the sigmoid forgotten", "dz = dout * out * (1 - out)", "dz = dout",
     "The upstream gradient passes through the sigmoid untouched: on its way from out to z it is "
     "multiplied by the sigmoid's slope."),
    ("half of the slope", "dz = dout * out * (1 - out)", "dz = dout * (1 - out)",
     "One factor of the sigmoid's slope is missing: σ' is σ times (1 − σ), and only the second "
     "is here."),
    ("sigmoid applied twice", "dz = dout * out * (1 - out)",
     "s = 1 / (1 + np.exp(-out))\n    dz = dout * s * (1 - s)",
     "The cached out already went through the sigmoid; here it goes through a second time. The "
     "slope can be written with out directly."),
    ("upstream gradient forgotten", "dz = dout * out * (1 - out)", "dz = out * (1 - out)",
     "dout is not used: the chain rule multiplies the neuron's own slope by the gradient from "
     "above."),
    ("mean over the batch", "x.T @ dz, dz.sum()", "x.T @ dz / len(x), dz.mean()",
     "dw and db are averaged over the batch. They are sums here: if the loss is a mean, its 1/N "
     "is already inside dout."),
    ("bias gradient averaged", "dz.sum()", "dz.mean()", "db is averaged over the batch, while it "
     "should be summed: every sample uses the same bias, so their contributions add up."),
    ("bias gradient per sample", "dz.sum()", "dz", "db has one number per sample. The neuron has "
     "one bias, so their contributions add up to one number."),
    ("inputs in place of weights", "np.outer(dz, w)", "dz[:, None] * x", "dx is built from the "
     "inputs x; the derivative of the weighted sum by its inputs is the weights."),
    ("bias gradient without the slope", "dz.sum()", "dout.sum()", "db sums dout itself: the bias "
     "sits inside the sigmoid, so its gradient carries the slope as well."),
    ("dx and dw swapped", "return np.outer(dz, w), x.T @ dz, dz.sum()",
     "return x.T @ dz, np.outer(dz, w), dz.sum()",
     "dx and dw have changed places: the order is dx, dw, db."),
)

SIGMOID = Mistakes("sigmoid",
    ("overflow for large x", "out = np.where(x >= 0, 1, e) / (1 + e)",
     "out = np.exp(x) / (1 + np.exp(x))",
     "For large x the exponential overflows and infinity over infinity is not a number. Choose, "
     "for each sign of x, the form whose exponent is not positive."),
    ("mirrored", "np.where(x >= 0, 1, e)", "np.where(x >= 0, e, 1)",
     "This sigmoid falls from 1 to 0, so it is σ(−x): the sign in the exponent is turned round."),
    ("inputs clipped", "e = np.exp(-np.abs(x))",
     "x = np.clip(x, -5, 5)\n    e = np.exp(-np.abs(x))",
     "Clipping x does prevent overflow, but it changes the function: beyond the limit the output "
     "stops moving. There is a form that needs no clipping."),
    ("sigmoid applied twice", "return dout * out * (1 - out)",
     "s = 1 / (1 + np.exp(-out))\n    return dout * s * (1 - s)",
     "The cache is the sigmoid's output, and here it goes through the sigmoid once more. Its "
     "slope can be written with the cached output directly."),
    ("upstream gradient forgotten", "return dout * out * (1 - out)", "return out * (1 - out)",
     "This is the sigmoid's slope alone: the chain rule multiplies it by dout."),
    ("slope of tanh", "return dout * out * (1 - out)", "return dout * (1 - out**2)",
     "One minus the square of the output is the slope of tanh; the sigmoid has one of its own."),
    ("half of the slope", "return dout * out * (1 - out)", "return dout * (1 - out)",
     "One factor of the slope is missing: σ' is σ times (1 − σ), and only the second is here."),
    ("x in the cache", "return out, out", "return out, x", "The cache holds x; the docstring "
     "promises the backward pass the output, from which the slope is cheaper."),
)

TANH = Mistakes("tanh",
    ("square forgotten", "1 - out * out", "1 - out",
     "The slope of tanh is one minus the square of its output; the square is missing."),
    ("slope of the sigmoid", "dout * (1 - out * out)", "dout * out * (1 - out)",
     "This is the slope of the sigmoid. For tanh, differentiate the quotient once more: its "
     "slope is largest, 1, where the output is 0."),
    ("tanh applied twice", "out = cache", "out = np.tanh(cache)",
     "The cache is the output of tanh, and here it goes through tanh once more. Use it as it is."),
    ("upstream gradient forgotten", "return dout * (1 - out * out)", "return 1 - out * out",
     "This is the slope of tanh alone: the chain rule multiplies it by dout."),
    ("overflow for large x", "out = np.tanh(x)",
     "out = (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))",
     "For large x both exponentials' quotient is infinity over infinity, which is not a number. "
     "NumPy has a tanh that knows better."),
    ("x in the cache", "return out, out", "return out, x",
     "The cache holds x; the docstring promises the backward pass the output."),
)

RELU = Mistakes("relu",
    ("input overwritten", "return np.maximum(x, 0), x", "x[x < 0] = 0\n    return x, x",
     "The caller's x is overwritten: whoever still needs it, the backward pass first of all, "
     "finds zeros. Make a new array."),
    ("absolute value", "np.maximum(x, 0), x", "np.abs(x), x",
     "Negative inputs come out positive, as in the absolute value; ReLU turns them into 0."),
    ("output in the cache", "np.maximum(x, 0), x", "np.maximum(x, 0), np.maximum(x, 0)",
     "The cache holds the output; the docstring says that it is the input x."),
    ("gradient of one at zero", "x > 0", "x >= 0",
     "At an input of exactly 0 the gradient passes through; at this kink it is taken as 0."),
    ("mask from the upstream gradient", "dout * (x > 0)", "dout * (dout > 0)",
     "The gradient is stopped where dout is negative. What decides is the sign of the forward "
     "pass's input."),
    ("upstream gradient forgotten", "dout * (x > 0)", "(x > 0).astype(x.dtype)",
     "This is ReLU's slope, 0 or 1, alone: the chain rule multiplies it by dout."),
    ("output in place of slope", "dout * (x > 0)", "dout * np.maximum(x, 0)",
     "dout is multiplied by ReLU's output; the chain rule wants its slope, which is 0 or 1."),
    ("upstream gradient overwritten", "return dout * (x > 0)", "dout[x <= 0] = 0\n    return dout",
     "The right gradient, but written over the caller's dout, which others may still need. Make "
     "a new array."),
)

LEAKY_RELU = Mistakes("leaky_relu",
    ("sign of the negative side", "np.where(x > 0, x, slope * x)", "np.where(x > 0, x, -slope * x)",
     "Negative inputs come out positive: the slope keeps the sign of x."),
    ("slope as a constant", "np.where(x > 0, x, slope * x)", "np.where(x > 0, x, slope)",
     "On the negative side the output is the constant slope; it should be slope times x."),
    ("slope fixed in forward", "np.where(x > 0, x, slope * x)", "np.where(x > 0, x, 0.01 * x)",
     "The negative side always has the slope 0.01, whatever the argument slope says."),
    ("slope fixed in backward", "np.where(x > 0, dout, slope * dout)",
     "np.where(x > 0, dout, 0.01 * dout)", "The gradient always uses 0.01 on the negative side; "
     "the cache says which slope the forward pass used."),
    ("no leak in backward", "np.where(x > 0, dout, slope * dout)",
     "np.where(x > 0, dout, 0 * dout)", "On the negative side the gradient is 0, as in the plain "
     "ReLU; a leaky one lets slope times dout pass."),
    ("upstream gradient forgotten on the negative side", "np.where(x > 0, dout, slope * dout)",
     "np.where(x > 0, dout, slope)", "On the negative side the gradient is the slope alone: it "
     "is to be multiplied by dout there too."),
    ("mask from the upstream gradient", "np.where(x > 0, dout, slope * dout)",
     "np.where(dout > 0, dout, slope * dout)", "The sign of dout decides here which side a "
     "number is on. What decides is the sign of the forward pass's input."),
    ("gradient of one at zero", "np.where(x > 0, dout", "np.where(x >= 0, dout",
     "At an input of exactly 0 the gradient passes in full; at this kink the derivative is taken "
     "as slope."),
)

ELU = Mistakes("elu",
    ("alpha forgotten in forward", "alpha * np.expm1(np.minimum(x, 0))",
     "np.expm1(np.minimum(x, 0))",
     "alpha does not enter the negative side: there the output goes to −1 whatever alpha is."),
    ("minus one forgotten", "np.expm1(np.minimum(x, 0))", "np.exp(np.minimum(x, 0))",
     "On the negative side the output goes to 0 and jumps at the origin: the exponential needs "
     "its minus one."),
    ("minus one outside alpha", "alpha * np.expm1(np.minimum(x, 0))",
     "alpha * np.exp(np.minimum(x, 0)) - 1",
     "alpha multiplies only the exponential; it multiplies the whole difference eˣ − 1."),
    ("overflow for large x", "np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))",
     "(x > 0) * x + (x <= 0) * alpha * (np.exp(x) - 1)",
     "For large x the exponential is infinite, and 0 times infinity is not a number: a mask does "
     "not stop it. Keep large x away from the exponential."),
    ("alpha not added in backward", "out + alpha", "out",
     "On the negative side dout is multiplied by the output, which is alpha too small: the "
     "derivative of alpha (eˣ − 1) is alpha eˣ."),
    ("one added in place of alpha", "out + alpha", "out + 1",
     "On the negative side the slope is the output plus one, which is right only if alpha is 1."),
    ("one plus the output, times alpha", "out + alpha", "alpha * (out + 1)",
     "out has the factor alpha already: alpha eˣ is out + alpha, and not alpha (out + 1)."),
    ("alpha forgotten in backward", "out + alpha", "np.exp(np.minimum(x, 0))",
     "On the negative side the slope is eˣ, without its factor alpha."),
    ("exponential of the output", "out + alpha", "alpha * np.exp(out)", "The slope on the "
     "negative side takes the exponential of the output; it is the exponential of the input."),
    ("upstream gradient forgotten", "dout * np.where(x > 0, 1, out + alpha)",
     "np.where(x > 0, 1.0, out + alpha)",
     "This is ELU's slope alone: the chain rule multiplies it by dout."),
)

IDENTITY = Mistakes("identity",
    ("gradient of ones", "return dout", "return np.ones_like(dout)",
     "The slope of the identity is 1 indeed, and the chain rule multiplies it by dout."),
    ("input in the cache", "return x, None", "return x, x",
     "The gradient of the identity needs nothing, so its cache is None."),
)

SOFTMAX = Mistakes("softmax",
    ("normalised over everything", "e / e.sum(axis=-1, keepdims=True)", "e / e.sum()",
     "The exponentials are divided by the sum of the whole array, so that all rows together sum "
     "to one. Each row is a distribution of its own."),
    ("normalised over the first axis", "e / e.sum(axis=-1, keepdims=True)",
     "e / e.sum(axis=0, keepdims=True)",
     "The columns sum to one here; it should be the rows: the classes are on the last axis."),
    ("no shift", "np.exp(x - x.max(axis=-1, keepdims=True))", "np.exp(x)",
     "Large scores overflow. Subtracting the same number from a whole row changes nothing but "
     "the size of the exponentials: which number makes them safe?"),
    ("one shift for all rows", "x.max(axis=-1, keepdims=True)", "x.max()",
     "All rows are shifted by the largest score of the whole array: a row far below it becomes 0 "
     "over 0. Shift each row by its own maximum."),
    ("diagonal of the Jacobian alone", "out * (dout - np.sum(dout * out, axis=-1, keepdims=True))",
     "dout * out * (1 - out)",
     "This is the Jacobian's diagonal, as if softmax worked element by element. Raising one "
     "score lowers all other probabilities: the off-diagonal terms count too."),
    ("sum without the upstream gradient", "np.sum(dout * out, axis=-1, keepdims=True)",
     "np.sum(out, axis=-1, keepdims=True)", "The sum that is subtracted holds the probabilities "
     "alone, which is always one; each is weighted by its dout."),
    ("sum without the probabilities", "np.sum(dout * out, axis=-1, keepdims=True)",
     "np.sum(dout, axis=-1, keepdims=True)",
     "The sum that is subtracted adds up dout alone; each term is weighted by its probability."),
    ("probabilities outside the sum", "np.sum(dout * out, axis=-1, keepdims=True)",
     "out * np.sum(dout, axis=-1, keepdims=True)", "The probabilities stand outside the sum over "
     "the classes; each is multiplied with its own dout, and then the products are summed."),
    ("mean in place of sum", "np.sum(dout * out, axis=-1, keepdims=True)",
     "np.mean(dout * out, axis=-1, keepdims=True)",
     "The weighted upstream gradients are averaged over the classes; the Jacobian sums them."),
    ("outer factor forgotten", "return out * (dout - ", "return (dout - ",
     "dout is centred rightly, but the result is not yet multiplied by the probabilities."),
    ("gradient summed over the first axis", "np.sum(dout * out, axis=-1, keepdims=True)",
     "np.sum(dout * out, axis=0, keepdims=True)", "The backward pass sums over the first axis "
     "and so mixes the samples; the classes are on the last one."),
    ("dropped axis in the gradient", "np.sum(dout * out, axis=-1, keepdims=True)",
     "np.sum(dout * out, axis=-1)", "The sum loses its axis, and broadcasting then pairs it with "
     "columns, not rows. Keep the axis with length one."),
)

LINEAR_FORWARD = Mistakes("linear_forward",
    ("bias forgotten", "x @ w + b, (x", "x @ w, (x",
     "The biases are missing from the output: one is added to each column."),
    ("bias subtracted", "x @ w + b, (x", "x @ w - b, (x",
     "The biases are subtracted; they are added."),
    ("bias as a column", "x @ w + b, (x", "x @ w + b[:, None], (x",
     "The biases are added along the batch. They belong to the output features: the last axis, "
     "as broadcasting does by itself."),
    ("order of the cache", "return x @ w + b, (x, w, b)", "return x @ w + b, (w, x, b)",
     "The cache has w before x; its order is x, w, b."),
    ("only the first sample", "return x @ w + b, (x, w, b)",
     "out = np.zeros((len(x), w.shape[1]), x.dtype)\n"
     "    out[0] = x[0] @ w + b\n"
     "    return out, (x, w, b)",
     "Only the first row of the output is filled; every sample of the batch needs its own."),
)

LINEAR_BACKWARD = Mistakes("linear_backward",
    ("mean over the batch", "x.T @ dout, dout.sum(axis=0)",
     "x.T @ dout / len(x), dout.mean(axis=0)", "dw and db are averaged over the batch. They are "
     "sums here: if the loss is a mean, its 1/N is already inside dout."),
    ("bias gradient averaged", "dout.sum(axis=0)", "dout.mean(axis=0)",
     "db is averaged over the batch, while it should be summed: every sample uses the same "
     "biases, so their contributions add up."),
    ("weight gradient averaged", "x.T @ dout, dout", "x.T @ dout / len(x), dout",
     "dw is averaged over the batch, while it should be summed: every sample uses the same "
     "weights, so their contributions add up."),
    ("weight gradient transposed", "x.T @ dout, dout", "dout.T @ x, dout",
     "dw is transposed: it has the shape of w, with the inputs first."),
    ("weights not transposed", "dout @ w.T", "dout @ w", "dx multiplies by the weights as they "
     "are. On the way back the sum runs over the outputs, which asks for their transpose."),
    ("bias gradient over the features", "dout.sum(axis=0)", "dout.sum(axis=1)",
     "db sums over the features and keeps the samples; it is the other way round."),
    ("bias gradient over everything", "dout.sum(axis=0)", "dout.sum()",
     "db is one number. There is one bias per output feature, so sum over the batch alone."),
    ("bias gradient not summed", "dout.sum(axis=0)", "dout",
     "db still has one row per sample: the contributions of the batch add up."),
    ("bias gradient keeps the batch axis", "dout.sum(axis=0)", "dout.sum(axis=0, keepdims=True)",
     "db has an extra axis of length one; it should have the shape of b."),
    ("dx and dw swapped", "dout @ w.T, x.T @ dout, dout.sum(axis=0)",
     "x.T @ dout, dout @ w.T, dout.sum(axis=0)",
     "dx and dw have changed places: the order is dx, dw, db."),
    ("bias gradient of ones", "dout.sum(axis=0)", "np.full_like(b, len(x))",
     "db counts the samples: the bias's own slope is 1, and the chain rule multiplies it by dout.",
     ("x, w, _ = cache", "x, w, b = cache")),
    ("upstream gradient overwritten", "x, w, _ = cache", "x, w, _ = cache\n    dout /= len(x)",
     "dout is divided by N in place. That changes the caller's array, and the mean is not this "
     "layer's business: the loss has put its 1/N into dout."),
)

MSE_LOSS = Mistakes("mse_loss",
    ("factor two forgotten", "2 / difference.size", "1 / difference.size",
     "dpred is half of what it should be: the square brings down a factor of two."),
    ("half in front of the loss", "np.mean(difference**2), difference * (2 / difference.size)",
     "0.5 * np.mean(difference**2), difference * (1 / difference.size)", "Loss and gradient are "
     "half of what they should be: here the mean squared error has no ½ in front."),
    ("sum in place of mean", "np.mean(difference**2), difference * (2 / difference.size)",
     "np.sum(difference**2), 2 * difference",
     "Loss and gradient are sums over all elements; both should be means."),
    ("gradient not averaged", "difference * (2 / difference.size)", "2 * difference",
     "The loss is a mean, but its gradient is that of the sum: it is not divided by the number "
     "of elements."),
    ("mean over the batch alone", "np.mean(difference**2), difference * (2 / difference.size)",
     "np.sum(difference**2) / len(pred), difference * (2 / len(pred))", "Loss and gradient are "
     "divided by N alone. The mean squared error is a mean over all elements."),
    ("gradient averaged over the batch alone", "2 / difference.size", "2 / len(pred)",
     "dpred is divided by N alone, while the loss is a mean over all elements."),
    ("gradient by the target", "difference * (2 / difference.size)",
     "-difference * (2 / difference.size)", "dpred has the wrong sign: this is the gradient by "
     "the target. A prediction that is too large has to come down."),
    ("absolute error", "np.mean(difference**2), difference * (2 / difference.size)",
     "np.mean(np.abs(difference)), np.sign(difference) / difference.size",
     "This is the mean absolute error with its gradient; here the differences are squared."),
    ("root of the loss", "np.mean(difference**2)", "np.sqrt(np.mean(difference**2))",
     "The loss is the root mean square; the mean squared error has no root."),
)

BCE_LOSS = Mistakes("bce_loss",
    ("logarithm of a probability of zero",
     "np.mean(np.maximum(logits, 0) - logits * target + np.log1p(e))",
     "-np.mean(target * np.log(1 / (1 + np.exp(-logits))) + (1 - target) * np.log(1 - 1 / (1 + "
     "np.exp(-logits))))", "For large logits the probability rounds to exactly 0 or 1 and its "
     "logarithm is infinite. Put the sigmoid into the logarithm on paper first, and simplify."),
    ("probabilities clipped", "np.mean(np.maximum(logits, 0) - logits * target + np.log1p(e))",
     "np.mean(-target * np.log(1 / (1 + np.exp(-logits)) + 1e-12) - (1 - target) * np.log(1 - 1 "
     "/ (1 + np.exp(-logits)) + 1e-12))", "The small constant inside the logarithm caps the loss "
     "of a confident mistake near 27.6. The stable form needs no such constant."),
    ("sign of the gradient", "(probabilities - target) / logits.size",
     "(target - probabilities) / logits.size",
     "dlogits has the wrong sign: a logit with too large a probability has to come down."),
    ("gradient not averaged", "(probabilities - target) / logits.size", "probabilities - target",
     "The loss is a mean, but its gradient is that of the sum: it is not divided by the number "
     "of elements."),
    ("gradient averaged over the batch alone", "(probabilities - target) / logits.size",
     "(probabilities - target) / len(logits)",
     "dlogits is divided by N alone, while the loss is a mean over all elements."),
    ("gradient by the probability", "(probabilities - target) / logits.size",
     "(probabilities - target) / (probabilities * (1 - probabilities)) / logits.size",
     "This is the gradient by the probability. One more step, through the sigmoid, leads to the "
     "logits."),
    ("slope of the sigmoid twice", "(probabilities - target) / logits.size",
     "(probabilities - target) * probabilities * (1 - probabilities) / logits.size",
     "There is a sigmoid's slope too many in dlogits: it cancels against the derivative of the "
     "logarithm."),
    ("only the positive class", "np.maximum(logits, 0) - logits * target + np.log1p(e)",
     "target * (np.maximum(-logits, 0) + np.log1p(e))",
     "Only the targets of class 1 cost anything: the second term, for class 0, is missing."),
    ("sum in place of mean", "np.mean(np.maximum(logits, 0)", "np.sum(np.maximum(logits, 0)",
     "The loss is the sum over all elements; it should be their mean."),
    ("classes swapped", "- logits * target", "- logits * (1 - target)", "Being right costs much "
     "here and being wrong little: the two classes are swapped in the loss."),
)

CROSS_ENTROPY_LOSS = Mistakes("cross_entropy_loss",
    ("gradient not averaged", "(np.exp(log_probabilities) - one_hot) / n",
     "np.exp(log_probabilities) - one_hot", "The loss is a mean over the batch, but its gradient "
     "is that of the sum: it is not divided by N."),
    ("sum in place of mean", "one_hot * log_probabilities) / n", "one_hot * log_probabilities)",
     "Loss and gradient are sums over the batch; both should be divided by N.",
     ("- one_hot) / n", "- one_hot)")),
    ("loss not averaged", "one_hot * log_probabilities) / n", "one_hot * log_probabilities)",
     "The gradient is that of the mean, but the loss is the sum over the batch: divide it by N."),
    ("mean over the classes too", "-np.sum(one_hot * log_probabilities) / n",
     "-np.mean(one_hot * log_probabilities)", "The loss is averaged over the classes as well. "
     "Each sample has one term, that of its class: divide by N alone."),
    ("loss and gradient mean over the classes too", "one_hot * log_probabilities) / n",
     "one_hot * log_probabilities) / logits.size",
     "Loss and gradient are averaged over the classes as well: divide by N alone.",
     ("- one_hot) / n", "- one_hot) / logits.size")),
    ("no shift", "logits - logits.max(axis=1, keepdims=True)", "logits", "Large logits overflow "
     "in the exponential. Shift each row by its maximum: the softmax stays the same."),
    ("small constant in the logarithm", "loss = -np.sum(one_hot * log_probabilities) / n",
     "loss = -np.sum(one_hot * np.log(np.exp(log_probabilities) + 1e-12)) / n",
     "The small constant inside the logarithm caps the loss of a confident mistake near 27.6. "
     "Take the logarithm of the softmax on paper, and no constant is needed."),
    ("sign of the gradient", "(np.exp(log_probabilities) - one_hot) / n",
     "(one_hot - np.exp(log_probabilities)) / n",
     "dlogits has the wrong sign: raising the logit of the right class lowers the loss."),
    ("softmax over the batch",
     "log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))",
     "log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=0, keepdims=True))",
     "The softmax runs over the samples; it runs over the classes of each sample."),
    ("target not averaged", "(np.exp(log_probabilities) - one_hot) / n",
     "np.exp(log_probabilities) / n - one_hot", "Only the probabilities are divided by N. The "
     "target is, too: the bracket stands around the difference."),
    ("target not subtracted", "(np.exp(log_probabilities) - one_hot) / n",
     "np.exp(log_probabilities) / n", "dlogits holds the probabilities alone, as if no class "
     "were right: the target is missing from it."),
    ("gradient of the right class alone", "(np.exp(log_probabilities) - one_hot) / n",
     "one_hot * (np.exp(log_probabilities) - 1) / n", "Only the logits of the right classes get "
     "a gradient. Lowering the other logits lowers the loss too."),
    ("gradient by the probabilities", "(np.exp(log_probabilities) - one_hot) / n",
     "-one_hot / np.exp(log_probabilities) / n", "This is the gradient by the probabilities. One "
     "more step, through the softmax, leads to the logits."),
    ("no logarithm", "-np.sum(one_hot * log_probabilities) / n",
     "-np.sum(one_hot * np.exp(log_probabilities)) / n",
     "The loss is minus the mean probability of the right class: its logarithm is missing."),
    ("classes counted from one", "np.eye(classes, dtype=logits.dtype)[target]",
     "np.eye(classes, dtype=logits.dtype)[target - 1]",
     "Every target is taken as the class before it: classes count from 0."),
    ("binary cross-entropy of each class", "loss = -np.sum(one_hot * log_probabilities) / n",
     "loss = -np.sum(one_hot * log_probabilities + (1 - one_hot) * np.log(1 - "
     "np.exp(log_probabilities))) / n", "The loss charges the wrong classes too, as a binary "
     "cross-entropy does. After a softmax only the right class's logarithm counts."),
    ("one-hot recognised by a square", "target if target.ndim == 2 else",
     "target if target.shape[0] == classes and target.ndim == 2 else", "One-hot targets are "
     "recognised only if there are as many samples as classes: the number of their axes tells."),
)

MLP = Mistakes("MLP",
    ("Xavier in place of He", "np.sqrt(2 / inputs)", "np.sqrt(1 / inputs)", "The weights are too "
     "narrow by the root of two: He's variance is 2/D, since ReLU kills half of the signal."),
    ("variance as standard deviation", "np.sqrt(2 / inputs)", "2 / inputs",
     "2/D is He's variance; the standard deviation of the weights is its root."),
    ("outputs in place of inputs", "np.sqrt(2 / inputs)", "np.sqrt(2 / outputs)",
     "The spread of the weights is taken from the outputs of the layer; He's rule uses its "
     "inputs D."),
    ("spread of the first layer for all", "np.sqrt(2 / inputs)", "np.sqrt(2 / sizes[0])",
     "Every layer has the spread of the first one; each has a D of its own."),
    ("std ignored", "np.sqrt(2 / inputs) if std is None else std", "np.sqrt(2 / inputs)",
     "The argument std has no effect: if it is given, all weights have that standard deviation."),
    ("random biases", "np.zeros(outputs)", "rng.normal(0, scale, size=outputs)",
     "The biases are drawn at random; they start at zero."),
    ("biases of one", "np.zeros(outputs)", "np.ones(outputs)",
     "The biases start at one; they should start at zero."),
    ("uniform weights", "rng.normal(0, scale, size=(inputs, outputs))",
     "rng.uniform(-np.sqrt(3) * scale, np.sqrt(3) * scale, size=(inputs, outputs))",
     "The spread is right, but the distribution is uniform; the weights are drawn from a normal "
     "one."),
    ("global random numbers", "rng.normal(0, scale, size=(inputs, outputs))",
     "np.random.normal(0, scale, size=(inputs, outputs))", "The weights come from NumPy's global "
     "generator, so that nobody can repeat them. Draw them from rng."),
    ("last activation left out", "x, activation_cache = activation_forward(x)",
     "x, activation_cache = (activation_forward if layer < len(self.activations) else "
     "identity_forward)(x)",
     "The last layer's activation is never applied: every layer has its own, the last one too."),
    ("first activation for all layers", "activation_forward, _ = ACTIVATIONS[name]",
     "activation_forward, _ = ACTIVATIONS[self.activations[0]]",
     "Every layer uses the first layer's activation; each has its own.",
     ("ACTIVATIONS[self.activations[layer - 1]]", "ACTIVATIONS[self.activations[0]]")),
    ("slope of the activations forgotten",
     "dout = activation_backward(dout, activation_cache)\n            ", "", "backward goes "
     "through the linear layers alone: the gradient passes through every activation as well."),
    ("slope of the last activation forgotten", "dout = activation_backward(dout, activation_cache)",
     "dout = activation_backward(dout, activation_cache) if layer < len(self.activations) else "
     "dout", "backward starts below the last activation: dout is the gradient by the network's "
     "output, so it goes through that activation first."),
    ("activations the wrong way round", "ACTIVATIONS[self.activations[layer - 1]]",
     "ACTIVATIONS[self.activations[-layer]]", "On the way back the activations are taken in the "
     "wrong order: the last layer's comes first, with the last layer's cache."),
    ("gradients accumulate", 'self.gradients[f"w{layer}"] = dw',
     'self.gradients[f"w{layer}"] = self.gradients.get(f"w{layer}", 0) + dw',
     "Every backward adds to the gradients of the one before. Each call replaces them.",
     ('self.gradients[f"b{layer}"] = db',
      'self.gradients[f"b{layer}"] = self.gradients.get(f"b{layer}", 0) + db')),
    ("caches cleared on the way back", "        self.caches = []\n        for",
     '        self.caches = getattr(self, "caches", [])\n        for',
     "backward empties the caches, but forward adds to what is there: after two forwards in a "
     "row, backward works with the first one's. Start forward with none.",
     ('            self.gradients[f"b{layer}"] = db\n        return dout',
      '            self.gradients[f"b{layer}"] = db\n'
      "        self.caches = []\n"
      "        return dout")),
    ("caches accumulate", "self.caches = []\n        for",
     'self.caches = getattr(self, "caches", [])\n        for', "The caches of earlier calls are "
     "still there, and backward uses the oldest: every forward starts with an empty list."),
    ("gradients divided by the batch", 'self.gradients[f"w{layer}"] = dw',
     'self.gradients[f"w{layer}"] = dw / len(dout)',
     "The gradients are divided by N. The loss has done that already, inside dout.",
     ('self.gradients[f"b{layer}"] = db', 'self.gradients[f"b{layer}"] = db / len(dout)')),
    ("upstream gradient of the output returned",
     "dout, dw, db = linear_backward(dout, linear_cache)",
     "dx, dw, db = linear_backward(dout, linear_cache)",
     "The gradient does not travel: each layer hands down what it got, without its own weights. "
     "What a linear layer's backward returns first is the next layer's dout."),
    ("ascent", "self.parameters[name] -= learning_rate * gradient",
     "self.parameters[name] += learning_rate * gradient",
     "update climbs: the gradient points to where the loss grows, so step against it."),
    ("learning rate ignored", "self.parameters[name] -= learning_rate * gradient",
     "self.parameters[name] -= gradient",
     "The whole gradient is subtracted: the learning rate says how much of it."),
    ("biases not updated", "self.parameters[name] -= learning_rate * gradient",
     'self.parameters[name] -= learning_rate * gradient * name.startswith("w")',
     "The biases stay where they are: update moves every parameter."),
    ("parameters shared by all networks", "    def __init__(self",
     "    shared = {}\n\n    def __init__(self",
     "All networks share one dictionary of parameters: a new network overwrites the old one's. "
     "Create it inside the constructor.",
     ("self.parameters = {}", "self.parameters = self.shared")),
)

ACCURACY = Mistakes("accuracy",
    ("largest score of each column", "scores.argmax(axis=1)", "scores.argmax(axis=0)",
     "The largest score is looked for down the columns; each row is a sample with its scores."),
    ("every row against every target", "scores.argmax(axis=1)",
     "scores.argmax(axis=1, keepdims=True)", "The predicted classes stand in a column, (N, 1): "
     "against targets of shape (N,) that broadcasts, and every row is compared with every target."),
    ("every entry of the one-hot rows", "np.mean(scores.argmax(axis=1) == classes)",
     "np.mean(np.eye(len(scores[0]))[scores.argmax(axis=1)] == np.eye(len(scores[0]))[classes])",
     "One-hot rows are compared entry by entry, so that the zeros in common count as hits: "
     "compare one class a row."),
    ("percent", "np.mean(scores.argmax(axis=1) == classes)",
     "100 * np.mean(scores.argmax(axis=1) == classes)",
     "This is in percent; a fraction between 0 and 1 is asked for."),
    ("number of hits", "np.mean(scores.argmax(axis=1) == classes)",
     "np.sum(scores.argmax(axis=1) == classes)",
     "This counts the right rows; divided by their number it is the accuracy."),
    ("error rate", "scores.argmax(axis=1) == classes", "scores.argmax(axis=1) != classes",
     "This is the fraction of rows that are wrong: the error rate, one minus the accuracy."),
    ("one-hot targets compared as they are",
     "classes = target if target.ndim == 1 else target.argmax(axis=1)", "classes = target",
     "One-hot targets are compared as if they were class numbers: find each row's class first."),
    ("smallest score", "scores.argmax(axis=1)", "scores.argmin(axis=1)",
     "The smallest score wins here; the prediction is the class with the largest."),
    ("threshold at one half", "np.mean(scores.argmax(axis=1) == classes)",
     "np.mean(np.all((scores > 0.5) == np.eye(scores.shape[1])[classes.astype(int)], axis=1))",
     "Scores are compared with ½, but they need not be probabilities: the largest of a row wins."),
)

TRAIN = Mistakes("train",
    ("no shuffling", "rng.permutation(len(x))", "np.arange(len(x))",
     "Every epoch visits the samples in their given order: draw a new permutation for each."),
    ("one order for all epochs",
     "    for _ in range(epochs):\n        order = rng.permutation(len(x))",
     "    order = rng.permutation(len(x))\n    for _ in range(epochs):", "The samples are "
     "shuffled once, and every epoch repeats that order: draw a new permutation for each."),
    ("drawn with replacement", "rng.permutation(len(x))", "rng.integers(0, len(x), len(x))",
     "Samples are drawn with replacement, so that some come twice in an epoch and some never."),
    ("last batch dropped", "range(0, len(x), batch_size)",
     "range(0, len(x) - batch_size + 1, batch_size)", "The samples that don't fill a whole batch "
     "are never seen: the last batch of an epoch may be smaller."),
    ("unweighted mean of the losses", "epoch_loss += batch_loss * len(batch)",
     "epoch_loss += batch_loss * len(x) / -(-len(x) // batch_size)",
     "The batches' losses are averaged as if all were equally large. A smaller last batch counts "
     "less: weight each by its number of samples."),
    ("unweighted mean of the metrics", "epoch_metric += metric(out, y[batch]) * len(batch)",
     "epoch_metric += metric(out, y[batch]) * len(x) / -(-len(x) // batch_size)",
     "The batches' metrics are averaged as if all were equally large. A smaller last batch "
     "counts less: weight each by its number of samples."),
    ("loss of the last batch", "epoch_loss += batch_loss * len(batch)",
     "epoch_loss = batch_loss * len(x)",
     "An epoch's entry is the loss of its last batch; it should be the mean over all its samples."),
    ("loss of an epoch not reset", "    for _ in range(epochs):",
     "    epoch_loss = epoch_metric = 0\n    for _ in range(epochs):",
     "The losses grow from epoch to epoch: the sum is to start at zero in each.",
     ("        epoch_loss = epoch_metric = 0\n        for start", "        for start")),
    ("loss summed", "record(loss=epoch_loss / len(x))", "record(loss=epoch_loss)",
     "An epoch's loss is a sum over its samples; divide it by their number."),
    ("targets not shuffled", "loss(out, y[batch])", "loss(out, y[start : start + batch_size])",
     "The inputs are shuffled and the targets are not, so that they no longer belong together."),
    ("no update", "            model.update(learning_rate)\n", "",
     "The gradients are computed but the model is never updated: it learns nothing."),
    ("one update per epoch", "            model.update(learning_rate)\n", "",
     "The model is updated once per epoch. In mini-batch descent every batch leads to a step.",
     ("        record(loss=epoch_loss / len(x))",
      "        model.update(learning_rate)\n        record(loss=epoch_loss / len(x))")),
    ("learning rate divided by the batch", "model.update(learning_rate)",
     "model.update(learning_rate / len(batch))",
     "The learning rate is divided by the batch's size. The loss is a mean already."),
    ("loss after the update", "            epoch_loss += batch_loss * len(batch)",
     "            epoch_loss += loss(model.forward(x[batch]), y[batch])[0] * len(batch)",
     "Each batch's loss is measured again after its update; the history keeps the one from "
     "before."),
    ("training loss of the whole set", "record(loss=epoch_loss / len(x))",
     "record(loss=loss(model.forward(x), y)[0])", "The loss is that of all training data after "
     "the epoch; the history keeps the mean of the mini-batches' losses on the way."),
    ("validation data trained on", "            record(val_loss=loss(out, y_val)[0])", """\
            val_loss, dout = loss(out, y_val)
            model.backward(dout)
            model.update(learning_rate)
            record(val_loss=val_loss)""",
     "The model is trained on the validation data too; they are there to be looked at only."),
    ("validation on the training data",
     "out = model.forward(x_val)\n            record(val_loss=loss(out, y_val)[0])",
     "out = model.forward(x)\n            record(val_loss=loss(out, y)[0])",
     "The validation loss is computed on the training data.",
     ("record(val_metric=metric(out, y_val))", "record(val_metric=metric(out, y))")),
    ("history of batches", "            epoch_loss += batch_loss * len(batch)",
     "            epoch_loss += batch_loss * len(batch)\n            record(loss=batch_loss)",
     "The history has one entry per batch; it has one per epoch.",
     ("        record(loss=epoch_loss / len(x))\n", "")),
    ("an epoch too few", "for _ in range(epochs)", "for _ in range(1, epochs)",
     "One epoch is missing: counting from 1 up to epochs leaves the last one out."),
    ("data shuffled in place", "        order = rng.permutation(len(x))",
     "        order = rng.permutation(len(x))\n"
     "        x[:], y[:] = x[order], y[order]\n"
     "        order = np.arange(len(x))",
     "An epoch shuffles what the epoch before it has shuffled already. Take each batch by its "
     "indices, from x and y as they came, and leave them as they are."),
    ("batch size ignored", "range(0, len(x), batch_size)", "range(0, len(x), len(x))",
     "All samples go through in one batch, whatever batch_size says.",
     ("start : start + batch_size", "start : start + len(x)")),
)

TORCH_MLP = Mistakes("torch_mlp",
    ("gradients not transposed", "linear.weight.grad.T.numpy()", "linear.weight.grad.numpy()",
     "The weights' gradients have PyTorch's shape (M, D); ours is (D, M)."),
    ("gradients accumulate", "    module.zero_grad()\n", "",
     "PyTorch adds to the gradients that are there: set them to zero before each backward."),
    ("sum in place of mean", "torch.from_numpy(y).long())",
     'torch.from_numpy(y).long(), reduction="sum")',
     "Loss and gradients are sums over the batch; here they are means."),
    ("float32", "linear.weight = torch.nn.Parameter(w.T.contiguous())",
     "linear.weight = torch.nn.Parameter(w.T.contiguous().float().double())",
     "The weights are rounded to float32, and with them everything after: the twin is to be in "
     "float64."),
    ("softmax before the cross-entropy", "module(torch.from_numpy(x))",
     "module(torch.from_numpy(x)).softmax(dim=1)",
     "There is a softmax before the cross-entropy, which has one inside: it takes the logits."),
    ("weights shared with the network", "torch.nn.Parameter(b)",
     'torch.nn.Parameter(torch.from_numpy(parameters[f"b{layer}"]))', "The twin works on the "
     "network's own arrays, so that training one changes the other: copy them."),
    ("biases not copied", "        linear.bias = torch.nn.Parameter(b)\n", "",
     "The biases are still those that PyTorch drew at random: copy ours, as with the weights."),
    ("weights not copied", "        linear.weight = torch.nn.Parameter(w.T.contiguous())\n", "",
     "The weights are still those that PyTorch drew at random: copy ours, transposed."),
    ("activations left out", "layers += [linear, TORCH_ACTIVATIONS[name]()]",
     "layers += [linear, torch.nn.Identity()]",
     "The twin has no activations: it is one linear map in several steps."),
    ("negative log-likelihood of the logits", "torch.nn.functional.cross_entropy(",
     "torch.nn.functional.nll_loss(",
     "nll_loss expects log-probabilities; the twin gives logits, and cross_entropy takes those."),
)
