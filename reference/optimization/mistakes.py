"""Wrong solutions of `optimization` that students really write, each with the hint it earns.

Two edits that give the same results share a hint, for nobody can tell them apart from outside.
"""

from autograder.assignment.edits import Mistakes

GRADIENT_DESCENT = Mistakes("gradient_descent",
    ("uphill", "path[-1] - learning_rate", "path[-1] + learning_rate",
     "The walk goes uphill: the gradient points to where the function grows, so subtract it."),
    ("start left out", "return np.array(path)", "return np.array(path[1:]).reshape(steps, -1)",
     "The start is missing from the path: row 0 is where the walk begins."),
    ("one step short", "range(steps)", "range(steps - 1)",
     "The walk is one step short: the path has steps + 1 points, start included."),
    ("one step too many", "range(steps)", "range(steps + 1)",
     "The walk makes one step too many: the path has steps + 1 points, start included."),
    ("gradient at the start", "gradient(path[-1])", "gradient(start)",
     "Every step uses the gradient at the start. Ask for it anew at the point where the walk is."),
    ("only the end", "return np.array(path)", "return np.array(path[-1])",
     "Only the last point is returned; the path holds all of them, one a row."),
    ("gradient normalised", "learning_rate * gradient(path[-1])",
     "learning_rate * gradient(path[-1]) / np.linalg.norm(gradient(path[-1]))",
     "Each step has the length η, whatever the slope is: the gradient has been normalised. Its "
     "length belongs to the step."),
)

MINIBATCHES = Mistakes("minibatches",
    ("last batch dropped", "range(0, len(x), batch_size)",
     "range(0, len(x) - batch_size + 1, batch_size)",
     "The smaller last batch is lost: an epoch visits every sample."),
    ("not shuffled", "order = rng.permutation(len(x))", "order = np.arange(len(x))",
     "The samples come in their old order: draw one permutation first."),
    ("targets not shuffled", "yield x[batch], y[batch]",
     "yield x[batch], y[start : start + batch_size]",
     "The inputs are shuffled and the targets are not: they have to be cut with the same indices."),
    ("a permutation for each", "yield x[batch], y[batch]",
     "yield x[batch], y[rng.permutation(len(x))[start : start + batch_size]]",
     "Inputs and targets are shuffled by different permutations, so they no longer belong "
     "together."),
    ("drawn with replacement", "batch = order[start : start + batch_size]",
     "batch = rng.choice(len(x), size=min(batch_size, len(x) - start))",
     "The batches are drawn at random with replacement: some samples come twice and some never. "
     "Cut one permutation into pieces."),
    ("a new permutation for each batch", "batch = order[start : start + batch_size]",
     "batch = rng.permutation(len(x))[:batch_size][: len(x) - start]", "Each batch draws a "
     "permutation of its own, so some samples come twice and some never. Draw one for the epoch."),
    ("the next piece of a new permutation", "batch = order[start : start + batch_size]",
     "batch = rng.permutation(len(x))[start : start + batch_size]", "Each batch draws a "
     "permutation of its own, so some samples come twice and some never. Draw one for the epoch."),
    ("only the first batch", "yield x[batch], y[batch]", "yield x[batch], y[batch]\n        break",
     "There is only one batch: go on until all samples have been visited."),
    ("strided", "batch = order[start : start + batch_size]",
     "batch = order[start // batch_size :: -(-len(x) // batch_size)]",
     "The permutation is dealt out like cards. The batches are its consecutive pieces."),
)

SGD = Mistakes("sgd",
    ("uphill", "param - learning_rate * grad", "param + learning_rate * grad",
     "The step goes up the gradient; subtract it to go down."),
    ("learning rate forgotten", "param - learning_rate * grad", "param - grad",
     "The learning rate is not used: the step is η times the gradient."),
    ("in place", "return param - learning_rate * grad, {}",
     "param -= learning_rate * grad\n    return param, {}",
     "The step is right, but it overwrites the caller's param. Make a new array."),
    ("averaged over its elements", "learning_rate * grad", "learning_rate * np.mean(grad)",
     "The gradient is averaged over its elements, so all of them move alike. Each element has a "
     "slope of its own."),
    ("step for param", "return param - learning_rate * grad", "return -learning_rate * grad",
     "This is the step alone; the function returns the parameter after it."),
)

MOMENTUM = Mistakes("momentum",
    ("uphill", "param - learning_rate * v", "param + learning_rate * v",
     "The step goes along +v, uphill: v collects gradients, so subtract it."),
    ("velocity not kept", '{"v": v}\n    ###', '{"v": grad}\n    ###', "The state keeps the "
     "gradient in place of the velocity, so the past is forgotten after one step."),
    ("averaged velocity", ") + grad", ") + (1 - mu) * grad", "The velocity is a running mean "
     "here: the fresh gradient carries a factor 1 − μ. In this form it enters with the factor 1."),
    ("Nesterov's step", "param - learning_rate * v", "param - learning_rate * (grad + mu * v)",
     "This is Nesterov's step; momentum moves along the velocity itself."),
    ("old velocity", "param - learning_rate * v",
     'param - learning_rate * state.get("v", 0 * grad)',
     "The step goes along the old velocity: update v first, then move."),
    ("velocity starts at the gradient", 'state.get("v", 0)', 'state.get("v", grad)',
     "Before the first step the velocity counts as the gradient, which then enters twice. It "
     "should count as 0."),
    ("mu forgotten", 'v = mu * state.get("v", 0) + grad', 'v = state.get("v", 0) + grad',
     "The velocity never fades: μ is not applied to the old one."),
    ("no memory", 'v = mu * state.get("v", 0) + grad', "v = grad + 0",
     "The old velocity is not used: this is plain SGD."),
    ("state changed in place", 'return param - learning_rate * v, {"v": v}\n    ###',
     'state["v"] = v\n    return param - learning_rate * v, state\n    ###',
     "The numbers are right, but the caller's state is overwritten: return a new dictionary."),
    ("gradient weighted by the rate twice", "v = mu *", "grad = learning_rate * grad\n    v = mu *",
     "The learning rate is applied twice: once inside the velocity and once to the step."),
    ("rate in the velocity", "+ grad\n    return param - learning_rate * v",
     "+ learning_rate * grad\n    return param - v", "The walk is right as long as η is "
     "constant, but the velocity has η in it. The docstring's v collects bare gradients."),
)

NESTEROV = Mistakes("nesterov",
    ("uphill", "param - learning_rate", "param + learning_rate",
     "The step goes uphill: subtract it."),
    ("plain momentum", "(grad + mu * v)", "v", "This is plain momentum, and so is g + μ v with "
     "the old v. Nesterov's step goes along g + μ v with the new v."),
    ("old velocity", "(grad + mu * v)", '(grad + mu * state.get("v", 0))',
     "This is plain momentum, and so is g + μ v with the old v. Nesterov's step goes along g + μ "
     "v with the new v."),
    ("velocity starts at the gradient", 'v = mu * state.get("v", 0)',
     'v = mu * state.get("v", grad)', "Before the first step the velocity counts as the "
     "gradient, which then enters twice. It should count as 0."),
    ("look-ahead without mu", "(grad + mu * v)", "(grad + v)",
     "In the step, v is not multiplied by μ."),
    ("mu squared", "(grad + mu * v)", "(mu * grad + mu * mu * v)",
     "The step is μ times too small: it goes along μ g + μ² v."),
    ("averaged velocity", ") + grad", ") + (1 - mu) * grad", "The velocity is a running mean "
     "here: the fresh gradient carries a factor 1 − μ. In this form it enters with the factor 1."),
    ("step kept as velocity", '{"v": v}\n    ###', '{"v": grad + mu * v}\n    ###',
     "The state keeps g + μ v, which is the step. What is kept is the velocity v."),
    ("gradient forgotten in the step", "(grad + mu * v)", "(mu * v)",
     "The fresh gradient is missing from the step: it goes along g + μ v."),
    ("state changed in place", 'return param - learning_rate * (grad + mu * v), {"v": v}\n    ###',
     'state["v"] = v\n    return param - learning_rate * (grad + mu * v), state\n    ###',
     "The numbers are right, but the caller's state is overwritten: return a new dictionary."),
)

RMSPROP = Mistakes("rmsprop",
    ("uphill", "param - learning_rate", "param + learning_rate",
     "The step goes uphill: subtract it."),
    ("square forgotten", "grad**2", "grad",
     "The running mean is one of the gradient itself; it should be one of its square.",
     ("np.sqrt(s)", "np.sqrt(np.abs(s))")),
    ("root forgotten", "np.sqrt(s) + eps", "s + eps", "The gradient is divided by the mean "
     "square itself, without the root: the step then depends on the gradient's scale."),
    ("epsilon inside the root", "np.sqrt(s) + eps", "np.sqrt(s + eps)",
     "ε stands inside the root. Here it is added after the root is taken."),
    ("epsilon forgotten", "np.sqrt(s) + eps", "np.sqrt(s)",
     "ε is missing: where all gradients have been 0, this divides 0 by 0."),
    ("weights exchanged", "alpha * state.get", "(1 - alpha) * state.get",
     "α and 1 − α have changed places: α is what is kept of the old mean square.",
     ("(1 - alpha) * grad**2", "alpha * grad**2")),
    ("fresh square unweighted", "(1 - alpha) * grad**2", "grad**2",
     "The fresh square lacks its weight 1 − α, so this is a sum that grows, and not a mean."),
    ("begins with the first square", 'alpha * state.get("s", 0) + (1 - alpha) * grad**2',
     '(alpha * state["s"] + (1 - alpha) * grad**2) if state else grad**2',
     "The running mean begins with the first square itself. It begins at 0, so the first square "
     "has the weight 1 − α like any other."),
    ("bias corrected", "np.sqrt(s) + eps", "np.sqrt(s / (1 - alpha)) + eps",
     "The mean square is divided by 1 − α, as if by a bias correction. RMSprop has none."),
    ("old mean square", "np.sqrt(s) + eps", 'np.sqrt(state.get("s", grad**2)) + eps',
     "The step divides by the old mean square: update s first."),
    ("root kept", '{"s": s}\n    ###', '{"s": np.sqrt(s)}\n    ###',
     "The state keeps the root; the next step expects the mean square itself."),
    ("norm of the whole gradient", "grad**2", "np.mean(grad**2) * np.ones_like(grad)",
     "All elements share one mean square. Each element has its own."),
    ("state changed in place",
     'return param - learning_rate * grad / (np.sqrt(s) + eps), {"s": s}\n    ###',
     'state["s"] = s\n'
     "    return param - learning_rate * grad / (np.sqrt(s) + eps), state\n"
     "    ###",
     "The numbers are right, but the caller's state is overwritten: return a new dictionary."),
)

ADAM = Mistakes("adam",
    ("no bias correction", "m_hat = m / (1 - beta1**t)", "m_hat = m",
     "There is no bias correction: the means start at 0, and the first steps are wrong by it.",
     ("v_hat = v / (1 - beta2**t)", "v_hat = v")),
    ("m not corrected", "m_hat = m / (1 - beta1**t)", "m_hat = m",
     "m lacks its bias correction; v has its own."),
    ("v not corrected", "v_hat = v / (1 - beta2**t)", "v_hat = v",
     "v lacks its bias correction; m has its own."),
    ("t from zero", 'state.get("t", 0) + 1', 'state.get("t", 0)',
     "t is 0 in the first step, and 1 − β⁰ is 0. Count the step before it is used."),
    ("t not counted", '{"t": t, "m"', '{"t": 1, "m"',
     "t stays at 1, so every step is corrected as if it were the first."),
    ("correction not raised to t", "(1 - beta1**t)", "(1 - beta1)",
     "The corrections divide by 1 − β in every step; the power t is missing.",
     ("(1 - beta2**t)", "(1 - beta2)")),
    ("correction one step behind", "(1 - beta1**t)", "(1 - beta1 ** max(t - 1, 1))",
     "From the second step on, the corrections use the t of the step before. Count the step "
     "before you use t.", ("(1 - beta2**t)", "(1 - beta2 ** max(t - 1, 1))")),
    ("corrections exchanged", "m / (1 - beta1**t)", "m / (1 - beta2**t)",
     "The corrections have changed places: 1 − β₁ᵗ belongs to m, 1 − β₂ᵗ to v.",
     ("v / (1 - beta2**t)", "v / (1 - beta1**t)")),
    ("power of the difference", "m / (1 - beta1**t)", "m / (1 - beta1) ** t",
     "The whole difference 1 − β is raised to the power t; only β is: 1 − βᵗ.",
     ("v / (1 - beta2**t)", "v / (1 - beta2) ** t")),
    ("both corrected with the first", "v / (1 - beta2**t)", "v / (1 - beta1**t)",
     "v is corrected with β₁; it is a mean with β₂, and its correction is 1 − β₂ᵗ."),
    ("epsilon inside the root", "np.sqrt(v_hat) + eps", "np.sqrt(v_hat + eps)",
     "ε stands inside the root. Here it is added after the root is taken."),
    ("epsilon before the correction", "np.sqrt(v_hat) + eps",
     "(np.sqrt(v) + eps) / np.sqrt(1 - beta2**t)", "ε is added before the bias correction, as in "
     "the efficient version of the paper's section 2. Here it comes after."),
    ("root forgotten", "np.sqrt(v_hat) + eps", "v_hat + eps",
     "The step divides by the mean square without the root."),
    ("square forgotten", "grad**2", "np.abs(grad)",
     "v is a running mean of absolute gradients; it should be one of squares."),
    ("betas exchanged", 'beta1 * state.get("m", 0) + (1 - beta1) * grad',
     'beta2 * state.get("m", 0) + (1 - beta2) * grad',
     "β₁ and β₂ have changed places: β₁ belongs to m, β₂ to v.",
     ('beta2 * state.get("v", 0) + (1 - beta2) * grad**2',
      'beta1 * state.get("v", 0) + (1 - beta1) * grad**2'),
     ("m / (1 - beta1**t)", "m / (1 - beta2**t)"), ("v / (1 - beta2**t)", "v / (1 - beta1**t)")),
    ("corrected means kept", '"m": m, "v": v}\n    ###', '"m": m_hat, "v": v_hat}\n    ###',
     "The state keeps the corrected means, so they are corrected again and again. Keep m and v "
     "as they are."),
    ("uphill", "param - learning_rate", "param + learning_rate",
     "The step goes uphill: subtract it."),
    ("gradient in place of m", "learning_rate * m_hat", "learning_rate * grad",
     "The step takes the bare gradient in place of the corrected mean: this is RMSprop with a "
     "correction."),
    ("m unweighted", "(1 - beta1) * grad", "grad",
     "The fresh gradient lacks its weight 1 − β₁ in m."),
    ("v unweighted", "(1 - beta2) * grad**2", "grad**2",
     "The fresh square lacks its weight 1 − β₂ in v."),
    ("state changed in place",
     'return param - learning_rate * m_hat / (np.sqrt(v_hat) + eps), {"t": t, "m": m, "v": v}\n'
     "    ###",
     "state.update(t=t, m=m, v=v)\n"
     "    return param - learning_rate * m_hat / (np.sqrt(v_hat) + eps), state\n"
     "    ###",
     "The numbers are right, but the caller's state is overwritten: return a new dictionary."),
)

NADAM = Mistakes("nadam",
    ("constant momentum", "beta1 * (1 - 0.5 * 0.96 ** (step * psi))", "beta1",
     "The momentum is β₁ in every step; here it follows the schedule μₜ."),
    ("schedule starts at zero", "in (t, t + 1)", "in (t - 1, t)",
     "The schedule runs one step late: the first momentum is μ₁, not μ₀."),
    ("only this momentum", "mu_next / (1 - product * mu_next) * m", "mu / (1 - product) * m",
     "The mean is weighted with the momentum of this step. The look ahead takes that of the "
     "next, with its own correction."),
    ("product of the next step", "(1 - mu) / (1 - product) * grad",
     "(1 - mu) / (1 - product * mu_next) * grad", "The fresh gradient is corrected by the "
     "product up to the next step; its own goes up to this one."),
    ("correction of the next step forgotten", "mu_next / (1 - product * mu_next) * m",
     "mu_next / (1 - product) * m", "The mean is corrected by the product up to this step; "
     "together with the next momentum it goes one factor further."),
    ("half forgotten", "1 - 0.5 * 0.96", "1 - 0.96",
     "The factor ½ of the schedule is missing: μ starts near β₁/2, not near 0."),
    ("psi forgotten", "(step * psi)", "step", "ψ is not used: the momentum grows far too quickly."),
    ("psi outside the exponent", "0.96 ** (step * psi)", "0.96**step * psi",
     "ψ multiplies the power. It belongs to the exponent, with t: in Python that takes brackets."),
    ("product not kept", '"mu_product": product}\n    ###', '"mu_product": mu}\n    ###',
     "The state keeps the last momentum; it should keep the product of all of them."),
    ("Adam's step", "(1 - mu) / (1 - product) * grad + mu_next / (1 - product * mu_next) * m",
     "m / (1 - beta1**t)", "This is Adam's step: the look ahead of Nesterov is missing."),
    ("v not corrected", "v_hat = v / (1 - beta2**t)", "v_hat = v", "v lacks its bias correction."),
    ("epsilon inside the root", "np.sqrt(v_hat) + eps", "np.sqrt(v_hat + eps)",
     "ε stands inside the root. Here it is added after the root is taken."),
    ("epsilon forgotten", "np.sqrt(v_hat) + eps", "np.sqrt(v_hat)",
     "ε is missing: where all gradients have been 0, this divides 0 by 0."),
    ("weights exchanged", "(1 - mu) / (1 - product) * grad", "mu / (1 - product) * grad",
     "The fresh gradient is weighted with μ; its weight is 1 − μ."),
    ("means with the schedule", "m = beta1 *",
     "step = t\n    beta = beta1 * (1 - 0.5 * 0.96 ** (t * psi))\n    m = beta *",
     "m is made with the scheduled momentum. The means stay Adam's, with β₁.",
     ("(1 - beta1) * grad", "(1 - beta) * grad")),
    ("uphill", "param - learning_rate", "param + learning_rate",
     "The step goes uphill: subtract it."),
    ("state changed in place",
     'return param, {"t": t, "m": m, "v": v, "mu_product": product}\n    ###',
     "state.update(t=t, m=m, v=v, mu_product=product)\n    return param, state\n    ###",
     "The numbers are right, but the caller's state is overwritten: return a new dictionary."),
)

ZEROS_INIT = Mistakes("zeros_init",
    ("shape turned round", "np.zeros((d, m))", "np.zeros((m, d))",
     "The shape is (M, D); inputs come first."),
    ("ones", "np.zeros((d, m))", "np.ones((d, m))", "These are ones. They have the same fault "
     "that zeros have, all units alike, but are not what is asked for."),
    ("whole numbers", "np.zeros((d, m))", "np.zeros((d, m), dtype=int)",
     "These zeros are integers: weights are real numbers."),
)

NORMAL_INIT = Mistakes("normal_init",
    ("shape turned round", "size=(d, m)", "size=(m, d)", "The shape is (M, D); inputs come first."),
    ("uniform", "rng.normal(0, std, size=(d, m))", "rng.uniform(-std, std, size=(d, m))",
     "These numbers are uniform; draw them from a normal distribution."),
    ("variance for the deviation", "rng.normal(0, std,", "rng.normal(0, np.sqrt(std),",
     "The spread is the root of std: rng.normal takes the standard deviation itself."),
    ("std squared", "rng.normal(0, std,", "rng.normal(0, std**2,", "The spread is the square of "
     "std, a variance: rng.normal takes the standard deviation itself."),
    ("std ignored", "rng.normal(0, std,", "rng.normal(0, 0.01,",
     "std is not used: the spread is always 0.01."),
    ("std as the mean", "rng.normal(0, std,", "rng.normal(std, 1,",
     "std has become the mean: rng.normal takes the mean first, then the standard deviation."),
    ("unit spread", "rng.normal(0, std,", "rng.normal(0, 1,", "The spread is 1, whatever std is."),
)

XAVIER_INIT = Mistakes("xavier_init",
    ("shape turned round", "size=(d, m)", "size=(m, d)", "The shape is (M, D); inputs come first."),
    ("variance for the deviation", "np.sqrt(2 / (d + m))", "2 / (d + m)",
     "The variance stands where rng.normal takes the standard deviation: take the root."),
    ("limit of the uniform variant", "np.sqrt(2 / (d + m))", "np.sqrt(6 / (d + m))",
     "√(6/(D + M)) is where the uniform variant ends; the standard deviation is √(2/(D + M))."),
    ("inputs only", "np.sqrt(2 / (d + m))", "np.sqrt(1 / d)",
     "The variance is 1/D, which only looks forward. Xavier's compromise takes both widths."),
    ("He's", "np.sqrt(2 / (d + m))", "np.sqrt(2 / d)",
     "This is He's initialisation: Xavier's takes both widths."),
    ("one over the sum", "np.sqrt(2 / (d + m))", "np.sqrt(1 / (d + m))",
     "The variance is half of what it should be: 2 over the sum of both widths."),
    ("uniform", "rng.normal(0, np.sqrt(2 / (d + m)), size=(d, m))",
     "rng.uniform(-np.sqrt(6 / (d + m)), np.sqrt(6 / (d + m)), size=(d, m))",
     "This is the uniform variant, with the right variance. Here the weights are normal."),
    ("brackets forgotten", "2 / (d + m)", "2 / d + m",
     "The variance is 2/D + M: the sum of both widths needs brackets."),
)

HE_INIT = Mistakes("he_init",
    ("shape turned round", "size=(d, m)", "size=(m, d)", "The shape is (M, D); inputs come first."),
    ("variance for the deviation", "np.sqrt(2 / d)", "2 / d",
     "The variance stands where rng.normal takes the standard deviation: take the root."),
    ("root of the two alone", "np.sqrt(2 / d)", "np.sqrt(2) / d",
     "The root stands over the 2 alone; the standard deviation is the root of 2/D."),
    ("outputs in place of inputs", "np.sqrt(2 / d)", "np.sqrt(2 / m)",
     "The variance is 2/M. What is summed over going forward are the D inputs."),
    ("factor two forgotten", "np.sqrt(2 / d)", "np.sqrt(1 / d)",
     "The variance is 1/D; the factor 2, which makes up for what a ReLU cuts off, is missing."),
    ("Xavier's", "np.sqrt(2 / d)", "np.sqrt(2 / (d + m))",
     "This is Xavier's initialisation: He's takes the width of the inputs alone."),
)

BATCHNORM_FORWARD = Mistakes("batchnorm_forward",
    ("unbiased for the batch", "mean, var = x.mean(axis=0), x.var(axis=0)",
     "mean, var = x.mean(axis=0), x.var(axis=0) * n / (n - 1)",
     "The batch is normalised with the unbiased variance. For that the biased one is used, with "
     "N; the unbiased one is for the running average.", ("var * (n / (n - 1))", "var")),
    ("biased for the running average", "var * (n / (n - 1))", "var", "The running variance "
     "collects the biased variance of the batch. What is stored is the unbiased one, with N − 1."),
    ("unbiased turned round", "var * (n / (n - 1))", "var * ((n - 1) / n)",
     "The factor is upside down: the biased variance becomes the unbiased one times N/(N − 1)."),
    ("whole running variance unbiased", "momentum * old_var + (1 - momentum) * var * (n / (n - 1))",
     "(momentum * old_var + (1 - momentum) * var) * (n / (n - 1))",
     "The factor N/(N − 1) multiplies the old running variance too, which grows by it in each "
     "step. Only the batch's variance has it."),
    ("over the features", "x.mean(axis=0), x.var(axis=0)", "x.mean(), x.var()",
     "One mean and one variance for the whole batch: each feature has its own.",
     ("        running = (",
      "        mean, var = np.full_like(old_mean, mean), np.full_like(old_var, var)\n"
      "        running = (")),
    ("weights exchanged", "momentum * old_mean + (1 - momentum) * mean",
     "(1 - momentum) * old_mean + momentum * mean",
     "The momentum is PyTorch's: there it weighs the batch, and here it is what is kept of the "
     "old average.",
     ("momentum * old_var + (1 - momentum) * var", "(1 - momentum) * old_var + momentum * var")),
    ("epsilon outside the root", "np.sqrt(var + eps)", "np.sqrt(var) + eps",
     "ε stands outside the root. In batch normalisation it is added to the variance."),
    ("epsilon forgotten", "np.sqrt(var + eps)", "np.sqrt(var)",
     "ε is missing under the root: a feature that is constant in the batch would be divided by 0."),
    ("no root", "std = np.sqrt(var + eps)", "std = var + eps",
     "The batch is divided by the variance; divide by its root."),
    ("batch statistics in evaluation", "    if training:\n        n", """\
    if not training:
        mean, var = x.mean(axis=0), x.var(axis=0)
    else:
        n""",
     "Evaluation still uses the batch's mean and variance. There a sample's result must not "
     "depend on its neighbours: take the running averages."),
    ("running averages in training", "        mean, var = x.mean(axis=0), x.var(axis=0)",
     "        batch_mean, batch_var = x.mean(axis=0), x.var(axis=0)",
     "Training normalises with the running averages. There the batch's own mean and variance are "
     "used.", ("(1 - momentum) * mean", "(1 - momentum) * batch_mean"),
     ("(1 - momentum) * var", "(1 - momentum) * batch_var")),
    ("new running averages in training", "    std = np.sqrt",
     "    if training:\n        mean, var = running\n    std = np.sqrt", "Training normalises "
     "with the running averages, just updated. There the batch's own mean and variance are used."),
    ("averages move in evaluation", "    std = np.sqrt",
     "    if not training:\n"
     "        running = (momentum * mean + (1 - momentum) * x.mean(axis=0), momentum * var + (1 "
     "- momentum) * x.var(axis=0))\n"
     "    std = np.sqrt",
     "The running averages move in evaluation, too. There they stay as they are."),
    ("averages do not move", "    std = np.sqrt",
     "    if training:\n        running = old_mean, old_var\n    std = np.sqrt",
     "The running averages do not move in training, so evaluation will use what they started "
     "with."),
    ("gamma and beta exchanged", "gamma * x_hat + beta,", "beta * x_hat + gamma,",
     "γ and β have changed places: γ scales, β shifts."),
    ("scale forgotten", "gamma * x_hat + beta,", "x_hat + beta,",
     "γ is not used: the normalised x is scaled before it is shifted."),
    ("shift forgotten", "gamma * x_hat + beta,", "gamma * x_hat,",
     "β is not used: the scaled x is shifted at the end."),
    ("one sample accepted", "if n < 2:", "if n < 1:",
     "A single sample in training goes through. It has no variance, so refuse it with ValueError."),
    ("two samples refused", "if n < 2:", "if n <= 2:",
     "Two samples are refused, and they have a variance: only fewer than two are too few."),
    ("variance for std in the cache", "(x_hat, std, gamma, training), running\n    ###",
     "(x_hat, var, gamma, training), running\n    ###",
     "The cache's second item is the variance; the docstring promises what x was divided by."),
    ("centred x in the cache", "(x_hat, std, gamma, training), running\n    ###",
     "(x - mean, std, gamma, training), running\n    ###", "The cache's first item is x minus "
     "the mean; the docstring promises the normalised x, divided as well."),
    ("running averages in place", """\
        running = (
            momentum * old_mean + (1 - momentum) * mean,
            momentum * old_var + (1 - momentum) * var * (n / (n - 1)),
        )""",
     "        old_mean[:] = momentum * old_mean + (1 - momentum) * mean\n"
     "        old_var[:] = momentum * old_var + (1 - momentum) * var * (n / (n - 1))",
     "The numbers are right, but the caller's running averages are overwritten. Return new "
     "arrays."),
)

BATCHNORM_BACKWARD = Mistakes("batchnorm_backward",
    ("mean and variance as constants",
     "    if training:\n        dout = dout - (dbeta + x_hat * dgamma) / len(dout)\n", "",
     "In training, dx treats the batch's mean and variance as constants. x acts through both of "
     "them, too."),
    ("variance as a constant", "(dbeta + x_hat * dgamma) / len(dout)", "dbeta / len(dout)",
     "dx counts what x does through the mean; what it does through the variance is missing."),
    ("mean as a constant", "(dbeta + x_hat * dgamma) / len(dout)", "x_hat * dgamma / len(dout)",
     "dx counts what x does through the variance; what it does through the mean is missing."),
    ("sums in place of means", "(dbeta + x_hat * dgamma) / len(dout)", "(dbeta + x_hat * dgamma)",
     "The two terms that are subtracted are sums over the batch; they should be means."),
    ("sign of the variance", "dbeta + x_hat * dgamma", "dbeta - x_hat * dgamma",
     "The part through the variance has the wrong sign: both means are subtracted."),
    ("variance without x_hat", "(dbeta + x_hat * dgamma)", "(dbeta + dgamma)",
     "The part through the variance lacks a factor x̂: the mean of dx̂ · x̂ is multiplied by x̂ "
     "before it is subtracted."),
    ("means without gamma", "(dbeta + x_hat * dgamma) / len(dout)",
     "(dbeta + x_hat * dgamma) / len(dout) / gamma",
     "The two means are taken of dout; they are means of dx̂, which is dout times γ."),
    ("through the batch in evaluation", "    if training:", "    if True:",
     "In evaluation, mean and variance are constants, and dx goes straight through."),
    ("gamma forgotten", "return gamma / std * dout", "return dout / std",
     "dx lacks the factor γ: the gradient by x̂ is dout times γ."),
    ("std forgotten", "return gamma / std * dout", "return gamma * dout",
     "dx is not divided by std."),
    ("dgamma without x_hat", "(dout * x_hat).sum(axis=0), dout.sum(axis=0)",
     "dout.sum(axis=0), dout.sum(axis=0)",
     "dgamma is the sum of dout alone: the derivative of γ x̂ by γ is x̂.",
     ("x_hat * dgamma", "x_hat * (x_hat * dout).sum(axis=0)")),
    ("dgamma averaged", "return gamma / std * dout, dgamma, dbeta",
     "return gamma / std * dout, dgamma / len(dout), dbeta / len(dout)",
     "dgamma and dbeta are averaged over the batch; they are sums. If the loss is a mean, its "
     "1/N is already inside dout."),
    ("dgamma and dbeta exchanged", "dout, dgamma, dbeta", "dout, dbeta, dgamma",
     "dgamma and dbeta have changed places: the order is dx, dgamma, dbeta."),
    ("dgamma after the correction", "return gamma / std * dout, dgamma, dbeta",
     "return gamma / std * dout, (dout * x_hat).sum(axis=0), dout.sum(axis=0)",
     "dgamma and dbeta are taken from a dout that has been changed on the way to dx. They belong "
     "to the upstream gradient itself."),
    ("unbiased divisor", "(dbeta + x_hat * dgamma) / len(dout)",
     "(dbeta + x_hat * dgamma) / (len(dout) - 1)", "The means divide by N − 1. The forward pass "
     "normalises with the biased variance, so it is N."),
    ("upstream gradient overwritten", "dout = dout - (dbeta + x_hat * dgamma) / len(dout)",
     "dout -= (dbeta + x_hat * dgamma) / len(dout)",
     "The numbers are right, but the caller's dout is overwritten. Make a new array."),
)

DROPOUT = Mistakes("dropout",
    ("keeps and drops exchanged", "u >= p", "u < p",
     "What should be dropped is kept: p is the probability to drop, and u ≥ p is kept."),
    ("the other end", "u >= p", "u < 1 - p", "x is kept where u < 1 − p. That has the right "
     "probability, but it should be kept where u ≥ p."),
    ("not scaled", "(u >= p) / (1 - p)", "(u >= p) * 1.0", "What is kept is not scaled up, so "
     "the sums shrink in training. Inverted dropout divides by 1 − p there."),
    ("scaled by p", "/ (1 - p)", "/ max(p, 1e-12)",
     "What is kept is divided by p, the probability to drop. Divide by that to keep."),
    ("strict comparison", "u >= p", "u > p", "u = p is dropped, and it should be kept."),
    ("drops in evaluation", "if training else np.ones_like(x)",
     "if u is not None else np.ones_like(x)", "Evaluation drops, too. There every unit speaks."),
    ("scaled in evaluation", "np.ones_like(x)", "np.full_like(x, 1 - p)", "Evaluation scales by "
     "1 − p. That is the other kind of dropout; inverted dropout has scaled in training already."),
    ("multiplied by 1 − p", "(u >= p) / (1 - p)", "(u >= p) * (1 - p)",
     "What is kept is made smaller by 1 − p; it should be made larger, by 1/(1 − p)."),
    ("gradient not masked", "return dout * cache", "return dout + 0 * cache",
     "The gradient goes through what was dropped. A unit that was silent has no part in the loss."),
    ("gradient not scaled", "return dout * cache", "return dout * (cache > 0)",
     "The gradient is masked and not scaled: the factor 1/(1 − p) belongs to it, too."),
    ("gradient divided", "return dout * cache",
     "return np.where(cache > 0, dout / np.maximum(cache, 1), 0)",
     "The gradient is divided by the factor; the chain rule multiplies by it."),
    ("float64 factors", "cache = factors.astype(x.dtype)", "cache = factors.astype(float)",
     "float32 inputs become float64: the factors have to take the dtype of x."),
    ("in place", "return x * cache, cache", "x *= cache\n    return x, cache",
     "The numbers are right, but the caller's x is overwritten. Make a new array."),
    ("mask in the cache", "return x * cache, cache",
     "return x * cache, (cache > 0).astype(x.dtype)",
     "The cache holds 0 and 1; the docstring promises the factors, with the scale in them."),
)

L1_PENALTY = Mistakes("l1_penalty",
    ("sign forgotten", "lam * np.sign(w)", "lam * np.ones_like(w)",
     "The gradient is λ everywhere; it has the sign of each weight."),
    ("lambda forgotten in the gradient", "lam * np.sign(w)", "np.sign(w)",
     "The gradient lacks the factor λ."),
    ("lambda forgotten in the value", "lam * np.abs(w).sum()", "np.abs(w).sum()",
     "The value lacks the factor λ."),
    ("mean for the sum", "np.abs(w).sum()", "np.abs(w).mean()",
     "The value is a mean over the weights; the penalty is a sum."),
    ("absolute value forgotten", "np.abs(w).sum()", "w.sum()",
     "Positive and negative weights cancel in the value: take absolute values."),
    ("L2's gradient", "lam * np.sign(w)", "lam * w",
     "This gradient is the one of L2: it grows with the weight. That of |w| is its sign."),
    ("slope one at zero", "lam * np.sign(w)", "lam * np.where(w >= 0, 1.0, -1.0).astype(w.dtype)",
     "At w = 0 the gradient is λ; there the subgradient 0 is taken."),
    ("norm of a matrix", "np.abs(w).sum()", "np.linalg.norm(np.atleast_2d(w), 1)",
     "For a matrix, NumPy's norm of order 1 is the largest column sum. The penalty sums over all "
     "elements."),
)

L2_PENALTY = Mistakes("l2_penalty",
    ("half forgotten", "lam / 2 * np.sum(w * w)", "lam * np.sum(w * w)",
     "The value is twice too large: the penalty has a factor ½."),
    ("gradient doubled", "lam * w", "2 * lam * w",
     "The gradient is twice too large: the ½ of the penalty cancels the 2 of the square."),
    ("lambda forgotten in the gradient", "lam * w", "w + 0", "The gradient lacks the factor λ."),
    ("mean for the sum", "np.sum(w * w)", "np.mean(w * w)",
     "The value is a mean over the weights; the penalty is a sum."),
    ("root taken", "np.sum(w * w)", "np.sqrt(np.sum(w * w))",
     "The value has the norm itself; the penalty has its square."),
    ("absolute values", "np.sum(w * w)", "np.sum(np.abs(w))",
     "The value sums absolute values, as L1 does; L2 sums squares."),
    ("gradient halved", "lam * w", "lam / 2 * w",
     "The gradient is half of what it should be: the derivative of ½ w² is w."),
    ("sign as the gradient", "lam * w", "lam * np.sign(w)",
     "This gradient is the one of L1; that of ½ w² is w."),
)

CONFUSION_MATRIX = Mistakes("confusion_matrix",
    ("transposed", "target * classes + predicted", "predicted * classes + target",
     "The matrix is transposed: rows are the truth, columns the predictions."),
    ("counts of hits only", "target * classes + predicted",
     "(target * classes + predicted)[target == predicted]",
     "Only the hits are counted: the mistakes belong off the diagonal."),
    ("each pair once", "return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)",
     "matrix = np.zeros((classes, classes), dtype=int)\n"
     "    matrix[target, predicted] += 1\n"
     "    return matrix", "Each pair of classes counts at most once: an indexed += visits a "
     "repeated index only one time."),
    ("fractions of each class",
     "    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)",
     "    counts = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)\n"
     "    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)",
     "The rows are normalised to fractions; the matrix holds counts."),
    ("bins without a range", "np.bincount(pairs, minlength=classes**2).reshape(classes, classes)",
     "np.histogram2d(target, predicted, bins=classes)[0].astype(int)",
     "The bins run from the smallest to the largest class that occurs, so they shift where the "
     "first or the last is absent. They run from 0 to C − 1."),
    ("real numbers", ".reshape(classes, classes)", ".reshape(classes, classes).astype(float)",
     "The counts are stored as real numbers; they are whole."),
)

CLASSIFICATION_REPORT = Mistakes("classification_report",
    ("precision and recall exchanged", "hits / np.maximum(named, 1)",
     "hits / np.maximum(support, 1) + 0",
     "Precision and recall have changed places: precision asks how many of those named so were "
     "right, and divides by the column sum.",
     ('"recall": hits / np.maximum(support, 1),', '"recall": hits / np.maximum(named, 1),')),
    ("nan for absent classes", "np.maximum(named, 1)", "named",
     "Where a class is never named or never occurs, 0 / 0 gives nan. Take the ratio as 0 there.",
     ("hits / np.maximum(support, 1)", "hits / support"),
     ("np.maximum(named + support, 1)", "(named + support)")),
    ("F1 as the arithmetic mean", "2 * hits / np.maximum(named + support, 1)",
     "(hits / np.maximum(named, 1) + hits / np.maximum(support, 1)) / 2",
     "F1 is the arithmetic mean of precision and recall; it should be the harmonic one."),
    ("two forgotten in F1", "2 * hits / np", "hits / np", "F1 lacks the factor 2."),
    ("macro for weighted", "score @ support / support.sum()", "score.mean()",
     "The weighted averages are plain ones: weigh each class by its support."),
    ("weighted by the named", "score @ support / support.sum()", "score @ named / named.sum()",
     "The weighted averages weigh each class by how often it was named; it should be by how "
     "often it occurs."),
    ("accuracy as the mean recall", "hits.sum() / matrix.sum()",
     "(hits / np.maximum(support, 1)).mean()",
     "The accuracy averages over classes; it counts samples."),
    ("accuracy as a count", "hits.sum() / matrix.sum()", "hits.sum() / 1",
     "The accuracy is a number of hits; divide by the number of samples."),
    ("support by columns", '"support": support,', '"support": named,',
     "The support sums columns; it counts how often a class occurs, which is a row sum."),
    ("macro over present classes", "score.mean() for", "score[support > 0].mean() for",
     "The macro averages leave out classes that never occur. They count each class alike, with 0 "
     "for these."),
    ("both F1 from the averages", "    return {\n        **scores,", """\
    def average(weights):
        p, r = (scores[name] @ weights / weights.sum() for name in ("precision", "recall"))
        return {"precision": p, "recall": r, "f1": 2 * p * r / max(p + r, 1e-300)}

    return {
        **scores,""",
     "The average F1s are made from the averages of precision and recall; they are averages of "
     "the classes' F1.",
     ("{name: score.mean() for name, score in scores.items()}", "average(np.ones(len(support)))"),
     ("{name: score @ support / support.sum() for name, score in scores.items()}",
      "average(support)")),
    ("macro F1 from the averages", "    return {\n        **scores,", """\
    p, r = scores["precision"].mean(), scores["recall"].mean()
    macro_f1 = 2 * p * r / max(p + r, 1e-300)
    return {
        **scores,""",
     "The macro F1 is made from macro precision and recall; it is the mean of the classes' F1.",
     ("score.mean() for name, score in scores.items()}",
      'score.mean() for name, score in scores.items()} | {"f1": macro_f1}')),
)

HESSIAN = Mistakes("hessian",
    ("one-sided", "(gradient(theta + step) - gradient(theta - step)) / (2 * h)",
     "(gradient(theta + step) - gradient(theta)) / h",
     "The differences are one-sided, with an error of order h in place of h²: step to both sides."),
    ("h in place of 2h", "/ (2 * h)", "/ h",
     "The two points are 2 h apart, and the difference is divided by h."),
    ("not symmetrised", "(rows + rows.T) / 2", "rows",
     "The matrix is not exactly symmetric: replace it by the mean of itself and its transpose."),
    ("sum with the transpose", "(rows + rows.T) / 2", "rows + rows.T",
     "The matrix and its transpose are added: take the mean of both."),
    ("outer product of the gradient", "    rows = np.array(rows)",
     "    rows = np.outer(gradient(theta), gradient(theta))", "This is the outer product of the "
     "gradient with itself, a common stand-in, and not the second derivative."),
    ("diagonal only", "(rows + rows.T) / 2", "np.diag(np.diag(rows))",
     "Only the diagonal is there: the mixed derivatives are missing."),
    ("step ignored", "steps = h * np.eye(len(theta))",
     "h = 1e-5\n    steps = h * np.eye(len(theta))", "The step h that is given is not used."),
    ("sign", "gradient(theta + step) - gradient(theta - step)",
     "gradient(theta - step) - gradient(theta + step)",
     "The sign is turned round: subtract what lies behind from what lies ahead."),
    ("lower triangle mirrored", "(rows + rows.T) / 2", "np.tril(rows) + np.tril(rows, -1).T",
     "One triangle is mirrored onto the other; take the mean of both."),
)

CRITICAL_POINT = Mistakes("critical_point",
    ("absolute tolerance", "limit = tolerance * np.abs(eigenvalues).max()", "limit = tolerance",
     "What counts as zero is measured on an absolute scale. It is relative to the largest "
     "eigenvalue in size."),
    ("no tolerance", "limit = tolerance * np.abs(eigenvalues).max()", "limit = 0 * tolerance",
     "Rounding errors count as signs here: what is tiny beside the largest eigenvalue counts as "
     "zero."),
    ("largest without its size", "np.abs(eigenvalues).max()", "eigenvalues.max()",
     "The largest eigenvalue is taken with its sign, so the limit is wrong where it is negative. "
     "Take the largest in size."),
    ("signs of the entries", "np.linalg.eigvalsh(matrix)", "np.diag(matrix)",
     "The diagonal decides here; off it there may be a saddle. Ask the eigenvalues."),
    ("determinant", "    eigenvalues = np.linalg.eigvalsh(matrix)\n", """\
    eigenvalues = np.full(2, np.trace(matrix))
    if np.linalg.det(matrix) < 0:
        return "saddle"
""",
     "The determinant's sign decides here. That works in two dimensions; in more, an even number "
     "of negative eigenvalues makes it positive."),
    ("zeros before signs", "    if up.any() and down.any():",
     '    if not (up | down).all():\n        return "degenerate"\n    if up.any() and down.any():',
     "A zero makes it degenerate here even beside both signs. Both signs make a saddle, whatever "
     "the rest is."),
    ("zeros count for the sign", "if up.all():", "if up.any():",
     "A point with zero eigenvalues beside positive ones is called a minimum; the second order "
     "does not decide there.", ("down.all()", "down.any()")),
    ("minimum and maximum exchanged", 'return "minimum"', 'return "maximum"',
     "Minimum and maximum have changed places: where all eigenvalues are positive, every way "
     "goes up.", ('return "maximum" if', 'return "minimum" if')),
    ("zero at the limit", "eigenvalues > limit", "eigenvalues >= limit",
     "An eigenvalue whose size is exactly the limit counts as a sign here; it counts as zero.",
     ("eigenvalues < -limit", "eigenvalues <= -limit")),
)
