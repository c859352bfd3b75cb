"""Wrong solutions of `autoencoder` that students really write, each with the hint it earns.

Two edits that give the same results share a hint, for nobody can tell them apart from outside.
"""

from autograder.assignment.edits import Mistakes

RECONSTRUCTION_LOSS = Mistakes("reconstruction_loss",
    ("mean over the batch only", "np.vdot(difference, difference) / difference.size",
     "np.vdot(difference, difference) / len(difference)", "The loss is averaged over the samples "
     "and summed over the pixels; the mean runs over all elements."),
    ("gradient for a mean over the batch", "difference * (2 / difference.size)",
     "difference * (2 / len(difference))", "The gradient belongs to a loss that is averaged over "
     "the samples alone; this one is averaged over the pixels too."),
    ("gradient for a sum over the batch", "difference * (2 / difference.size)",
     "difference * (2 / difference.shape[1])",
     "The gradient is divided by D alone; the loss is averaged over the samples too."),
    ("factor two forgotten", "difference * (2 / difference.size)", "difference / difference.size",
     "The derivative of a square brings down a 2, and it is missing."),
    ("target minus reconstruction", "difference = x_hat - x", "difference = x - x_hat",
     "The sign of the gradient is turned round: it points from the reconstruction to the input. "
     "The square in the loss hides it there."),
    ("absolute error", "np.vdot(difference, difference) / difference.size",
     "np.abs(difference).mean()",
     "The loss is the mean of the absolute errors; it is the squares that are averaged."),
    ("root of the mean square", "np.vdot(difference, difference) / difference.size",
     "np.sqrt(np.mean(difference**2))",
     "The loss is the root of the mean squared error; the root does not belong to it."),
)

BLOCK = Mistakes("block",
    ("activation before batch normalisation", "    out = activation_forward(z, activation)",
     "    if normal is not None:\n"
     '        z = activation_forward(x @ layer["w"], activation)\n'
     "        z, normal, _ = batchnorm_forward(\n"
     '            z, layer["gamma"], layer["beta"], running, training=training)\n'
     "        out = z\n"
     "    else:\n"
     "        out = activation_forward(z, activation)", "The normalisation stands after the "
     "activation; here it normalises the product, and the activation comes last."),
    ("batch statistics in evaluation", "training=training", "training=True",
     "Evaluation uses the statistics of the batch: hand the mode on, so that the running "
     "statistics are used there."),
    ("running statistics in training", "training=training", "training=False",
     "Training normalises by the running statistics; there the batch's own are to be used. Hand "
     "the mode on."),
    ("running statistics thrown away", 'layer["mean"][...], layer["var"][...] = running', "pass",
     "The running statistics do not move: batchnorm_forward returns the new ones, and the layer "
     "has to keep them."),
    ("running statistics not in place", 'layer["mean"][...], layer["var"][...] = running',
     'layer["mean"], layer["var"] = running', "The dictionary gets new running statistics, and the "
     "arrays that were in it stay as they were; the network holds those, so copy the values into "
     "them."),
    ("running variance not kept", 'layer["mean"][...], layer["var"][...] = running',
     'layer["mean"][...] = running[0]', "Only the running mean moves; the running variance has to "
     "be kept as well."),
    ("bias forgotten", '        z += layer["b"]', "        pass",
     "The bias does not reach the output of a layer without batch normalisation."),
    ("bias after the activation",
     '        z += layer["b"]\n    out = activation_forward(z, activation)', """\
        pass
    out = activation_forward(z, activation)
    if normal is None and "b" in layer:
        out = out + layer["b"]""",
     "The bias is added behind the activation; it belongs to the product, so it comes first."),
    ("activation forgotten", "out = activation_forward(z, activation)", "out = z",
     "The activation is missing: this is what goes into it."),
    ("gamma and beta swapped", 'layer["gamma"], layer["beta"]', 'layer["beta"], layer["gamma"]',
     "gamma and beta have changed places on the way to the normalisation."),
    ("slope of the activation forgotten", "dz = activation_backward(dout, out, activation)",
     "dz = dout", "The upstream gradient passes the activation untouched; it has to be "
     "multiplied by the slope."),
    ("normalisation skipped on the way back", "dz, dgamma, dbeta = batchnorm_backward(dz, normal)",
     "_, dgamma, dbeta = batchnorm_backward(dz, normal)", "The weights' and the inputs' gradient "
     "skip the normalisation: what goes on from there is its dz, not the gradient that came in."),
    ("bias gradient averaged", "dz.sum(axis=0)", "dz.mean(axis=0)", "The bias's gradient is "
     "averaged over the batch; it is a sum, for the mean is in the upstream gradient already."),
    ("weight gradient averaged", 'gradients["w"] = x.T @ dz', 'gradients["w"] = x.T @ dz / len(x)',
     "The weights' gradient is averaged over the batch; it is a sum, for the mean is in the "
     "upstream gradient already."),
    ("weight gradient from the output", 'gradients["w"] = x.T @ dz', 'gradients["w"] = x.T @ dout',
     "The weights' gradient is made with the upstream gradient; it must have gone back through "
     "activation and normalisation first."),
    ("dgamma and dbeta swapped", '{"gamma": dgamma, "beta": dbeta}',
     '{"gamma": dbeta, "beta": dgamma}', "The gradients of gamma and beta have changed places."),
    ("dx always computed", "(dz @ w.T if want_dx else None)", "dz @ w.T",
     "dx is computed although it is not wanted: then it should be None, and the product saved."),
)

AUTOENCODER = Mistakes("Autoencoder",
    ("activation on the code", "hidden = number not in (self.code, len(pairs))",
     "hidden = number != len(pairs)", "The code goes through normalisation and activation like a "
     "hidden layer; the encoder's last layer has neither, so that a code may be any point."),
    ("activation on the code, without normalisation", 'activation if hidden else "identity"',
     '"identity" if number == len(pairs) else activation', "The code goes through the "
     "activation; the encoder's last layer has none, so that a code may be any point."),
    ("activation on the reconstruction", "hidden = number not in (self.code, len(pairs))",
     "hidden = number != self.code", "The reconstruction goes through normalisation and "
     "activation like a hidden layer; the decoder's last layer has neither."),
    ("no activations", 'activation if hidden else "identity"', '"identity"',
     "The hidden layers have no activation: this network is linear, whatever its depth."),
    ("batch normalisation everywhere", "hidden and use_batchnorm, rng)", "use_batchnorm, rng)",
     "All layers have batch normalisation; the last of the encoder and the last of the decoder "
     "have none."),
    ("use_batchnorm ignored", "hidden and use_batchnorm, rng)", "hidden, rng)",
     "The hidden layers have batch normalisation even where use_batchnorm says no."),
    ("init ignored", "inputs, outputs, init, hidden", 'inputs, outputs, "he", hidden',
     "The weights have He's spread whatever init says."),
    ("always in training mode", "self.activations[number], self.training",
     "self.activations[number], True", "The layers run in training mode always: in evaluation "
     "they should use the running statistics."),
    ("widths of encoder and decoder run together",
     "pairs = [*pairwise(enc_dims), *pairwise(dec_dims)]",
     "pairs = [*pairwise([*enc_dims, *dec_dims])]",
     "Encoder and decoder were joined end to end, which adds a layer between them that nobody "
     "asked for: the code is the output of one and the input of the other."),
    ("layers forward on the way back", "range(len(self.activations), self.code, -1)",
     "range(self.code + 1, len(self.activations) + 1)", "The decoder's layers are gone through "
     "from first to last on the way back; backward begins at the last."),
    ("gradients added up", 'self.gradients[f"{name}{number}"] = gradient',
     'key = f"{name}{number}"\n'
     "                self.gradients[key] = self.gradients.get(key, 0) + gradient",
     "The gradients of a second pass are added to those of the first; they replace them."),
    ("every cache the first", "self.caches[number] = cache",
     "self.caches.setdefault(number, cache)",
     "Backward works with what the first forward pass left behind; it belongs to the last one."),
    ("caches of evaluation",
     "            if self.training:\n                self.caches[number] = cache",
     "            self.caches[number] = cache",
     "A pass in evaluation mode overwrites what backward needs of the last one in training."),
    ("the decoder's dx not wanted", "want_dx=number > 1",
     "want_dx=number not in (1, self.code + 1)",
     "The decoder's first layer gives no dx, but that is the gradient at the code, which the "
     "encoder is waiting for. Only the first layer of all can do without."),
    ("the code's dx skipped", "want_dx=number > 1", "want_dx=number > 2",
     "The gradient is dropped at the second layer, so the first gets none: only the very first "
     "layer's dx is not wanted."),
)

WEIGHT_DECAY = Mistakes("weight_decay",
    ("one half forgotten", "0.5 * strength * sum", "strength * sum",
     "The penalty lacks its factor ½, so it does not fit its own gradient, λ w."),
    ("factor two in the gradient", "name: strength * w", "name: 2 * strength * w",
     "The gradient has a factor 2 too many: the ½ of the penalty cancels the 2 of the square."),
    ("everything decays", 'if name.startswith("w")', "if name",
     "Biases, gamma and beta decay too; the penalty is on the weights alone."),
    ("biases decay", 'if name.startswith("w")', 'if name[0] in "wb"',
     "Biases and beta decay too: of all parameters, only the weights do."),
    ("norm not squared", "np.vdot(w, w) for", "np.linalg.norm(w) for",
     "The norms are added up without being squared."),
    ("absolute values", "np.vdot(w, w) for", "np.abs(w).sum() for",
     "This is the sum of absolute values, the L1 penalty; weight decay sums squares.",
     ("name: strength * w", "name: strength * np.sign(w)")),
    ("largest singular value", "np.vdot(w, w) for", "np.linalg.norm(w, 2) ** 2 for",
     "np.linalg.norm(w, 2) of a matrix is its largest singular value, not the root of the sum of "
     "all squares."),
    ("last layer only", "0.5 * strength * sum(np.vdot(w, w) for w in weights.values())",
     "0.5 * strength * [np.vdot(w, w) for w in weights.values()][-1]",
     "Only the last weight matrix is in the penalty: every layer adds to it."),
    ("mean of the squares", "np.vdot(w, w) for", "np.mean(w * w) for",
     "The squared weights are averaged over each matrix; they are summed."),
    ("first layer only", 'if name.startswith("w")', 'if name == "w1"',
     "Only the first layer's weights are counted; every layer has some."),
    ("gradient with the minus sign of the step", "name: strength * w", "name: -strength * w",
     "The sign is turned round: this is the direction of the step, and the gradient points the "
     "other way."),
)

EARLYSTOPPING = Mistakes("EarlyStopping",
    ("no copy", "array.copy() for name, array", "array for name, array",
     "The best state is kept as a reference: training goes on to change those arrays in place, "
     "and the best epoch is lost."),
    ("shallow copy", "{name: array.copy() for name, array in state.items()}", "dict(state)",
     "The best state is kept as a reference: training goes on to change those arrays in place, "
     "and the best epoch is lost."),
    ("ties count as improvements", "if loss < self.best_loss:", "if loss <= self.best_loss:",
     "A loss equal to the best counts as an improvement here, so a curve that stands still never "
     "stops."),
    ("one epoch too patient", ">= self.patience", "> self.patience", "It stops one epoch late: "
     "patience is the number of epochs without improvement that end the training."),
    ("one epoch too impatient", ">= self.patience", ">= self.patience - 1", "It stops one epoch "
     "early: patience is the number of epochs without improvement that end the training."),
    ("epochs in all", "return self.epoch - self.best_epoch >= self.patience",
     "return self.epoch >= self.patience",
     "It counts all epochs; what is to be counted are those since the best one."),
    ("count never set back", "        return self.epoch - self.best_epoch >= self.patience",
     '        self.waited = getattr(self, "waited", 0) + (self.epoch != self.best_epoch)\n'
     "        return self.waited >= self.patience",
     "All epochs without improvement since the start are counted; patience means epochs in a "
     "row, so an improvement sets the count back to 0."),
    ("compared with the epoch before",
     "        if loss < self.best_loss:\n"
     "            self.best_loss, self.best_epoch = loss, self.epoch", """\
        better = loss < getattr(self, "last", np.inf)
        self.last = loss
        if better:
            self.best_loss, self.best_epoch = loss, self.epoch""",
     "Each loss is compared with the one before; it is to be compared with the best of all so "
     "far."),
    ("nan taken for an improvement", "if loss < self.best_loss:", "if not loss >= self.best_loss:",
     "A loss that is not a number counts as the best; comparisons with nan are False, whichever "
     "way they are put."),
    ("epochs counted from zero", "            self.best_loss, self.best_epoch = loss, self.epoch",
     "            self.best_loss, self.best_epoch = loss, self.epoch - 1",
     "Epochs are counted from 0 here; the first one is epoch 1."),
    ("last state kept", "            self.best_state = {", "        self.best_state = {",
     "The state of the last epoch is kept, whatever its loss: copy only when the loss is an "
     "improvement."),
    ("highest loss", "if loss < self.best_loss:", "if loss > self.best_loss:",
     "It waits for the loss to rise: the best loss is the lowest, and starts at plus infinity.",
     ("self.best_loss, self.best_epoch, self.best_state = np.inf, 0, None",
      "self.best_loss, self.best_epoch, self.best_state = -np.inf, 0, None")),
)

FIT = Mistakes("fit",
    ("smaller last batch kept",
     "            if len(batch) < batch_size:\n                break\n", "",
     "The smaller batch at the end is trained on as well; it is to be left out."),
    ("last whole batch lost",
     "        for batch, _ in minibatches(x, x, batch_size, rng):\n"
     "            if len(batch) < batch_size:\n"
     "                break\n", """\
        order = rng.permutation(len(x))
        for start in range(0, len(x) - batch_size, batch_size):
            batch = x[order[start : start + batch_size]]
""",
     "Where the samples divide evenly, the last whole batch is lost: a range ends before its end."),
    ("never shuffled", "for batch, _ in minibatches(x, x, batch_size, rng):",
     "for batch in np.split(x, range(batch_size, len(x), batch_size)):",
     "The samples come in the same order in every epoch: draw one rng.permutation(N) for each."),
    ("shuffled once",
     "    for rate in learning_rates:\n", "    batches = list(minibatches(x, x, batch_size, rng))\n"
     "    for rate in learning_rates:\n",
     "The samples are shuffled once for all epochs; each epoch draws an order of its own.",
     ("in minibatches(x, x, batch_size, rng):\n            if", "in batches:\n            if")),
    ("moments thrown away", "            adam_step(model.parameters, gradients, moments, rate)",
     "            adam_step(model.parameters, gradients, {}, rate)",
     "Adam starts anew at every step: its moments have to live as long as the training does."),
    ("moments thrown away each epoch", "        model.training = True",
     "        model.training, moments = True, {}",
     "Adam starts anew in every epoch: its moments have to live as long as the training does."),
    ("validated in training mode", "        model.training = False\n", "",
     "The validation runs in training mode, where batch normalisation uses the batch, and moves "
     "its running statistics towards the validation data."),
    ("training mode set once", "    for rate in learning_rates:\n        model.training = True",
     "    model.training = True\n    for rate in learning_rates:", "After its first validation "
     "the model stays in evaluation mode: set the mode at the start of each epoch."),
    ("decay forgotten", "if decay:", "if False:", "The weight decay has no effect on the steps."),
    ("decay taken away", "gradients[name] + extra", "gradients[name] - extra",
     "The gradient of the decay is subtracted; it is added like any part of the loss, and the "
     "step turns it round."),
    ("penalty in the history",
     "            losses.append(objective(model, batch))",
     "            losses.append(objective(model, batch))\n"
     "            losses[-1] += weight_decay(model.parameters, decay)[0]",
     "The history's loss contains the penalty; it is to hold the objective alone, so that it can "
     "be compared with the validation loss."),
    ("the best is not restored", "        model.load_state(stopping.best_state)", "        pass",
     "After training the model holds its last state: go back to the best one that stopping has "
     "kept."),
    ("restored only when stopped early",
     "            break\n"
     "    if stopping is not None and stopping.best_state is not None:\n"
     "        model.load_state(stopping.best_state)",
     "            if stopping.best_state is not None:\n"
     "                model.load_state(stopping.best_state)\n"
     "            break", "The best state is taken up only if the training was stopped early; it "
     "is the best also when all epochs were run."),
    ("never stopped", "model.state()):\n            break", "model.state()):\n            continue",
     "What stopping says is not heeded: when it says stop, the training should end."),
    ("stopping sees the training loss", 'stopping.update(history["val_loss"][-1]',
     'stopping.update(history["loss"][-1]',
     "stopping watches the training loss; it is the validation loss that tells when to stop."),
    ("first learning rate for ever", "moments, rate)", "moments, learning_rates[0])",
     "Every epoch uses the first learning rate; each has one of its own."),
    ("loss of the last batch", "float(np.mean(losses))", "float(losses[-1])",
     "The history has the loss of the last batch of each epoch; it is the mean over its batches."),
    ("step before the objective's gradients", "            gradients = dict(model.gradients)",
     "            gradients = dict(model.gradients) if len(losses) == 1 else gradients",
     "All steps of an epoch use the gradients of its first batch: they have to be fetched anew "
     "after each."),
)

GRID_SEARCH = Mistakes("grid_search",
    ("last of equal losses", "if loss < lowest or (best is None and loss == lowest):",
     "if loss <= lowest:", "Among equal losses the last one tried wins; it should be the first."),
    ("highest loss", "if loss < lowest or (best is None and loss == lowest):", "if loss > lowest:",
     "It chooses the highest loss; the best settings have the lowest.",
     ("best, lowest = [], None, np.inf", "best, lowest = [], None, -np.inf")),
    ("nan wins by min", "    return best, trials",
     "    return min(trials, key=lambda trial: trial[1])[0], trials", "A loss that is not a "
     "number stands in the way: no comparison with nan is true, so min stops at it."),
    ("infinity never wins", "if loss < lowest or (best is None and loss == lowest):",
     "if loss < lowest:", "A search that starts from infinity and asks for less never takes an "
     "infinite loss; it is to be taken where the others are nan."),
    ("first name innermost",
     "for values in product(*grid.values()):\n"
     "        settings = dict(zip(grid, values, strict=True))",
     "for values in product(*reversed(grid.values())):\n"
     "        settings = dict(zip(grid, reversed(values)))",
     "The first name changes fastest; in nested loops, and here, it changes slowest."),
    ("one dictionary for all",
     "for values in product(*grid.values()):\n"
     "        settings = dict(zip(grid, values, strict=True))",
     "settings = {}\n"
     "    for values in product(*grid.values()):\n"
     "        settings.update(zip(grid, values, strict=True))", "All trials share one "
     "dictionary, so they all show the last combination: make a new one for each."),
    ("values side by side", "product(*grid.values())", "zip(*grid.values())",
     "The values are gone through side by side, the first with the first and so on; all "
     "combinations are wanted."),
    ("nan left out", "        trials.append((settings, loss))",
     "        if loss == loss:\n            trials.append((settings, loss))",
     "Trials whose loss is not a number are missing from the list; they were tried, so they "
     "belong there."),
    ("only improvements listed",
     "        trials.append((settings, loss))\n"
     "        if loss < lowest or (best is None and loss == lowest):",
     "        if loss < lowest or (best is None and loss == lowest):\n"
     "            trials.append((settings, loss))",
     "Only the trials that were the best so far are listed; all of them are wanted."),
)

PROCESS = Mistakes("process",
    ("not clamped", "np.clip(np.concatenate([model.decode(z) for z in codes]), 0, 1)",
     "np.concatenate([model.decode(z) for z in codes])",
     "The reconstructions are not clamped: what is below 0 or above 1 is to be cut off."),
    ("clamped below only", "np.clip(np.concatenate([model.decode(z) for z in codes]), 0, 1)",
     "np.maximum(np.concatenate([model.decode(z) for z in codes]), 0)",
     "The reconstructions are cut off at 0, but not at 1."),
    ("errors before clamping", "    mse = ((reconstructions - x) ** 2).mean(axis=1)",
     "    mse = ((np.concatenate([model.decode(z) for z in codes]) - x) ** 2).mean(axis=1)",
     "The errors are those of the reconstructions before they were clamped; measure what is kept."),
    ("squashed, not cut off", "np.clip(np.concatenate([model.decode(z) for z in codes]), 0, 1)",
     "1 / (1 + np.exp(-np.concatenate([model.decode(z) for z in codes])))",
     "The reconstructions go through a sigmoid. Clamping leaves what is between 0 and 1 as it is."),
    ("one error for all", "((reconstructions - x) ** 2).mean(axis=1)",
     "((reconstructions - x) ** 2).mean()", "mse is one number; each sample has one of its own."),
    ("errors summed", "((reconstructions - x) ** 2).mean(axis=1)",
     "((reconstructions - x) ** 2).sum(axis=1)",
     "The squared errors of a sample are summed; it is their mean that is asked for."),
    ("errors of pixels", "((reconstructions - x) ** 2).mean(axis=1)",
     "((reconstructions - x) ** 2).mean(axis=0)", "mse has one entry for each pixel, averaged "
     "over the samples; it should have one for each sample."),
    ("in training mode", "mode, model.training = model.training, False",
     "mode, model.training = model.training, True", "The samples go through in training mode, so "
     "that they depend on their batch and move the running statistics."),
    ("mode not put back", "    model.training = mode\n", "", "The model is left in evaluation "
     "mode; it should be afterwards in the mode in which it was given."),
    ("all at once", "range(0, len(x), batch_size)]", "range(0, len(x), len(x))]",
     "All samples go through at once; batch_size limits how many may.",
     ("x[start : start + batch_size]", "x[start : start + len(x)]")),
    ("last batch left at zero", "[model.encode(batch) for batch in batches]",
     "[model.encode(batch) * (len(batch) == batch_size) for batch in batches]",
     "The samples of a last batch that is not full are left at zero: they are encoded too.",
     ("[model.decode(z) for z in codes]",
      "[model.decode(z) * (len(z) == batch_size) for z in codes]")),
    ("last batch lost", "range(0, len(x), batch_size)]",
     "range(0, max(1, len(x) - batch_size + 1), batch_size)]",
     "The samples of the smaller last batch are missing; here every sample counts.",
     ("- x) ** 2)", "- x[: len(reconstructions)]) ** 2)")),
)

PSNR = Mistakes("psnr",
    ("twenty for ten", "-10 * np.log10", "-20 * np.log10", "It is twice as large as it should "
     "be: 20 log₁₀ belongs to the root of the error, and this is its square."),
    ("peak not squared", "mse / peak**2", "mse / peak",
     "The peak is not squared: it is compared with the mean of squares."),
    ("peak ignored", "mse / peak**2", "mse", "The peak has no influence; errors count relative "
     "to the largest value that a pixel may have."),
    ("sign turned round", "return -10 * np", "return 10 * np",
     "The sign is turned round: a smaller error should give more decibels."),
    ("natural logarithm", "np.log10", "np.log",
     "This is the natural logarithm; decibels are made of the one to base 10."),
    ("one number for all", "((x_hat - x) ** 2).mean(axis=1)", "((x_hat - x) ** 2).mean()",
     "There is one number for the whole batch; each image has its own."),
    ("warning for equal images", '    with np.errstate(divide="ignore"):\n        return',
     "    return",
     "Equal images are right, but raise a warning about a division by zero or its logarithm."),
    ("never infinite",
     '    with np.errstate(divide="ignore"):\n        return -10 * np.log10(mse / peak**2)',
     "    return -10 * np.log10((mse + 1e-10) / peak**2)", "A small number is added to the error "
     "to avoid its logarithm at 0; equal images have infinitely many decibels."),
)

FIRST_LAYER_FILTERS = Mistakes("first_layer_filters",
    ("scale forgotten", '    if "gamma" in layer:', "    if False:", "The filters are the bare "
     "weights: batch normalisation stretches each unit, and its scale belongs to the filter."),
    ("gamma forgotten", 'layer["gamma"] / np', "1 / np",
     "gamma is missing from the scale of the filters, and with it their sign."),
    ("variance forgotten", 'layer["gamma"] / np.sqrt(layer["var"] + EPSILON)', 'layer["gamma"]',
     "The weights are multiplied by gamma alone; batch normalisation also divides by the running "
     "deviation."),
    ("variance for deviation", 'np.sqrt(layer["var"] + EPSILON)', '(layer["var"] + EPSILON)',
     "The weights are divided by the variance; it is its root, the deviation, that normalises."),
    ("epsilon after the root", 'np.sqrt(layer["var"] + EPSILON)',
     '(np.sqrt(layer["var"]) + EPSILON)',
     "ε stands outside the root; batch normalisation adds it to the variance."),
    ("epsilon forgotten", 'np.sqrt(layer["var"] + EPSILON)', 'np.sqrt(layer["var"])',
     "ε is missing: it is added to the variance, and it counts where the variance is small."),
    ("not transposed", "return w.T.copy()", "return w.copy()",
     "The filters stand in the columns; they are to be the rows, one a unit."),
)

SECOND_LAYER_FILTERS = Mistakes("second_layer_filters",
    ("first layer's scale forgotten", "@ first_layer_filters(first)", '@ first["w"].T',
     "The first layer enters with its bare weights; its filters have the scale of its batch "
     "normalisation."),
    ("second layer's scale twice", "return first_layer_filters(second) @",
     'scale = second["gamma"] / np.sqrt(second["var"] + 1e-5)\n'
     "    return scale[:, None] * first_layer_filters(second) @",
     "The second layer's scale comes in twice: its filters have it already."),
    ("second layer's scale forgotten", "first_layer_filters(second) @", 'second["w"].T @',
     "The second layer enters with its bare weights; its own batch normalisation scales each "
     "unit."),
    ("no scale at all", "first_layer_filters(second) @ first_layer_filters(first)",
     'second["w"].T @ first["w"].T',
     "Both layers enter with their bare weights: the scales of both normalisations are missing."),
    ("with a ReLU in between", "@ first_layer_filters(first)",
     "@ np.maximum(first_layer_filters(first), 0)",
     "The negative part of the first filters is cut off; the projection passes over the "
     "activation, which acts on the units' sums and not on their weights."),
    ("second layer alone", "first_layer_filters(second) @ first_layer_filters(first)",
     "first_layer_filters(second)", "These are the weights over the units of the first layer; "
     "they still have to be carried down to the pixels."),
    ("transposed", "first_layer_filters(second) @ first_layer_filters(first)",
     "(first_layer_filters(second) @ first_layer_filters(first)).T",
     "The filters stand in the columns; they are to be the rows, one a unit."),
)

FEW_LABELS = Mistakes("few_labels",
    ("not stratified",
     "    return np.concatenate([rng.choice(place, per_class, replace=False) for place in "
     "places])", "    return rng.choice(len(y), per_class * len(places), replace=False)",
     "The samples are drawn from all classes together, so some classes are drawn too often, "
     "others too rarely."),
    ("with repetition", "replace=False", "replace=True",
     "A sample may be drawn twice: draw without putting back."),
    ("always the first", "rng.choice(place, per_class, replace=False)", "place[:per_class]",
     "It takes the first samples of each class, always the same; they are to be drawn at random."),
    ("places within the class", "rng.choice(place, per_class, replace=False)",
     "rng.choice(len(place), per_class, replace=False)",
     "These are places within each class; what is asked for are places in y."),
    ("labels for places", "rng.choice(place, per_class, replace=False)",
     "y[rng.choice(place, per_class, replace=False)]",
     "It gives labels; the places in y are asked for."),
    ("classes counted from zero", "np.unique(y)", "range(len(np.unique(y)))",
     "It takes for granted that the labels are 0, 1, 2, …; use those that occur."),
)

CLASSIFIER_LOSS = Mistakes("classifier_loss",
    ("overflow for large scores", "    scores -= scores.max(axis=1, keepdims=True)\n", "",
     "Large scores overflow in the exponential: take each row's largest from it first."),
    ("sum over the batch", "-log_p[rows, y].mean()", "-log_p[rows, y].sum()",
     "The cross-entropy is summed over the batch; it is the mean that is asked for."),
    ("gradient of the sum", "    dscores /= len(x)\n", "",
     "The gradients lack the 1/N of the mean."),
    ("one not subtracted", "    dscores[rows, y] -= 1\n", "", "The gradient by the scores is the "
     "probability alone: the 1 at the true class has to be subtracted."),
    ("decay missing in the gradient", "x.T @ dscores + strength * w", "x.T @ dscores",
     "The penalty is in the loss, but not in the gradient of the weights."),
    ("decay missing in the loss", " + 0.5 * strength * np.vdot(w, w)", "",
     "The penalty is in the gradient of the weights, but not in the loss."),
    ("one half forgotten", "0.5 * strength * np.vdot", "strength * np.vdot",
     "The penalty lacks its factor ½, so it does not fit its gradient, λ w."),
    ("penalty averaged", "0.5 * strength * np.vdot(w, w)",
     "0.5 * strength * np.vdot(w, w) / len(x)",
     "The penalty is divided by N; only the cross-entropy is a mean over the batch.",
     ("+ strength * w,", "+ strength * w / len(x),")),
    ("decay averaged in the gradient", "+ strength * w,", "+ strength * w / len(x),",
     "The gradient of the penalty is divided by N, and the penalty is not: it is λ w."),
    ("bias decays", "dscores.sum(axis=0)", "dscores.sum(axis=0) + strength * b",
     "The biases decay too; the penalty is on the weights alone."),
    ("bias gradient averaged", "dscores.sum(axis=0)", "dscores.mean(axis=0)",
     "db is averaged over the batch a second time; the 1/N is already in the gradient by the "
     "scores."),
    ("maximum over the batch", "scores.max(axis=1, keepdims=True)",
     "scores.max(axis=0, keepdims=True)", "What is taken from the scores differs from class to "
     "class, which changes the probabilities: take the largest of each row."),
)

REPARAMETERISE = Mistakes("reparameterise",
    ("variance for deviation", "np.exp(logvar / 2)", "np.exp(logvar)", "The noise is multiplied "
     "by the variance; it is its root, σ = exp(logvar / 2), that spreads a draw."),
    ("log-variance for deviation", "np.exp(logvar / 2)", "logvar",
     "The log-variance is used as it is; σ is the exponential of its half."),
    ("root of the logarithm halved twice", "np.exp(logvar / 2)", "np.exp(logvar / 4)",
     "The exponent is too small by a factor 2: σ is the exponential of half of the log- variance."),
    ("noise forgotten", "return mu + std * noise, (std", "return mu + std, (std",
     "The noise does not enter: every draw is one deviation above the mean."),
    ("variance in the cache", "(std, noise)\n    ### END SOLUTION",
     "(std**2, noise)\n    ### END SOLUTION",
     "The cache's first item is the variance; the docstring promises σ."),
    ("one half lost on the way back", "dz * noise * std / 2", "dz * noise * std",
     "dlogvar is twice as large as it should be: the ½ of the exponent comes down when it is "
     "differentiated."),
    ("gradient by the deviation", "dz * noise * std / 2", "dz * noise",
     "This is the gradient by σ; one more step of the chain rule leads to the log-variance."),
    ("noise lost on the way back", "dz * noise * std / 2", "dz * std / 2",
     "dlogvar does not know of the noise, which multiplied σ on the way forward."),
    ("mean times deviation", "return dz.copy(), dz", "return dz * std, dz",
     "dmu is multiplied by σ; the mean enters the draw as it is."),
    ("gradients swapped", "return dz.copy(), dz * noise * std / 2",
     "return dz * noise * std / 2, dz.copy()", "dmu and dlogvar have changed places."),
)

KL_DIVERGENCE = Mistakes("kl_divergence",
    ("mean over the coordinates", "np.sum(mu**2 + excess - logvar) / len(mu)",
     "np.mean(mu**2 + excess - logvar)", "The divergence is averaged over the coordinates; it is "
     "summed over K, and averaged over N alone."),
    ("sum over the batch", "np.sum(mu**2 + excess - logvar) / len(mu)",
     "np.sum(mu**2 + excess - logvar)",
     "The divergence is summed over the batch; it is averaged over N."),
    ("one half forgotten", "kl = 0.5 * np.sum", "kl = np.sum",
     "The divergence lacks its factor ½."),
    ("minus one forgotten", "np.sum(mu**2 + excess - logvar)",
     "np.sum(mu**2 + excess + 1 - logvar)",
     "The −1 is missing: at the standard normal itself the divergence is 0."),
    ("sign turned round", "kl = 0.5 * np.sum", "kl = -0.5 * np.sum",
     "The divergence is negative, and can never be: the signs are turned round."),
    ("mean not squared", "np.sum(mu**2 + excess", "np.sum(mu + excess",
     "The means enter without their square."),
    ("log-variance taken for a deviation", "excess = np.expm1(logvar)",
     "excess = np.expm1(2 * logvar)",
     "The second argument is treated as the logarithm of σ; it is that of σ²."),
    ("deviation for variance", "excess = np.expm1(logvar)", "excess = np.expm1(logvar / 2)",
     "The deviation σ = exp(s / 2) stands where the variance σ² = exp(s) belongs."),
    ("gradients of the sum", "mu / len(mu), 0.5 * excess / len(mu)", "mu, 0.5 * excess",
     "The gradients lack the 1/N of the mean over the batch."),
    ("factor two in dmu", "kl, mu / len(mu)", "kl, 2 * mu / len(mu)",
     "dmu is twice as large as it should be: the ½ cancels the 2 of the square."),
    ("one half lost in dlogvar", "0.5 * excess / len(mu)", "excess / len(mu)",
     "dlogvar lacks the factor ½."),
    ("minus one lost in dlogvar", "0.5 * excess / len(mu)", "0.5 * np.exp(logvar) / len(mu)",
     "dlogvar lacks the −1 that comes from the term −s."),
)

BERNOULLI_LOSS = Mistakes("bernoulli_loss",
    ("mean over the pixels", "np.log1p(e)) / len(x)", "np.log1p(e)) / x.size",
     "The likelihood is averaged over the pixels too; it is summed over D, and averaged over N "
     "alone.", ("(probabilities - x) / len(x)", "(probabilities - x) / x.size")),
    ("sum over the batch", "np.log1p(e)) / len(x)", "np.log1p(e))",
     "The likelihood is summed over the batch; it is averaged over N."),
    ("gradient of the sum", "(probabilities - x) / len(x)", "probabilities - x",
     "The gradient lacks the 1/N of the mean over the batch."),
    ("pixels minus probabilities", "(probabilities - x) / len(x)", "(x - probabilities) / len(x)",
     "The sign of the gradient is turned round: it is σ minus the pixel."),
    ("slope of the sigmoid once more", "(probabilities - x) / len(x)",
     "(probabilities - x) * probabilities * (1 - probabilities) / len(x)",
     "The slope of the sigmoid is multiplied in once more: σ minus the pixel is the derivative "
     "by the logit already."),
    ("logits for probabilities", "(probabilities - x) / len(x)", "(logits - x) / len(x)",
     "The gradient uses the logits themselves; they have to go through the sigmoid."),
    ("unstable", "np.sum(np.maximum(logits, 0) - x * logits + np.log1p(e)) / len(x)",
     "np.sum(np.log1p(np.exp(logits)) - x * logits) / len(x)",
     "Large logits overflow in the exponential: only exponents that are not positive are safe."),
    ("logarithm of probabilities",
     "nll = np.sum(np.maximum(logits, 0) - x * logits + np.log1p(e)) / len(x)",
     "p = 1 / (1 + np.exp(-logits))\n"
     "    nll = -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p)) / len(x)", "Where the "
     "probability rounds to 0 or 1 its logarithm is infinite: simplify before you compute."),
    ("likelihood without its sign", "nll = np.sum", "nll = -np.sum",
     "This is the log-likelihood; the loss is minus that."),
    ("clipped logits", "    e = np.exp(-np.abs(logits))",
     "    logits = np.clip(logits, -30, 30)\n    e = np.exp(-np.abs(logits))",
     "Clipping the logits prevents overflow, but it changes the loss beyond the limit. The "
     "stable form needs none."),
)

VAE = Mistakes("vae",
    ("mean and log-variance swapped", "mu, logvar = np.split(", "logvar, mu = np.split(",
     "Means and log-variances have changed places: the means are the first K columns.",
     ("[dmu + dmu_drawn, dlogvar + dlogvar_drawn]", "[dlogvar + dlogvar_drawn, dmu + dmu_drawn]")),
    ("mean decoded", "model.decode(z), x)", "model.decode(mu), x)", "The decoder is given the "
     "mean; it is the draw that is decoded, in training and in evaluation."),
    ("divergence missing on the way back", "[dmu + dmu_drawn, dlogvar + dlogvar_drawn]",
     "[dmu_drawn, dlogvar_drawn]",
     "The encoder hears only of the likelihood: the gradients of the divergence have to be added."),
    ("divergence averaged twice", "[dmu + dmu_drawn, dlogvar + dlogvar_drawn]",
     "[dmu / len(dmu) + dmu_drawn, dlogvar / len(dmu) + dlogvar_drawn]",
     "The gradients of the divergence are divided by N once more: kl_divergence has done it."),
    ("mean decoded in evaluation", "    nll, dlogits = bernoulli_loss(",
     "    z = z if model.training else mu\n    nll, dlogits = bernoulli_loss(",
     "The decoder is given the mean; it is the draw that is decoded, in training and in "
     "evaluation."),
    ("divergence through the draw", "reparameterise_backward(model.decode_backward(dlogits), draw)",
     "reparameterise_backward(model.decode_backward(dlogits) + dmu, draw)",
     "The divergence's gradient by the mean goes back through the draw as well, and reaches the "
     "log-variance that way. The divergence knows means and log-variances, and no draw.",
     ("[dmu + dmu_drawn,", "[dmu_drawn,")),
    ("likelihood missing on the way back", "[dmu + dmu_drawn, dlogvar + dlogvar_drawn]",
     "[dmu, dlogvar]", "The encoder hears only of the divergence: the gradients that come "
     "through the draw have to be added."),
    ("gradients side by side in the wrong order", "[dmu + dmu_drawn, dlogvar + dlogvar_drawn]",
     "[dlogvar + dlogvar_drawn, dmu + dmu_drawn]",
     "The gradients enter the encoder in the wrong order: means first, as they came out."),
    ("every other column", "np.split(model.encode(x), 2, axis=1)",
     "(lambda h: (h[:, ::2], h[:, 1::2]))(model.encode(x))",
     "The means are taken from every other column; they are the first K."),
    ("divergence subtracted", "return nll, kl, (", "return nll, -kl, (",
     "The divergence comes with a minus sign; it is added to the loss."),
)
