# %% [markdown]
# # Autoencoders: learning without labels
#
# Nobody has written down what is on most of the world's images. An *autoencoder* learns from such
# data all the same: it is a network whose target is its own input. That would be no task at all,
# were it not for the bottleneck in its middle, a layer of $K$ units where an image has $D \gg K$
# pixels. What comes out right at the far end must have gone through those $K$ numbers, so they hold
# what the images have in common, and what tells one from the next. They are called the *code*.
#
# The idea is old (Bourlard and Kamp, 1988; Baldi and Hornik, 1989), it became deep with Hinton and
# Salakhutdinov (2006), and with Kingma and Welling (2014) it became a model that can invent new
# images. You build both kinds here, by hand and in NumPy: the network with its backward pass, a
# training that stops in time and keeps its best moment, the search for good settings, the means to
# look inside, a fair test of what the codes are worth, and last the variational autoencoder.
#
# **How the notebook works.** You write where a cell says `raise NotImplementedError`; everything
# else is ready to run. Run the check below an exercise as often as you like. `progress()` in a cell
# of your own lists all exercises with their points. Each is graded by itself.
#
# **Axes**: $N$ samples in a batch, $D$ features (pixels) in, $M$ features out, $K$ numbers in a
# code, $C$ classes. One sample is one row. Functions keep the dtype of their inputs: float64 in the
# checks, float32 in the experiments.

# %% provided=true
import os
from itertools import pairwise, product

import numpy as np

from autograder import check, data, progress
from autograder.figures import draw_classes, draw_curves, draw_images, figure

FULL = os.environ.get("CHAINRULE_FULL") == "1"  # longer experiments, downloads allowed
NUMBERS = {}  # what the experiments measure, by name

# %% [markdown]
# ## 1. The loss
#
# Call the input $x$ and what the network makes of it $\hat x$, both of shape $(N, D)$. The most
# common measure of how far they lie apart is the mean squared error over *all* elements,
#
# $$ L = \frac{1}{ND} \sum_{n,d} (\hat x_{nd} - x_{nd})^2 . $$
#
# Dividing by $D$ too makes images of different sizes comparable: with pixels in $[0, 1]$, $L =
# 0.01$ says that a pixel is typically off by $\sqrt{0.01} = 0.1$. Backpropagation starts from the
# derivative of $L$ by each $\hat x_{nd}$, which occurs in one term of the double sum.

# %% exercise="reconstruction_loss" points=4
def reconstruction_loss(x_hat, x):
    """Mean squared error over all elements, and its gradient.

    Parameters
    ----------
    x_hat : ndarray (N, D)
        Reconstructions.
    x : ndarray (N, D)
        What they should be.

    Returns
    -------
    loss : float
        (1/ND) Σ_nd (x_hat_nd − x_nd)².
    dx_hat : ndarray (N, D)
        Gradient of the loss with respect to x_hat.
    """
    ### BEGIN SOLUTION  the mean of the squared differences, and its derivative by x_hat
    difference = x_hat - x
    loss = np.vdot(difference, difference) / difference.size
    return loss, difference * (2 / difference.size)
    ### END SOLUTION


# %% [markdown]
# ## 2. A layer and its batch normalisation
#
# The network is a chain of layers of one kind: a matrix product, a normalisation or a bias, an
# activation. The parts are known from the assignments before this one, so they are given here.
# Two things are worth a look. Each activation is written so that its backward pass needs nothing
# but its own *output*. And batch normalisation (Ioffe and Szegedy, 2015) has two lives:
#
# - *In training* it takes the mean $m_j$ and the biased variance $v_j$ of column $j$ over the
#   batch, and gives $\gamma_j \hat z_{nj} + \beta_j$ with $\hat z_{nj} = (z_{nj} - m_j) / \sqrt{v_j
#   + \varepsilon}$. Beside that it gives new *running* statistics, a tenth of the way from the old
#   ones to the batch's mean and unbiased variance.
# - *In evaluation* it uses the running statistics, so that what a sample gives does not depend on
#   the company it came in.
#
# The running statistics are not parameters: no gradient ever reaches them. They are part of the
# model all the same, and a checkpoint without them is worth nothing. `batchnorm_forward` is the
# pure function of `optimization`: it changes nothing that it is given, so whoever calls it has to
# keep the statistics that it gives back.

# %% provided=true
EPSILON = 1e-5  # what `batchnorm_forward` adds to the variance

ACTIVATIONS = {  # name: (the function, its slope written with its output)
    "identity": (lambda z: z, lambda out: 1),
    "relu": (lambda z: np.maximum(z, 0), lambda out: out > 0),
    "leaky_relu": (
        lambda z: np.maximum(z, z * z.dtype.type(0.01)),
        lambda out: np.where(out > 0, out.dtype.type(1), out.dtype.type(0.01)),
    ),
    "elu": (
        lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        lambda out: np.where(out > 0, 1, out + 1),
    ),
    "tanh": (np.tanh, lambda out: 1 - out * out),
}


def activation_forward(z, name):
    """out = f(z), element by element, for a name in `ACTIVATIONS`."""
    return ACTIVATIONS[name][0](z)


def activation_backward(dout, out, name):
    """dz = dout · f′(z), from the activation's output."""
    return dout * ACTIVATIONS[name][1](out)


# %% provided="optimization/batchnorm_forward"

# %% provided="optimization/batchnorm_backward"

# %% [markdown]
# ### The layer, forward and backward
#
# A layer is a dictionary of arrays. Without batch normalisation it has weights and biases:
#
# $$ \text{out} = f(x w + b), \qquad
#    \texttt{layer} = \{\texttt{"w"}: (D, M),\ \texttt{"b"}: (M,)\} . $$
#
# With it, the bias goes: the normalisation would subtract it again with the mean. Its place is
# taken by $\beta$:
#
# $$ \text{out} = f(\operatorname{batchnorm}(x w)), \qquad
#    \texttt{layer} = \{\texttt{"w"}, \texttt{"gamma"}, \texttt{"beta"}, \texttt{"mean"},
#    \texttt{"var"}\} . $$
#
# `mean` and `var` are the running statistics. In training they become what `batchnorm_forward`
# gives back, *in place*: its values are copied into the arrays that are there, as `array[...] =
# values` does, for those are the arrays that the network holds.
#
# Backward runs through the same three steps from the far end. Let $dz$ be the gradient at the
# product $z = x w$. Each $w_{ij}$ touches column $j$ of $z$ in every sample, each $x_{ni}$ touches
# row $n$, so
#
# $$ dw_{ij} = \sum_n x_{ni}\, dz_{nj}, \qquad dx_{ni} = \sum_j dz_{nj}\, w_{ij}, \qquad
#    db_j = \sum_n dz_{nj} . $$
#
# One thing is new. The first layer's `x` is data, and nobody asks how the loss depends on it. Its
# `dx` would be the dearest product of the whole backward pass, as wide as an image. So whoever
# calls may say that it is not wanted.

# %% exercise="block" points=8
def block_forward(x, layer, activation, training=True):
    """A layer: out = f(batchnorm(x w)) if it has a "gamma", else f(x w + b).

    Parameters
    ----------
    x : ndarray (N, D)
    layer : dict of ndarray
        "w" (D, M), and either "b" (M,), or "gamma", "beta", "mean" and "var", all (M,). In training
        the running statistics "mean" and "var" change in place, to those that `batchnorm_forward`
        gives; nothing else changes.
    activation : str
        A name in `ACTIVATIONS`.
    training : bool
        Which of its two lives batch normalisation leads.

    Returns
    -------
    out : ndarray (N, M)
    cache : tuple (x, w, normal, out, activation)
        normal is the cache of `batchnorm_forward`, or None for a layer without it.
    """
    ### BEGIN SOLUTION  the product, then batch normalisation or the bias, then the activation
    z, normal = x @ layer["w"], None
    if "gamma" in layer:
        running = layer["mean"], layer["var"]
        z, normal, running = batchnorm_forward(
            z, layer["gamma"], layer["beta"], running, training=training
        )
        layer["mean"][...], layer["var"][...] = running
    else:
        z += layer["b"]
    out = activation_forward(z, activation)
    return out, (x, layer["w"], normal, out, activation)
    ### END SOLUTION


def block_backward(dout, cache, want_dx=True):
    """Gradients of a layer, in training.

    Parameters
    ----------
    dout : ndarray (N, M)
        Upstream gradient, ∂L/∂out.
    cache : tuple (x, w, normal, out, activation)
        As `block_forward` returns it.
    want_dx : bool
        Whether dx is computed.

    Returns
    -------
    dx : ndarray (N, D), or None if it is not wanted
    gradients : dict of ndarray
        "w" (D, M) and "b" (M,); or "w", "gamma" and "beta" for a layer with batch normalisation.
    """
    ### BEGIN SOLUTION  back through the activation, the normalisation or the bias, and the product
    x, w, normal, out, activation = cache
    dz = activation_backward(dout, out, activation)
    if normal is None:
        gradients = {"b": dz.sum(axis=0)}
    else:
        dz, dgamma, dbeta = batchnorm_backward(dz, normal)
        gradients = {"gamma": dgamma, "beta": dbeta}
    gradients["w"] = x.T @ dz
    return (dz @ w.T if want_dx else None), gradients
    ### END SOLUTION


# %% [markdown]
# ## 3. The autoencoder
#
# The *encoder* has the widths `enc_dims`, $(D, \dots, K)$, the *decoder* the widths `dec_dims`,
# $(K, \dots, D)$. Layers are numbered through: 1 to $E$ encode, $E + 1$ to $L$ decode. The hidden
# ones have an activation and, if wanted, batch normalisation. Two layers have neither: layer $E$,
# so that a code may be any point of $\mathbb{R}^K$, and layer $L$, so that a pixel is a plain
# weighted sum.
#
# How good can it be? Without any activations $\hat x$ is a linear function of $x$ of rank at most
# $K$. The best of those is known: subtract the mean and project on the $K$ principal components.
# Baldi and Hornik (1989) showed that this is the only minimum that gradient descent can end in; all
# other critical points are saddles. (The codes are then a basis of the same subspace, not the
# principal components themselves.) So **PCA with the same $K$ is the mark to beat**, and only bent
# layers can.
#
# A model is more than its parameters, so the given class below keeps all named arrays of a network:
# `parameters` and their `gradients`, `statistics` (the running ones), and `training`, the mode. It
# also knows how to make layer $l$, with weights that are drawn as in `optimization`, and how to
# find its arrays again. `state` and `load_state` are what checkpoints are made of.

# %% provided="optimization/he_init"

# %% provided="optimization/xavier_init"

# %% provided="optimization/normal_init"

# %% provided=true
INITIALISERS = {"he": he_init, "xavier": xavier_init, "small": normal_init}


class Model:
    """The named arrays of a network of layers, numbered from 1."""

    def __init__(self, **config):
        self.config = config  # what it takes to make another one
        self.parameters, self.gradients, self.statistics = {}, {}, {}
        self.training = True

    def add_layer(self, number, inputs, outputs, init, batchnorm, rng):
        """Make the arrays of a layer: "w1", "b1"; or "w1", "gamma1", "beta1", "mean1", "var1"."""
        self.parameters[f"w{number}"] = INITIALISERS[init](inputs, outputs, rng)
        if batchnorm:
            self.parameters[f"gamma{number}"] = np.ones(outputs)
            self.parameters[f"beta{number}"] = np.zeros(outputs)
            self.statistics[f"mean{number}"] = np.zeros(outputs)
            self.statistics[f"var{number}"] = np.ones(outputs)
        else:
            self.parameters[f"b{number}"] = np.zeros(outputs)

    def layer(self, number):
        """The arrays of a layer by their short names, as `block_forward` takes them."""
        arrays = self.state()
        names = ("w", "b", "gamma", "beta", "mean", "var")
        return {name: arrays[f"{name}{number}"] for name in names if f"{name}{number}" in arrays}

    def state(self):
        """All arrays by name: the arrays themselves, which training goes on to change."""
        return {**self.parameters, **self.statistics}

    def load_state(self, state):
        """Copy values into the arrays."""
        for name, array in self.state().items():
            array[...] = state[name]

    def in_float32(self):
        """The same network, with all its arrays in float32."""
        for arrays in (self.parameters, self.statistics):
            arrays.update({name: array.astype(np.float32) for name, array in arrays.items()})
        return self


# %% [markdown]
# ### Forward and backward
#
# `encode` and `decode` string blocks together and keep their caches; `forward` is one after the
# other. Backward comes in two pieces that meet at the code: `decode_backward` turns the gradient at
# the reconstruction into the gradient $dz$ at the code, `encode_backward` takes it from there. The
# variational autoencoder will put something in between.
#
# One gradient may surprise you. If batch normalisation follows the code, adding a constant to all
# codes changes nothing, so the bias of layer $E$ gets the gradient 0, up to rounding.
#
# Only `training` mode is followed by a backward pass. In evaluation no cache has to be kept, and
# keeping none saves the memory of all hidden layers of a test set.

# %% exercise="Autoencoder" points=14
class Autoencoder(Model):
    """A fully-connected autoencoder.

    Parameters
    ----------
    enc_dims : sequence of E + 1 int
        Widths of the encoder, (D, …, K).
    dec_dims : sequence of int
        Widths of the decoder, (K, …, D). (The variational autoencoder's encoder ends in 2 K.)
    activation : str
        A name in `ACTIVATIONS`, for all layers but the encoder's and the decoder's last, which have
        none.
    init : str
        A name in `INITIALISERS`, for all layers.
    use_batchnorm : bool
        Whether the layers with an activation have batch normalisation.
    rng : numpy.random.Generator
        Draws the weights, layer 1 first.

    Attributes
    ----------
    parameters, statistics : dict of ndarray
        As `add_layer` makes them, the layers numbered from 1 to L through encoder and decoder.
    gradients : dict of ndarray
        The keys and shapes of `parameters`, filled by the backward passes; empty before.
    training : bool
        The mode, True at first.
    """

    def __init__(
        self, enc_dims, dec_dims, activation="relu", init="he", use_batchnorm=True, *, rng
    ):
        super().__init__(
            enc_dims=list(enc_dims), dec_dims=list(dec_dims), activation=activation, init=init,
            use_batchnorm=use_batchnorm,
        )
        ### BEGIN SOLUTION  add the layers of the encoder and of the decoder; note their activations
        self.code = len(enc_dims) - 1
        self.activations, self.caches = {}, {}
        pairs = [*pairwise(enc_dims), *pairwise(dec_dims)]
        for number, (inputs, outputs) in enumerate(pairs, start=1):
            hidden = number not in (self.code, len(pairs))
            self.activations[number] = activation if hidden else "identity"
            self.add_layer(number, inputs, outputs, init, hidden and use_batchnorm, rng)
        ### END SOLUTION

    def encode(self, x):
        """Codes of a batch; in training, what `encode_backward` needs is kept.

        Parameters
        ----------
        x : ndarray (N, D)

        Returns
        -------
        z : ndarray (N, K)
        """
        ### BEGIN SOLUTION  the encoder's layers, one after the other
        return self._run(x, range(1, self.code + 1))
        ### END SOLUTION

    def decode(self, z):
        """Reconstructions from codes; in training, what `decode_backward` needs is kept.

        Parameters
        ----------
        z : ndarray (N, K)

        Returns
        -------
        x_hat : ndarray (N, D)
        """
        ### BEGIN SOLUTION  the decoder's layers, one after the other
        return self._run(z, range(self.code + 1, len(self.activations) + 1))

    def _run(self, x, numbers):
        """Send x through some layers, keeping the caches in training."""
        for number in numbers:
            x, cache = block_forward(
                x, self.layer(number), self.activations[number], self.training
            )
            if self.training:
                self.caches[number] = cache
        return x

    def _run_back(self, dout, numbers):
        """Send dout back through some layers and keep their gradients."""
        for number in numbers:
            dout, gradients = block_backward(dout, self.caches[number], want_dx=number > 1)
            for name, gradient in gradients.items():
                self.gradients[f"{name}{number}"] = gradient
        return dout
        ### END SOLUTION

    def forward(self, x):
        """Reconstructions x_hat (N, D) of a batch x (N, D)."""
        return self.decode(self.encode(x))

    def decode_backward(self, dx_hat):
        """Gradients of the decoder, for the batch of the last `decode` in training.

        They replace in `gradients` what was there before.

        Parameters
        ----------
        dx_hat : ndarray (N, D)
            Upstream gradient, ∂L/∂x_hat.

        Returns
        -------
        dz : ndarray (N, K)
            Gradient with respect to the codes.
        """
        ### BEGIN SOLUTION  the decoder's layers in reverse order, each with its own cache
        return self._run_back(dx_hat, range(len(self.activations), self.code, -1))
        ### END SOLUTION

    def encode_backward(self, dz):
        """Gradients of the encoder, for the batch of the last `encode` in training.

        They replace in `gradients` what was there before.

        Parameters
        ----------
        dz : ndarray (N, K)
            Gradient with respect to the codes.
        """
        ### BEGIN SOLUTION  the encoder's layers in reverse order, each with its own cache
        self._run_back(dz, range(self.code, 0, -1))
        ### END SOLUTION

    def backward(self, dx_hat):
        """Gradients of all parameters, from the gradient dx_hat (N, D) at the reconstructions."""
        self.encode_backward(self.decode_backward(dx_hat))


# %% [markdown]
# ## 4. Training that knows when to stop
#
# ### Adam, given
#
# The step is Adam's (Kingma and Ba, 2015), which you know from `optimization`. It divides each
# parameter's averaged gradient by the root of its averaged square, so that all parameters move at a
# similar pace, and it asks for less care with the learning rate than plain descent. `adam_step`
# makes that step for every parameter, and writes the result into the array that is there.
#
# The learning rate falls along half a cosine wave (Loshchilov and Hutter, 2017). Towards the end
# the steps are so small that the noise of the mini-batches averages out; the last tenth of a
# training often brings more than the third before it.

# %% provided="optimization/adam"

# %% provided=true
def adam_step(parameters, gradients, moments, rate):
    """One step of Adam, in place; `moments` is a dictionary of its own, empty at first.

    Adam works element by element, so a large array may go through it in pieces, some rows at a
    time: what fits into the processor's cache is done faster.
    """
    for name, gradient in gradients.items():
        rows = 1 + 2**15 * len(gradient) // gradient.size
        for start in range(0, len(gradient), rows):
            piece, key = slice(start, start + rows), (name, start)
            param, grad = parameters[name][piece], gradient[piece]
            made = adam(param, grad, moments.get(key, {}), learning_rate=float(rate))
            param[...], moments[key] = made


def cosine(rate, epochs):
    """One learning rate for each epoch, from `rate` down towards 0 along half a cosine wave."""
    return rate / 2 * (1 + np.cos(np.pi * np.arange(epochs) / epochs))


# %% [markdown]
# ### Weight decay
#
# A network with more weights than it needs can spend them on learning the noise of its training
# set. *Weight decay* makes weight cost something: it adds to the loss
#
# $$ R = \frac{\lambda}{2} \sum_l \lVert w_l \rVert^2, \qquad
#    \frac{\partial R}{\partial w_l} = \lambda\, w_l , $$
#
# which pulls every weight towards 0 in proportion to its size (Krogh and Hertz, 1992). The ½ is
# there for the derivative. Biases, $\gamma$ and $\beta$ are left alone, as is customary: they are
# few, and a pull on them costs more than it helps.
#
# Two things change the pull here. Adam divides it, like any part of the gradient, by the root of
# the averaged square, so that what arrives is no longer in proportion. (One can subtract a multiple
# of $w_l$ beside Adam's step instead, as Loshchilov and Hutter (2019) do; that is then no longer a
# descent on $L + R$.) And where batch normalisation follows, a matrix twice as large gives the same
# output, so the decay acts on the pace of learning rather than on the function (van Laarhoven,
# 2017). The experiment on regularisation does without batch normalisation.

# %% exercise="weight_decay" points=4
def weight_decay(parameters, strength):
    """The penalty ½ λ Σ ‖w‖² over the weights, and its gradients.

    Parameters
    ----------
    parameters : dict of ndarray
        As in a `Model`: the weights are those whose name begins with "w".
    strength : float
        λ.

    Returns
    -------
    penalty : float
    gradients : dict of ndarray
        For the weights, and for nothing else: same names, same shapes, new arrays.
    """
    ### BEGIN SOLUTION  half of the sum of all squared weights, times λ; and λ w for each weight
    weights = {name: array for name, array in parameters.items() if name.startswith("w")}
    penalty = 0.5 * strength * sum(np.vdot(w, w) for w in weights.values())
    return penalty, {name: strength * w for name, w in weights.items()}
    ### END SOLUTION


# %% [markdown]
# ### Early stopping
#
# The loss on the training set falls as long as you train. The loss on *validation* data, which no
# gradient ever sees, falls, levels out, and often rises again: from then on the network learns what
# is special about the training set. The best network is the one at the bottom. But the curve is
# noisy, and you only know the bottom once you have left it. So (Prechelt, 1998):
#
# - after each epoch, compare the validation loss with the best so far, and if it is *lower*, take a
#   copy of the whole model (an equal one is no improvement, and neither is `nan`);
# - once `patience` epochs in a row have brought no improvement, stop;
# - go back to the copy.
#
# A *copy*: training goes on to change the arrays in place, and a mere reference would follow them
# away from the best epoch.

# %% exercise="EarlyStopping" points=7
class EarlyStopping:
    """Watches the validation loss, and keeps the state of the best epoch.

    Parameters
    ----------
    patience : int
        As many epochs in a row without improvement end the training; at least 1.

    Attributes
    ----------
    best_loss : float
        The lowest validation loss so far; infinity before the first.
    best_epoch : int
        Its epoch, counted from 1; 0 before the first.
    best_state : dict of ndarray
        A copy of the state at that epoch; None before the first.
    """

    def __init__(self, patience):
        ### BEGIN SOLUTION  nothing seen so far
        self.patience = patience
        self.epoch = 0
        self.best_loss, self.best_epoch, self.best_state = np.inf, 0, None
        ### END SOLUTION

    def update(self, loss, state):
        """Take note of one more epoch.

        Parameters
        ----------
        loss : float
            Validation loss after the epoch. An improvement is lower than all before; `nan` never
            is.
        state : dict of ndarray
            The model's arrays, which the training will go on to change.

        Returns
        -------
        stop : bool
            Whether the last `patience` epochs have brought no improvement.
        """
        ### BEGIN SOLUTION  copy the state of the best epoch; say whether patience is at an end
        self.epoch += 1
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, self.epoch
            self.best_state = {name: array.copy() for name, array in state.items()}
        return self.epoch - self.best_epoch >= self.patience
        ### END SOLUTION


# %% [markdown]
# ### The loop
#
# Now the loop that holds all of it. So that it can train both kinds of autoencoder, what is to be
# minimised comes as an argument: `objective(model, x)` gives the loss of a batch and, in training
# mode, leaves its gradients in `model.gradients`. For the plain autoencoder it is the function
# `reconstruction` below.
#
# Two details. Batch normalisation makes nothing of a batch of one, and little of two, so a last
# batch that is smaller than the others is left out; the next epoch is shuffled anew and will have
# other samples there. And validation is done in evaluation mode, with all of the validation data at
# once. `minibatches` is that of `optimization`; the targets that it wants are the inputs here.

# %% provided="optimization/minibatches"

# %% provided=true
def reconstruction(model, x):
    """The objective of an autoencoder: the reconstruction loss, and in training its gradients."""
    loss, dx_hat = reconstruction_loss(model.forward(x), x)
    if model.training:
        model.backward(dx_hat)
    return loss


# %% exercise="fit" points=10
def fit(
    model, objective, x, x_val, *, learning_rates, batch_size, rng, decay=0.0, stopping=None
):
    """Train a model with Adam, weight decay and early stopping; return the history.

    Parameters
    ----------
    model : Model
        Trained in place. At the end it holds the best state that `stopping` has kept (without
        `stopping`, or where it has kept none, the last), and is in evaluation mode.
    objective : callable (model, x) -> loss
        In training mode it leaves the gradients in model.gradients; in evaluation it only
        evaluates.
    x : ndarray (N, D)
        Training data; not changed.
    x_val : ndarray (N_val, D)
        Validation data.
    learning_rates : iterable of float
        One for each epoch.
    batch_size : int
        At most N. Each epoch draws one rng.permutation(N) and takes its samples in that order, in
        consecutive batches; a smaller last batch is left out.
    rng : numpy.random.Generator
    decay : float
        λ of the weight decay, whose gradients are added to those of the objective before each step.
    stopping : EarlyStopping, optional
        Sees the validation loss and `model.state()` after each epoch, and ends the training.

    Returns
    -------
    history : dict of lists of float, one entry an epoch
        "loss": mean over the batches of the objective in training mode, each before its step,
        without the penalty; "val_loss": the objective on x_val in evaluation mode.
    """
    ### BEGIN SOLUTION  epochs of batches: objective, decay, step; validation; the best at the end
    history, moments = {"loss": [], "val_loss": []}, {}
    for rate in learning_rates:
        model.training = True
        losses = []
        for batch, _ in minibatches(x, x, batch_size, rng):
            if len(batch) < batch_size:
                break
            losses.append(objective(model, batch))
            gradients = dict(model.gradients)
            if decay:
                _, pull = weight_decay(model.parameters, decay)
                gradients |= {name: gradients[name] + extra for name, extra in pull.items()}
            adam_step(model.parameters, gradients, moments, rate)
        model.training = False
        history["loss"].append(float(np.mean(losses)))
        history["val_loss"].append(float(objective(model, x_val)))
        if stopping is not None and stopping.update(history["val_loss"][-1], model.state()):
            break
    if stopping is not None and stopping.best_state is not None:
        model.load_state(stopping.best_state)
    return history
    ### END SOLUTION


# %% [markdown]
# ### Which settings?
#
# Depth, width, learning rate, activation, decay: no gradient leads to those. The plain way is a
# *grid*: write down a few values of each, try all combinations, and take the one with the lowest
# *validation* loss. The test set stays out of it. A choice among many settings fits the data that
# it is made on, a little, like any training, and the test set is there to tell the truth once.

# %% exercise="grid_search" points=5
def grid_search(evaluate, grid):
    """Try all combinations of settings and find the best one.

    Parameters
    ----------
    evaluate : callable (**settings) -> loss
        Called once for each combination; its loss may be nan, which never wins.
    grid : dict of lists
        The values to try, by the name of the setting.

    Returns
    -------
    best : dict
        The settings with the lowest loss, the first of them if several are equal; None if every
        loss is nan. (An infinite loss is a loss, and wins where all others are nan.)
    trials : list of tuple (settings, loss)
        All combinations in the order in which they were tried: that of nested loops, the first name
        outermost.
    """
    ### BEGIN SOLUTION  evaluate every combination; remember the lowest loss
    trials, best, lowest = [], None, np.inf
    for values in product(*grid.values()):
        settings = dict(zip(grid, values, strict=True))
        loss = evaluate(**settings)
        trials.append((settings, loss))
        if loss < lowest or (best is None and loss == lowest):
            best, lowest = settings, loss
    return best, trials
    ### END SOLUTION


# %% [markdown]
# ## 5. Looking at the result
#
# ### Processing a data set
#
# Once trained, a model is applied to a whole data set and the result is kept: the codes, the
# reconstructions, and how good each is. A pixel lies between 0 and 1 and the last layer is linear,
# so values beyond are *clamped*: cut off at 0 and 1. That can only bring them closer to the truth.
# The error of each sample is measured on what is kept, so after clamping. The samples go through in
# batches, for the hidden layers of a million images need not exist all at once; in evaluation mode
# the result does not depend on how they are cut.

# %% exercise="process" points=6
def process(model, x, y, dataset, batch_size=500):
    """Encode and reconstruct a data set, in evaluation mode and in batches.

    Parameters
    ----------
    model : Autoencoder
        Its mode is afterwards what it was before, and its arrays too.
    x : ndarray (N, D)
        Inputs from 0 to 1.
    y : ndarray (N,)
        Labels; the model does not see them.
    dataset : str
        The name of the data set.
    batch_size : int
        Samples that go through at a time; the last batch may be smaller.

    Returns
    -------
    dict
        "Z" (N, K), the codes; "Yhat" (N, D), the reconstructions clamped to [0, 1]; "mse" (N,), the
        mean squared error of each sample of Yhat; "y" and "dataset" as they were given.
    """
    ### BEGIN SOLUTION  codes and clamped reconstructions batch by batch, then the errors
    mode, model.training = model.training, False
    batches = [x[start : start + batch_size] for start in range(0, len(x), batch_size)]
    codes = [model.encode(batch) for batch in batches]
    reconstructions = np.clip(np.concatenate([model.decode(z) for z in codes]), 0, 1)
    model.training = mode
    mse = ((reconstructions - x) ** 2).mean(axis=1)
    z = np.concatenate(codes)
    return {"Z": z, "Yhat": reconstructions, "mse": mse, "y": y, "dataset": dataset}
    ### END SOLUTION


# %% [markdown]
# ### Decibels
#
# Engineers compare images by the *peak signal-to-noise ratio*: the mean squared error beside the
# square of the largest value $p$ that a pixel may have, on a logarithmic scale,
#
# $$ \text{PSNR}_n = 10\, \log_{10} \frac{p^2}{\text{mse}_n} \ \text{dB}, \qquad
#    \text{mse}_n = \frac{1}{D} \sum_d (\hat x_{nd} - x_{nd})^2 . $$
#
# An error ten times smaller is 10 dB more. With $p = 1$, $\text{mse} = 0.01$ is 20 dB; a good JPEG
# has 35. Equal images have infinitely many, and the function should say so without a warning.

# %% exercise="psnr" points=3
def psnr(x_hat, x, peak=1.0):
    """Peak signal-to-noise ratio of each sample, in decibels.

    Parameters
    ----------
    x_hat, x : ndarray (N, D)
        Reconstructions and originals.
    peak : float
        The largest value that a pixel may have.

    Returns
    -------
    ndarray (N,)
        10 log₁₀(peak² / mse_n); infinity, without a warning, where both are equal.
    """
    ### BEGIN SOLUTION  the mean squared error of each row, then decibels
    mse = ((x_hat - x) ** 2).mean(axis=1)
    with np.errstate(divide="ignore"):
        return -10 * np.log10(mse / peak**2)
    ### END SOLUTION


# %% [markdown]
# ### What does a hidden unit look for?
#
# A unit of the first layer weighs the pixels, and its weights, laid out as an image, show what it
# answers to: a *filter*. With batch normalisation the weights alone mislead, for the unit's sum is
# stretched before it is used. In evaluation,
#
# $$ \gamma_j \frac{\sum_d x_{nd} w_{dj} - m_j}{\sqrt{v_j + \varepsilon}} + \beta_j
#    = \sum_d x_{nd} \underbrace{\frac{\gamma_j}{\sqrt{v_j + \varepsilon}}\, w_{dj}}_{f_{jd}}
#    + \text{const}_j , $$
#
# with the running $m$ and $v$. So $f_{jd}$ is the filter: a negative $\gamma$ turns light and dark
# round, and a small $v$ makes strong what looked weak.

# %% exercise="first_layer_filters" points=3
def first_layer_filters(layer):
    """What the units of a first layer answer to, with the scale of its batch normalisation.

    Parameters
    ----------
    layer : dict of ndarray
        As in `block_forward`, with batch normalisation or without.

    Returns
    -------
    filters : ndarray (M, D)
        One filter a row: f_jd = γ_j / √(v_j + ε) · w_dj with the running variance v and ε =
        EPSILON, or w_dj for a layer without batch normalisation.
    """
    ### BEGIN SOLUTION  the columns of w, scaled
    w = layer["w"]
    if "gamma" in layer:
        w = w * (layer["gamma"] / np.sqrt(layer["var"] + EPSILON))
    return w.T.copy()
    ### END SOLUTION


# %% [markdown]
# Deeper units see no pixels. Still, each weighs the units below it, so one can add up *their*
# filters with *its* weights. That passes over the activation in between, as if every unit below
# were switched on; it is a sketch, not a portrait, and it shows surprisingly well what a unit of
# the second layer puts together:
#
# $$ g_{kd} = s_k \sum_j w^{(2)}_{jk}\, f_{jd}, \qquad
#    s_k = \frac{\gamma^{(2)}_k}{\sqrt{v^{(2)}_k + \varepsilon}} \text{ or } 1 . $$

# %% exercise="second_layer_filters" points=3
def second_layer_filters(first, second):
    """Filters of a second layer, projected back to the input through those of the first.

    Parameters
    ----------
    first, second : dict of ndarray
        Two layers as in `block_forward`, (D, J) and (J, M), each with batch normalisation or
        without.

    Returns
    -------
    filters : ndarray (M, D)
        g_kd = s_k Σ_j w_jk f_jd, with f the filters of the first layer, w the weights of the second
        and s the scale of the second's batch normalisation, or 1.
    """
    ### BEGIN SOLUTION  the second layer's filters over the units of the first, times their filters
    return first_layer_filters(second) @ first_layer_filters(first)
    ### END SOLUTION


# %% [markdown]
# ## 6. Experiments
#
# They use Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017), 28×28 grey pixels, if it is on this
# machine; `data.load("fashion_mnist")` downloads it once. Otherwise the handwritten digits stand in
# (Alpaydin and Kaynak, 1998), 8×8 pixels, which come with the kit. Pixels run from 0 to 1. A sixth
# of the training images is held back for validation. In the short form a large data set is cut
# down to 6,000 images, which is enough to see everything and too little for the best numbers;
# `CHAINRULE_FULL=1` has the long form.
#
# What is trained once is kept: `checkpoint` writes a model's arrays to an `.npz` file beside the
# notebook, in the folder `results`, together with what it takes to build it, and `restored` makes
# the model again. The experiments after the first use its checkpoint. If you change your network,
# run that one again.

# %% provided=true
import json
from types import SimpleNamespace

from autograder.experiment import results

SETTINGS = {
    "digits": {
        "title": "handwritten digits",
        "hidden": (128, 64), "codes": 8, "many_codes": 32, "batch_size": 32,
        "epochs": 200 if FULL else 120, "grid_epochs": 40 if FULL else 20, "decays": [0.0, 1e-4],
        "best": {"activation": "relu", "decay": 1e-4, "rate": 3e-3},
    },
    "fashion_mnist": {
        "title": "Fashion-MNIST",
        "hidden": (512, 256), "codes": 32, "many_codes": 128, "batch_size": 128,
        "epochs": 16 if FULL else 8, "grid_epochs": 6 if FULL else 3, "decays": [0.0, 1e-6],
        "best": {"activation": "relu", "decay": 0.0, "rate": 3e-3},
    },
}  # fmt: skip


def load_images():
    """Training, validation and test images with their labels, and the settings that suit them."""
    dataset = data.at_hand("fashion_mnist", download=FULL)
    x, x_test = data.pixels(dataset)
    order = np.random.default_rng(0).permutation(len(x))
    whole = FULL or len(x) < 6000
    order, test = (order, slice(None)) if whole else (order[:6000], slice(2000))
    val, train = order[: len(order) // 6], order[len(order) // 6 :]
    return SimpleNamespace(
        name=dataset.name, title=SETTINGS[dataset.name]["title"], classes=dataset.classes,
        shape=dataset.x_train.shape[1:], whole=whole, settings=SETTINGS[dataset.name],
        train=x[train], y_train=dataset.y_train[train], val=x[val], y_val=dataset.y_train[val],
        test=x_test[test], y_test=dataset.y_test[test],
    )  # fmt: skip


def note(images, **numbers):
    """Keep numbers for the record, under the data set's name; those of a part of it count not."""
    if images.whole:
        NUMBERS.update({f"{images.name}_{key}": float(value) for key, value in numbers.items()})


def new_model(images, *, codes=None, outputs=None, hidden=None, seed=0, **options):
    """An autoencoder for these images, in float32."""
    d, k = images.train.shape[1], codes or images.settings["codes"]
    hidden = hidden or images.settings["hidden"]
    encoder, decoder = [d, *hidden, outputs or k], [k, *hidden[::-1], d]
    return Autoencoder(encoder, decoder, **options, rng=np.random.default_rng(seed)).in_float32()


def fit_with_bar(model, images, rates, *, objective=reconstruction, label="training", **options):
    """`fit` on the training images, with a progress bar."""
    from tqdm.auto import tqdm

    options = {"batch_size": images.settings["batch_size"], **options}
    x, rng = options.pop("x", images.train), np.random.default_rng(1)
    bar = tqdm(rates, desc=label, unit="epoch")
    return fit(model, objective, x, images.val, learning_rates=bar, rng=rng, **options)


def mean_error(model, x):
    """Mean squared error of the clamped reconstructions."""
    return float(process(model, x, np.zeros(len(x)), "")["mse"].mean())


def principal_components(x, k):
    """Mean and the first k principal components, (D,) and (k, D)."""
    mean = x.mean(axis=0)
    _, vectors = np.linalg.eigh((x - mean).T @ (x - mean))
    return mean, vectors.T[::-1][:k]


def pca_error(images, k):
    """Mean squared error on the test images of a projection on k principal components."""
    mean, components = principal_components(images.train, k)
    x_hat = (images.test - mean) @ components.T @ components + mean
    return float(np.mean((x_hat - images.test) ** 2))


def checkpoint(model, images, name):
    """Keep a model: its arrays, and what it takes to make another one."""
    np.savez(kept(images, name), config=json.dumps(model.config), **model.state())


def restored(images, name):
    """Make a model again from its checkpoint, in evaluation mode."""
    with np.load(kept(images, name)) as archive:
        state = dict(archive)
    config = json.loads(str(state.pop("config")))
    model = Autoencoder(**config, rng=np.random.default_rng(0)).in_float32()
    model.load_state(state)
    model.training = False
    return model


def kept(images, name):
    """The file of what is kept under a name, for this data set and length."""
    length = "full" if FULL else "short"
    return results() / f"{images.name}-{length}-{name}.npz"


def best_settings(images):
    """What the grid has found, or a good guess where it was not run."""
    path = kept(images, "grid").with_suffix(".json")
    return json.loads(path.read_text()) if path.is_file() else images.settings["best"]


def best_model(images):
    """The autoencoder of the experiment `reconstruction`: from its checkpoint, else trained now."""
    if not kept(images, "autoencoder").is_file():
        train_best(images)
    return restored(images, "autoencoder")


def train_best(images, codes=None):
    """Train with the best settings and early stopping; keep the model."""
    found = best_settings(images)
    model = new_model(images, codes=codes, activation=found["activation"])
    stopping = EarlyStopping(patience=10)
    history = fit_with_bar(
        model, images, cosine(found["rate"], images.settings["epochs"]), decay=found["decay"],
        stopping=stopping, label=f"K = {model.config['dec_dims'][0]}",
    )  # fmt: skip
    checkpoint(model, images, "autoencoder" if codes is None else f"autoencoder-{codes}")
    return history, stopping


def draw_rows(images, rows):
    """Rows of (name, ten images), one below the other."""
    stacked = np.concatenate([x for _, x in rows]).reshape(-1, *images.shape)
    axes = draw_images(stacked, columns=10, height=1.05, vmin=0, vmax=1)
    for axis, (name, _) in zip(axes[::10], rows, strict=True):
        axis.text(-0.15, 0.5, name, transform=axis.transAxes, ha="right", va="center", fontsize=9)


def draw_reconstructions(images, reconstructions):
    """A test image of each class, what became of it by name, and the mean PSNR of these ten."""
    shown = [int(np.argmax(images.y_test == label)) for label in range(10)]
    rows = [("original", images.test[shown])]
    for name, x_hat in reconstructions.items():
        decibels = psnr(x_hat[shown], images.test[shown]).mean()
        rows.append((f"{name}\n{decibels:.1f} dB", x_hat[shown]))
    draw_rows(images, rows)


def draw_filters(images, filters, title, count=32):
    """The strongest filters as a sheet, each scaled by its own largest weight."""
    strongest = np.argsort(-np.linalg.norm(filters, axis=1))[:count]
    scaled = filters[strongest] / np.abs(filters[strongest]).max(axis=1, keepdims=True)
    draw_images(
        scaled.reshape(-1, *images.shape), columns=8, height=1.15, cmap="PuOr_r", vmin=-1, vmax=1,
        title=title,
    )  # fmt: skip


def map_codes(z, seed=0):
    """Lay codes out in the plane with UMAP."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells that a fixed seed costs it its threads
        import umap

        return umap.UMAP(random_state=seed, n_jobs=1).fit_transform(z)


# %% [markdown]
# ### Without activations: PCA in disguise
#
# First a test of the theory. A linear autoencoder with one layer each way should end at the error
# of PCA and never below it, on the data that it is trained on.

# %% experiment="linear"
images = load_images()
k = images.settings["codes"]
mean, components = principal_components(images.train, k)
x_hat = (images.train - mean) @ components.T @ components + mean
floor = float(np.mean((x_hat - images.train) ** 2))

model = Autoencoder(
    [images.train.shape[1], k], [k, images.train.shape[1]], init="xavier",
    rng=np.random.default_rng(0),
).in_float32()
epochs = 100 if images.name == "digits" else 30
history = fit_with_bar(model, images, cosine(0.01 if images.name == "digits" else 3e-3, epochs))
reached = float(np.mean((model.forward(images.train) - images.train) ** 2))

(axis,) = figure()
axis.semilogy(range(1, epochs + 1), history["loss"], label="linear autoencoder, training")
axis.axhline(floor, color="black", linestyle="--", label=f"PCA, K = {k}")
axis.set(xlabel="epoch", ylabel="mean squared error", title=f"Without activations, {images.title}")
axis.legend()

NUMBERS["linear_over_pca"] = reached / floor

# %% [markdown]
# ### The grid
#
# ReLU or tanh, with or without weight decay, a small or a large learning rate: eight short
# trainings on a part of the training set, judged by their validation loss. All have batch
# normalisation.

# %% experiment="grid"
images = load_images()
part, histories = images.train[:10_000], []


def evaluate(activation, decay, rate):
    """Train briefly with these settings; the best validation loss."""
    model = new_model(images, activation=activation)
    stopping = EarlyStopping(patience=5)
    rates = cosine(rate, images.settings["grid_epochs"])
    label = f"{activation}, λ = {decay:g}, rate {rate:g}"
    options = {"x": part, "decay": decay, "stopping": stopping, "label": label}
    histories.append((label, fit_with_bar(model, images, rates, **options)["val_loss"]))
    return stopping.best_loss


grid = {"activation": ["relu", "tanh"], "decay": images.settings["decays"], "rate": [1e-3, 3e-3]}
best, trials = grid_search(evaluate, grid)
kept(images, "grid").with_suffix(".json").write_text(json.dumps(best))
losses = [loss for _, loss in trials]
winner = [settings for settings, _ in trials].index(best)

left, right = figure(2, height=3.8)
for place, (_, losses_by_epoch) in enumerate(histories):
    style = {"color": "C0", "linewidth": 3, "zorder": 3} if place == winner else {"color": "0.6"}
    left.semilogy(range(1, len(losses_by_epoch) + 1), losses_by_epoch, **style)
left.set(xlabel="epoch", ylabel="validation loss", title="The best in blue")
order = np.argsort(losses)[::-1]
colours = ["C0" if place == winner else "0.75" for place in order]
bars = right.barh([histories[i][0] for i in order], [losses[i] for i in order], color=colours)
right.bar_label(bars, [f"{losses[i]:.4f}" for i in order], padding=3, fontsize=8)
right.set(xlabel="lowest validation loss", title=images.title)
right.tick_params(axis="y", labelsize=8)
right.locator_params(axis="x", nbins=4)
right.margins(x=0.2)

note(images, grid_best=min(losses), grid_worst=max(losses))

# %% [markdown]
# ### The best autoencoder, and PCA beside it
#
# The winner is trained at full length. Its best epoch goes to disk and comes back, and the test set
# goes through the network that came back. The file with codes, reconstructions and errors is what
# the next experiments read.

# %% experiment="reconstruction"
images = load_images()
history, stopping = train_best(images)
model = restored(images, "autoencoder")
same = float(reconstruction(model, images.val))
processed = process(model, images.test, images.y_test, images.name)
np.savez(kept(images, "test"), **processed)

k, many = images.settings["codes"], images.settings["many_codes"]
train_best(images, codes=many)
wide = mean_error(restored(images, f"autoencoder-{many}"), images.test)
sizes = [s for s in (2, 4, 8, 16, 32, 64, 128) if s <= many]
by_pca = {size: pca_error(images, size) for size in sizes}

left, right = figure(2)
draw_curves(
    left, {"training": history["loss"], "validation": history["val_loss"]},
    ylabel="mean squared error", title=f"{images.title}, K = {k}", yscale="log",
)  # fmt: skip
left.axvline(stopping.best_epoch, color="black", linestyle=":", label="best epoch")
left.legend()
right.semilogx(sizes, list(by_pca.values()), "s--", color="C1", label="PCA")
errors = [processed["mse"].mean(), wide]
right.semilogx([k, many], errors, "o", color="C0", markersize=9, label="autoencoder")
right.set(xlabel="numbers in a code, K", ylabel="mean squared error, test")
right.set_title("Short or long codes")
right.set_xticks(sizes, sizes)
right.minorticks_off()
right.set_ylim(bottom=0)
right.legend()

draw_reconstructions(images, {f"K = {k}": processed["Yhat"]})

note(
    images, test_mse=processed["mse"].mean(), pca_mse=by_pca[k], many_codes_mse=wide,
    many_codes_pca_mse=by_pca[many], many_codes_over_pca=wide / by_pca[many],
    psnr=psnr(processed["Yhat"], images.test).mean(),
    checkpoint_difference=abs(same - stopping.best_loss) / stopping.best_loss,
    over_pca=processed["mse"].mean() / by_pca[k],
)  # fmt: skip

# %% [markdown]
# With short codes the autoencoder is well below PCA; with long ones PCA overtakes it. PCA has a
# closed form and finds its optimum exactly, whatever $K$ is, while the network has to learn by
# descent even to hand its input through. The bottleneck is what makes the bent layers worth their
# trouble.
#
# ### Filters
#
# The 32 strongest filters of the first two layers, each scaled by its own largest weight. Orange
# answers to ink, purple to its absence. A picture that comes more than once is no mistake: nothing
# keeps two units from learning the same.

# %% experiment="filters"
images = load_images()
model = best_model(images)
first, second = model.layer(1), model.layer(2)
draw_filters(images, first_layer_filters(first), "First layer")
draw_filters(images, second_layer_filters(first, second), "Second layer, projected to the input")

# %% [markdown]
# ### A map of the codes
#
# No label was used so far. UMAP (McInnes, Healy and Melville, 2018) lays points of a
# high-dimensional space out in the plane so that neighbours stay neighbours. Distances between
# far-apart clusters mean little, and neither do its axes; what does mean something is which images
# lie together. Only now do the labels come in, as colours.

# %% experiment="codes"
images = load_images()
model = best_model(images)
chosen = slice(3000)
processed = process(model, images.test[chosen], images.y_test[chosen], images.name)
plane = map_codes(processed["Z"])

(axis,) = figure(height=5.5)
title = f"Codes of the test images, {images.title}"
draw_classes(axis, plane, processed["y"], images.classes, title=title, xticks=[], yticks=[])
axis.set(xlabel="UMAP, first coordinate", ylabel="second coordinate")

from sklearn.neighbors import KNeighborsClassifier

halves = len(plane) // 2
neighbours = KNeighborsClassifier(10).fit(processed["Z"][:halves], processed["y"][:halves])
agreement = neighbours.score(processed["Z"][halves:], processed["y"][halves:])
note(images, neighbours_agree=agreement)

# %% [markdown]
# ### What regularisation buys
#
# Few images, a wide network, a large learning rate and no restraint: this is how to learn a
# training set by heart. The baseline gets all of its epochs; the regularised twin has weight decay
# and stops early. Both see the same images in the same order.

# %% experiment="regularised"
images = load_images()
few = images.train[: 300 if images.name == "digits" else 3000]
epochs = {"digits": 150, "fashion_mnist": 60 if FULL else 25}[images.name]
decay = {"digits": 3e-4, "fashion_mnist": 1e-5}[images.name]
runs = {}
for name, strength, patience in (("baseline", 0.0, None), ("regularised", decay, 15)):
    model = new_model(images, use_batchnorm=False, hidden=(512, 256))
    stopping = EarlyStopping(patience) if patience else None
    history = fit_with_bar(
        model, images, [2e-3] * epochs, x=few, decay=strength, stopping=stopping, label=name
    )
    runs[name] = history, process(model, images.test, images.y_test, images.name)

left, right = figure(2)
for (name, (history, _)), colour in zip(runs.items(), ("C1", "C0"), strict=True):
    for key, style, label in (("loss", ":", "training"), ("val_loss", "-", "validation")):
        numbers = range(1, len(history[key]) + 1)
        left.semilogy(numbers, history[key], style, color=colour, label=f"{name}, {label}")
left.set(xlabel="epoch", ylabel="mean squared error", title=f"{len(few)} training images")
left.legend(fontsize=8)
boxes = right.boxplot(
    [out["mse"] for _, out in runs.values()], tick_labels=list(runs), widths=0.5, showfliers=False,
    patch_artist=True, medianprops={"color": "black"}, whis=(5, 95),
)  # fmt: skip
for box, colour in zip(boxes["boxes"], ("C1", "C0"), strict=True):
    box.set_facecolor(colour)
right.set(ylabel="mean squared error of a test image", title="Median, quartiles, 5 % to 95 %")
right.set_ylim(bottom=0)

for axis, (name, (_, out)) in zip(figure(2, height=4.4), runs.items(), strict=True):
    plane = map_codes(out["Z"][:2000])
    draw_classes(axis, plane, out["y"][:2000], images.classes, size=10, title=f"Codes, {name}")
    axis.set(xticks=[], yticks=[], xlabel="UMAP, first coordinate", ylabel="second coordinate")

draw_reconstructions(images, {name: out["Yhat"] for name, (_, out) in runs.items()})

errors = {name: out["mse"].mean() for name, (_, out) in runs.items()}
note(images, regularised_over_baseline=errors["regularised"] / errors["baseline"])

# %% [markdown]
# ## 7. What are the codes worth?
#
# A code that lets you redraw the picture holds most of what is in it. Does that make it easier to
# *name* what is in it? The test is a classifier as simple as can be, one linear layer and a
# softmax, on the raw pixels and on the codes. A simple one on purpose: a powerful classifier would
# tell more about itself than about what it is given.
#
# ### A few labels, fairly drawn
#
# The question is most interesting where labels are rare. Images without labels are free, and the
# autoencoder has seen all of them; somebody has to be paid for labels. If you draw ten labels a
# class, draw them *stratified*, the same number from each class: a purely random handful may miss a
# class altogether.

# %% exercise="few_labels" points=3
def few_labels(y, per_class, rng):
    """Draw the same number of samples from each class, at random and without repetition.

    Parameters
    ----------
    y : ndarray (N,) of int
        Labels.
    per_class : int
        At most as many as the rarest class has.
    rng : numpy.random.Generator

    Returns
    -------
    indices : ndarray (C · per_class,) of int
        Places in y, in any order, each at most once; C is the number of distinct labels.
    """
    ### BEGIN SOLUTION  for each class, draw from the places where it stands
    places = [np.flatnonzero(y == label) for label in np.unique(y)]
    return np.concatenate([rng.choice(place, per_class, replace=False) for place in places])
    ### END SOLUTION


# %% [markdown]
# ### The classifier
#
# Softmax regression: scores $s_{nc} = \sum_d x_{nd} w_{dc} + b_c$, probabilities $p_{nc} =
# e^{s_{nc}} / \sum_k e^{s_{nk}}$, and the cross-entropy with weight decay as its loss,
#
# $$ L = -\frac{1}{N} \sum_n \log p_{n, y_n} + \frac{\lambda}{2} \lVert w \rVert^2 . $$
#
# You know from `mlp` that the gradient by the scores is $(p - t)/N$ with one-hot rows $t$, and that
# the largest score of each row is subtracted first, so that nothing overflows. The rest is one
# linear layer. Weight decay matters here: two images a class are far fewer images than there are
# pixels, so that some $w$ tells them apart without a fault, and without the penalty the weights
# would grow for ever.

# %% exercise="classifier_loss" points=5
def classifier_loss(w, b, x, y, strength=0.0):
    """Cross-entropy of softmax regression with weight decay, and its gradients.

    loss = −(1/N) Σ_n log softmax(x w + b)_{n, y_n} + ½ λ ‖w‖², finite for any finite scores.

    Parameters
    ----------
    w : ndarray (D, C)
    b : ndarray (C,)
    x : ndarray (N, D)
    y : ndarray (N,) of int
        The class of each sample, from 0 to C − 1.
    strength : float
        λ.

    Returns
    -------
    loss : float
    dw : ndarray (D, C)
    db : ndarray (C,)
        The penalty does not touch it.
    """
    ### BEGIN SOLUTION  stable log-probabilities, their mean at the labels, and the gradients
    rows = np.arange(len(x))
    scores = x @ w + b
    scores -= scores.max(axis=1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    loss = -log_p[rows, y].mean() + 0.5 * strength * np.vdot(w, w)
    dscores = np.exp(log_p)
    dscores[rows, y] -= 1
    dscores /= len(x)
    return loss, x.T @ dscores + strength * w, dscores.sum(axis=0)
    ### END SOLUTION


# %% provided=true
def train_classifier(x, y, x_val, y_val, *, strength, epochs, batch_size=100, rate=0.01):
    """Softmax regression by Adam, with a falling learning rate; weights, biases, history."""
    d, classes = x.shape[1], int(max(y.max(), y_val.max())) + 1
    model = {"w": np.zeros((d, classes), x.dtype), "b": np.zeros(classes, x.dtype)}
    rng, moments, history = np.random.default_rng(0), {}, []
    for epoch_rate in cosine(rate, epochs):
        for x_batch, y_batch in minibatches(x, y, batch_size, rng):
            _, dw, db = classifier_loss(model["w"], model["b"], x_batch, y_batch, strength)
            adam_step(model, {"w": dw, "b": db}, moments, epoch_rate)
        history.append(hit_rate(model, x_val, y_val))
    return model, history


def hit_rate(model, x, y):
    """The share of samples whose largest score is at their label."""
    return float(np.mean((x @ model["w"] + model["b"]).argmax(axis=1) == y))


def standardise(x, *others):
    """Arrays with the mean and the deviation of the first taken out."""
    mean, deviation = x.mean(axis=0), x.std(axis=0) + x.dtype.type(1e-3)
    return [(array - mean) / deviation for array in (x, *others)]


# %% [markdown]
# ### Raw pixels or codes?
#
# All labels, and then 2, 10 and 50 for each class, drawn several times. In each case λ is chosen
# by the validation accuracy from the same list, with your `grid_search`, so that neither side is
# handicapped. The autoencoder saw all training images and no label.

# %% experiment="classifier"
from tqdm.auto import tqdm

images = load_images()
model = best_model(images)
parts = images.train, images.val, images.test
features = {
    "raw pixels": standardise(*parts),
    "codes": standardise(*(process(model, x, None, "")["Z"] for x in parts)),
}
curves, scores = {}, {}
draws, labels = 10 if FULL else 5, (2, 10, 50)
strengths = [1e-4, 1e-3, 1e-2, 1e-1]
bar = tqdm(total=len(features) * (1 + draws * len(labels)), desc="classifiers")


def accuracy_with(name, chosen, epochs):
    """Test accuracy with some of the training labels, λ chosen on the validation set; the curve."""
    x, x_val, x_test = features[name]
    trained = {}

    def miss_rate(strength):
        trained[strength] = train_classifier(
            x[chosen], images.y_train[chosen], x_val, images.y_val, strength=strength, epochs=epochs
        )
        return 1 - trained[strength][1][-1]

    best, _ = grid_search(miss_rate, {"strength": strengths})
    classifier, curve = trained[best["strength"]]
    bar.update()
    return hit_rate(classifier, x_test, images.y_test), curve


for name in features:
    everything, epochs = np.arange(len(images.train)), 10 if len(images.train) > 2000 else 20
    scores[name, "all"], curves[name] = accuracy_with(name, everything, epochs)
    for count in labels:
        rng = np.random.default_rng(0)
        picks = [few_labels(images.y_train, count, rng) for _ in range(draws)]
        scores[name, count] = [accuracy_with(name, pick, 40)[0] for pick in picks]
bar.close()

left, right = figure(2)
draw_curves(left, curves, ylabel="validation accuracy", title="All labels")
places, width = np.arange(len(labels) + 1), 0.38
for side, (name, hatch) in enumerate(zip(features, ("", "//"), strict=True)):
    groups = [*(scores[name, count] for count in labels), [scores[name, "all"]]]
    bars = right.bar(
        places + (side - 0.5) * width, [np.mean(g) for g in groups], width, label=name, hatch=hatch,
        yerr=[np.std(g) for g in groups], capsize=3, edgecolor="white",
    )  # fmt: skip
    right.bar_label(bars, [f"{100 * np.mean(g):.0f}" for g in groups], padding=2, fontsize=8)
right.set_xticks(places, [*map(str, labels), "all"])
right.set(xlabel="labels a class", ylabel="test accuracy")
right.set_title(f"{images.title}, ±1 std of {draws} draws")
right.set_ylim(0, 1.15)
right.legend(loc="upper left", ncols=2, fontsize=8)

note(
    images, raw_accuracy=scores["raw pixels", "all"], codes_accuracy=scores["codes", "all"],
    **{
        f"{short}_accuracy_with_{count}": np.mean(scores[name, count])
        for short, name in (("raw", "raw pixels"), ("codes", "codes")) for count in labels
    },
)  # fmt: skip

# %% [markdown] written="codes_or_pixels" points=8
# ### Written question (8 points)
#
# **When do codes beat raw pixels?** Use the figures above, and say for each claim whether you
# measured it or argue for it.
#
# 1. A classifier that sees $z = f(x)$ can never be better, *at its best*, than one that sees $x$.
#    Why? And why may it be better all the same in an experiment?
# 2. How many parameters does softmax regression have on pixels and on codes? What does that mean
#    for two labels a class, and for thousands? What does weight decay have to do with it?
# 3. What does the mean squared error ask a code to keep, and what does the label need? Describe
#    images (invented ones will do) for which the codes of a perfect autoencoder of any small $K$
#    are worthless for telling two classes apart, and others for which one number is enough.
# 4. What did you find in the experiment, for few labels and for all? Name one change to the
#    experiment after which you expect the other outcome, and say why.
#
# ### BEGIN SOLUTION
# **1.** (2 points) Whatever a classifier $g$ does with $z$, the classifier $g \circ f$ does with
# $x$. So the lowest error that any function of $x$ can have is at most that of any function of $z$
# (the data processing inequality says the same of the information about the label). But that is
# about the best of *all* functions, with the distribution known. We fit functions of *one* family,
# here linear ones, from *finitely many* labels. The family may fit the codes better than the
# pixels: the encoder is nonlinear, so a linear boundary among codes is a bent one among pixels. And
# fewer inputs can be fitted from fewer labels.
#
# **2.** (2 points) $(D + 1)C$ against $(K + 1)C$: 7,850 and 330 for Fashion-MNIST with $K = 32$;
# 650 and 90 for the digits with $K = 8$. With two labels a class there are 20 examples. On pixels
# they can be separated in countless ways, most of which are accidents of the draw (high variance);
# on codes in far fewer. With thousands of labels the variance is small for both, what remains is
# the bias, and the larger family wins. Weight decay makes the family of pixels smaller without
# throwing anything away: of all separating directions it prefers the ones of small norm, which lean
# on directions in which the data vary much, and those are what a code keeps too. So a well-chosen
# λ takes away a good part of the codes' advantage.
#
# **3.** (2 points) The error adds up over pixels: a code keeps what moves many pixels a lot,
# however irrelevant, and drops what moves few, however telling. Worthless: noisy photographs of
# which one corner pixel is black in class A and white in class B. Its share of the squared error is
# $1/D$, a small $K$ spends itself on the rest, and the label is gone, though a linear classifier on
# the pixels needs a single weight. Enough: a disc on an empty ground that moves along a line, with
# the two halves of the line as classes. One number, the place, redraws the image and carries the
# label, while no single pixel tells more than whether the disc is on it.
#
# **4.** (2 points) Measured on Fashion-MNIST at full length: with two labels a class the codes are
# ahead, 56 % to 54 %; with ten it is a draw, 69 % to 70 %; with fifty and with all the pixels are,
# by 78 % to 76 % and 84 % to 82 %. That is the crossing which 2 predicts, and it comes early,
# because λ was chosen well for both. For the digits pixels win throughout: eight numbers redraw a
# digit roughly, and what is lost on the way (whether a loop is closed, say) is what tells some of
# them apart. Changes that favour the codes: a larger $K$; fewer labels and no weight decay on
# either side; images in which the classes are not linearly separable (shifted ones, for instance),
# with many of them to train the autoencoder; or fine-tuning the encoder with the labels. Any one of
# them with its reason is a full answer, and so is its honest refutation by an experiment.
# ### END SOLUTION

# %% [markdown]
# ## 8. The variational autoencoder
#
# ### Why a plain decoder cannot dream
#
# Feed the decoder a random code and you get a smear. Nothing in the training says where in
# $\mathbb{R}^K$ the codes should lie, so they lie in odd-shaped clouds with voids between them, and
# in a void the decoder has never been trained. The *variational autoencoder* (Kingma and Welling,
# 2014; Rezende, Mohamed and Wierstra, 2014) begins at the other end, with a story of how images
# come about:
#
# 1. a code is drawn from the standard normal distribution, $z \sim p(z) = \mathcal{N}(0, I)$;
# 2. the decoder turns it into a probability for each pixel, $\sigma(\ell_d(z))$ with logits $\ell$
#    and the sigmoid $\sigma(\ell) = 1 / (1 + e^{-\ell})$;
# 3. each pixel is drawn with that probability: $p(x \mid z) = \prod_d \sigma(\ell_d)^{x_d}
#    (1 - \sigma(\ell_d))^{1 - x_d}$, the Bernoulli likelihood. (Grey values count as black to a
#    degree. That is customary, and convenient; strictly, it is no distribution over grey values:
#    Loaiza-Ganem and Cunningham, 2019.)
#
# A good decoder makes the images of the training set likely, so one would like to maximise
# $\log p(x) = \log \int p(x \mid z)\, p(z)\, dz$. The integral runs over all codes and cannot be
# had; nor can the *posterior* $p(z \mid x)$, the codes that may have led to $x$.
#
# ### The bound
#
# So let the encoder *guess* the posterior: for each $x$ it gives a distribution $q(z \mid x)$.
# Whatever that is, averaging over it leaves $\log p(x)$, which knows nothing of $z$, as it is:
#
# $$ \begin{aligned} \log p(x)
#    &= \mathbb{E}_q \left[ \log \frac{p(x \mid z)\, p(z)}{p(z \mid x)} \right]
#     = \mathbb{E}_q \left[ \log \frac{p(x \mid z)\, p(z)}{q(z \mid x)}
#     + \log \frac{q(z \mid x)}{p(z \mid x)} \right] \\
#    &= \underbrace{\mathbb{E}_q \bigl[ \log p(x \mid z) \bigr]
#       - \operatorname{KL}\bigl( q(z \mid x) \,\Vert\, p(z) \bigr)}_{\text{ELBO}}
#     + \operatorname{KL}\bigl( q(z \mid x) \,\Vert\, p(z \mid x) \bigr) , \end{aligned} $$
#
# with $\operatorname{KL}(q \Vert p) = \mathbb{E}_q[\log q - \log p]$, the Kullback-Leibler
# divergence. It is never negative: by Jensen's inequality $-\operatorname{KL} = \mathbb{E}_q \log
# (p/q) \le \log \mathbb{E}_q (p/q) = \log 1 = 0$. Leave out the last term, then, and what remains
# is a lower bound: the *evidence lower bound*. Both its terms can be computed. Maximising it makes
# the data likely and at the same time pulls the guess towards the true posterior, for that is what
# the gap consists of. The loss is the **negative ELBO**, in nats an image:
#
# $$ L = \underbrace{-\frac1N \sum_n \mathbb{E}_{q} \log p(x_n \mid z)}_{\text{reconstruction}}
#      + \underbrace{\frac1N \sum_n
#        \operatorname{KL}\bigl(q(z \mid x_n) \Vert p(z)\bigr)}_{\text{order among the codes}} . $$
#
# The first term alone would be an autoencoder. The second wants each code's distribution to look
# like the standard normal. Together they fill the voids.
#
# ### Drawing a code, differentiably
#
# The guess is normal with a mean and a variance for each of the $K$ coordinates, $q(z \mid x) =
# \mathcal{N}(\mu, \operatorname{diag} \sigma^2)$. (Without an argument $\sigma$ is a deviation;
# with one, as in $\sigma(\ell)$, it is still the sigmoid.) The encoder gives $\mu$ and $s = \log
# \sigma^2$, $2K$ numbers a sample; the logarithm may have any sign, so nothing has to be kept
# positive. The expectation is estimated with one draw of $z$. And now a trick, for how should a
# gradient pass through a dice throw? Throw first, and compute afterwards:
#
# $$ z_{nk} = \mu_{nk} + \sigma_{nk}\, \epsilon_{nk}, \qquad
#    \sigma_{nk} = e^{s_{nk}/2}, \qquad \epsilon_{nk} \sim \mathcal{N}(0, 1) . $$
#
# The randomness comes in from the side, as an input, and $z$ is a smooth function of $\mu$ and $s$:
# the *reparameterisation*. Differentiate it by both. (Do not lose the ½ in the exponent.)

# %% exercise="reparameterise" points=5
def reparameterise_forward(mu, logvar, noise):
    """A draw from the normal distribution: z = μ + σ ε with σ = exp(logvar / 2).

    Parameters
    ----------
    mu : ndarray (N, K)
        Means.
    logvar : ndarray (N, K)
        Logarithms of the variances, s = log σ².
    noise : ndarray (N, K)
        ε, standard normal numbers.

    Returns
    -------
    z : ndarray (N, K)
    cache : tuple (std, noise)
        std is σ (N, K).
    """
    ### BEGIN SOLUTION  the mean plus the standard deviation times the noise
    std = np.exp(logvar / 2)
    return mu + std * noise, (std, noise)
    ### END SOLUTION


def reparameterise_backward(dz, cache):
    """Gradients of the draw with respect to mean and log-variance.

    Parameters
    ----------
    dz : ndarray (N, K)
        Upstream gradient, ∂L/∂z.
    cache : tuple (std, noise)
        As `reparameterise_forward` returns it.

    Returns
    -------
    dmu, dlogvar : ndarray (N, K)
    """
    ### BEGIN SOLUTION  dz times the derivative of z by the mean, and by the log-variance
    std, noise = cache
    return dz.copy(), dz * noise * std / 2
    ### END SOLUTION


# %% [markdown]
# ### The divergence, in closed form
#
# For two normal distributions the divergence needs no sampling. In one coordinate, with $z = \mu +
# \sigma\epsilon$, $\mathbb{E}\,\epsilon^2 = 1$ and the constants $\tfrac12 \log 2\pi$ cancelling,
#
# $$ \begin{aligned}
#    \mathbb{E}_q[\log q] &= \mathbb{E}\left[-\tfrac12 \log \sigma^2 - \tfrac12 \epsilon^2\right]
#      = -\tfrac12 (s + 1), \\
#    \mathbb{E}_q[\log p] &= \mathbb{E}\left[-\tfrac12 (\mu + \sigma \epsilon)^2\right]
#      = -\tfrac12 (\mu^2 + e^{s}), \\
#    \operatorname{KL} &= \mathbb{E}_q[\log q] - \mathbb{E}_q[\log p]
#      = \tfrac12 \left( \mu^2 + e^{s} - s - 1 \right) . \end{aligned} $$
#
# It is 0 where $\mu = 0$ and $s = 0$, and positive elsewhere. The coordinates are independent, so
# the whole divergence is the sum over $k$; the loss takes the mean over $n$. Differentiate it by
# $\mu$ and by $s$, and mind the $1/N$.

# %% exercise="kl_divergence" points=6
def kl_divergence(mu, logvar):
    """KL(N(μ, σ²) ‖ N(0, 1)), summed over K and averaged over N, and its gradients.

    Parameters
    ----------
    mu : ndarray (N, K)
        Means.
    logvar : ndarray (N, K)
        Logarithms of the variances, s = log σ².

    Returns
    -------
    kl : float
        (1/N) Σ_nk ½ (μ² + eˢ − s − 1).
    dmu, dlogvar : ndarray (N, K)
        Gradients of kl.
    """
    ### BEGIN SOLUTION  the closed form, and its derivatives by the mean and the log-variance
    excess = np.expm1(logvar)
    kl = 0.5 * np.sum(mu**2 + excess - logvar) / len(mu)
    return kl, mu / len(mu), 0.5 * excess / len(mu)
    ### END SOLUTION


# %% [markdown]
# ### The likelihood, from logits
#
# Minus the logarithm of the Bernoulli likelihood, summed over the pixels, is
#
# $$ -\log p(x_n \mid z) = \sum_d \left[ -x_{nd} \log \sigma(\ell_{nd})
#    - (1 - x_{nd}) \log (1 - \sigma(\ell_{nd})) \right] . $$
#
# As it stands it breaks down where $\sigma$ rounds to 0 or 1. With $-\log \sigma(\ell) = \log(1 +
# e^{-\ell})$ and $-\log(1 - \sigma(\ell)) = \ell + \log(1 + e^{-\ell})$ the bracket becomes
# $\ell - x\ell + \log(1 + e^{-\ell})$, and pulling $e^{-\ell}$ out of the logarithm where $\ell <
# 0$,
#
# $$ \max(\ell, 0) - x\,\ell + \log\left(1 + e^{-|\ell|}\right) , $$
#
# which no logit breaks. Its derivative is $\sigma(\ell) - x$. Here the sum runs over $D$ and the
# mean over $N$ only: a likelihood of a whole image is a product over its pixels, and dividing by
# $D$ would change the balance with the divergence.

# %% exercise="bernoulli_loss" points=5
def bernoulli_loss(logits, x):
    """Minus the log-likelihood of pixels given logits, summed over D and averaged over N.

    Parameters
    ----------
    logits : ndarray (N, D)
    x : ndarray (N, D)
        Pixels from 0 to 1.

    Returns
    -------
    nll : float
        Exact and finite for any finite logits.
    dlogits : ndarray (N, D)
        Gradient of nll.
    """
    ### BEGIN SOLUTION  the stable form, and the sigmoid minus the pixel
    e = np.exp(-np.abs(logits))
    nll = np.sum(np.maximum(logits, 0) - x * logits + np.log1p(e)) / len(x)
    probabilities = np.where(logits >= 0, 1, e) / (1 + e)
    return nll, (probabilities - x) / len(x)
    ### END SOLUTION


# %% [markdown]
# ### All of it together
#
# An `Autoencoder` whose encoder ends in $2K$ units and whose decoder begins with $K$ has everything
# that is needed. Its `encode` gives $\mu$ (the first $K$ columns) and $s$ (the others). Forward:
#
# > encode, split, draw, decode; likelihood and divergence.
#
# On the way back, $\mu$ and $s$ get a gradient from two sides. Through the draw comes what the
# reconstruction has to say, and from the divergence what the prior has to say; the gradient of a
# sum is the sum of the gradients. Side by side, in the order in which they were split, they enter
# `encode_backward`.

# %% exercise="vae" points=9
def vae_forward(model, x, noise):
    """Both terms of the negative ELBO for a batch.

    Parameters
    ----------
    model : Autoencoder
        encode gives (N, 2 K): the means, and beside them the log-variances; decode takes codes
        (N, K) and gives logits (N, D).
    x : ndarray (N, D)
        Pixels from 0 to 1.
    noise : ndarray (N, K)
        Standard normal numbers for the draw, which is made in training and in evaluation.

    Returns
    -------
    nll : float
        `bernoulli_loss` of the logits.
    kl : float
        `kl_divergence` of means and log-variances.
    cache : tuple
        Whatever `vae_backward` needs; what is in it is up to you.
    """
    ### BEGIN SOLUTION  encode, split, draw, decode; then both terms
    mu, logvar = np.split(model.encode(x), 2, axis=1)
    z, draw = reparameterise_forward(mu, logvar, noise)
    nll, dlogits = bernoulli_loss(model.decode(z), x)
    kl, dmu, dlogvar = kl_divergence(mu, logvar)
    return nll, kl, (dlogits, draw, dmu, dlogvar)
    ### END SOLUTION


def vae_backward(model, cache):
    """Gradients of nll + kl, through the model's decode_backward and encode_backward.

    Parameters
    ----------
    model : Autoencoder
        In training mode; it was the one given to `vae_forward` last. Its `gradients` are filled.
    cache : tuple
        As `vae_forward` returns it.
    """
    ### BEGIN SOLUTION  back through the decoder and the draw; add what the divergence says
    dlogits, draw, dmu, dlogvar = cache
    dmu_drawn, dlogvar_drawn = reparameterise_backward(model.decode_backward(dlogits), draw)
    model.encode_backward(np.hstack([dmu + dmu_drawn, dlogvar + dlogvar_drawn]))
    ### END SOLUTION


# %% [markdown]
# ### Dreaming
#
# As an objective for `fit`, the negative ELBO draws fresh noise at every call. First a code of two
# numbers, because two can be drawn: on the left where the encoder puts the test images, on the
# right what the decoder makes of the points of a lattice. The lattice is even in *probability*: its
# lines stand at the 5th, …, 95th percentile of the normal distribution.

# %% provided=true
def negative_elbo(rng):
    """The objective of a variational autoencoder, with noise from rng."""

    def objective(model, x):
        noise = rng.standard_normal((len(x), model.config["dec_dims"][0]), dtype=x.dtype.type)
        nll, kl, cache = vae_forward(model, x, noise)
        if model.training:
            vae_backward(model, cache)
        return nll + kl

    return objective


def train_vae(images, k):
    """A variational autoencoder with k numbers in a code; keep it, give model and history."""
    epochs = {"digits": 150 if FULL else 60, "fashion_mnist": 15 if FULL else 6}[images.name]
    model = new_model(images, codes=k, outputs=2 * k, use_batchnorm=False)
    history = fit_with_bar(
        model, images, cosine(2e-3, epochs), objective=negative_elbo(np.random.default_rng(2)),
        label=f"variational, K = {k}",
    )  # fmt: skip
    checkpoint(model, images, f"variational-{k}")
    return model, history


def elbo_terms(model, x, seed=3):
    """Both terms of the negative ELBO, in evaluation mode."""
    k = model.config["dec_dims"][0]
    noise = np.random.default_rng(seed).standard_normal((len(x), k), dtype=x.dtype.type)
    nll, kl, _ = vae_forward(model, x, noise)
    return float(nll), float(kl)


def probabilities(model, z):
    """What the decoder of a variational autoencoder makes of codes: pixels' probabilities."""
    return 1 / (1 + np.exp(-model.decode(z)))


# %% experiment="latent_plane"
from statistics import NormalDist

images = load_images()
model, history = train_vae(images, 2)
mu = model.encode(images.test)[:, :2]
count = 11
percentiles = np.linspace(0.05, 0.95, count)
ticks = np.array([NormalDist().inv_cdf(p) for p in percentiles], np.float32)
lattice = np.stack(np.meshgrid(ticks, ticks[::-1]), axis=-1).reshape(-1, 2)
tiles = probabilities(model, lattice).reshape(count, count, *images.shape)
tiles = np.pad(tiles, [(0, 0), (0, 0), (1, 0), (1, 0)])  # a thin gap between neighbours
rows, columns = tiles.shape[2:]

left, right = figure(2, height=4.6)
draw_classes(left, mu[:3000], images.y_test[:3000], images.classes)
left.set(
    xlabel="first number of the code, mean", ylabel="second", aspect="equal", xlim=(-3, 3),
    ylim=(-3, 3), title="Where the encoder puts the test set",
)  # fmt: skip
right.imshow(tiles.transpose(0, 2, 1, 3).reshape(count * rows, count * columns), cmap="gray_r")
places = [0, count // 2, count - 1]
names = [f"{round(float(ticks[p]), 1) + 0.0:.1f}" for p in places]
right.set_xticks([(p + 0.5) * columns for p in places], names)
right.set_yticks([(p + 0.5) * rows for p in places], names[::-1])
right.set(xlabel="first number of the code", ylabel="second", title="What the decoder makes of it")

note(images, plane_negative_elbo=sum(elbo_terms(model, images.test)))

# %% [markdown]
# Walk from one class to another and look at what lies between: no void, but images that are
# a bit of both. Two numbers are few, though; with more of them the pictures become sharper.
# Below are images that nobody ever drew: normal random codes, decoded. The plain autoencoder is
# given the best chance that it has, random codes with the mean and the covariance of its own.

# %% experiment="samples"
images = load_images()
k = 16 if images.name == "fashion_mnist" else 8
model, history = train_vae(images, k)
nll, kl = elbo_terms(model, images.test)
rng = np.random.default_rng(4)
samples = probabilities(model, rng.standard_normal((30, k)).astype(np.float32))
plain = best_model(images)
codes = plain.encode(images.train)
random_codes = rng.multivariate_normal(codes.mean(axis=0), np.cov(codes.T), 10).astype(np.float32)
smears = np.clip(plain.decode(random_codes), 0, 1)

(axis,) = figure()
draw_curves(
    axis, {"training": history["loss"], "validation": history["val_loss"]},
    ylabel="negative ELBO (nats an image)", title=f"Variational, {images.title}, K = {k}",
)  # fmt: skip

drawn = [("variational", samples[10 * row : 10 * row + 10]) for row in range(3)]
draw_rows(images, [*drawn, ("plain", smears)])

note(images, negative_elbo=nll + kl, nll=nll, kl=kl)

# %% [markdown]
# ## 9. The same in PyTorch
#
# Both networks once more, with autograd: equal weights at the start, the same batches, the same
# noise, PyTorch's own layers, losses and Adam. What you derived by hand and what PyTorch works out
# by itself should train alike.

# %% provided=true allows="torch"
import torch


def torch_twin(model):
    """Encoder and decoder of an `Autoencoder` as PyTorch modules, with equal weights."""
    config, halves, number = model.config, [], 0
    activations = {"relu": torch.nn.ReLU, "elu": torch.nn.ELU, "tanh": torch.nn.Tanh}
    for dims in (config["enc_dims"], config["dec_dims"]):
        modules = []
        for place in range(1, len(dims)):
            number += 1
            arrays = {name: torch.from_numpy(v.copy()) for name, v in model.layer(number).items()}
            linear = torch.nn.Linear(dims[place - 1], dims[place], bias="b" in arrays)
            linear.weight.data = arrays["w"].T.contiguous()
            modules.append(linear)
            if "b" in arrays:
                linear.bias.data = arrays["b"]
            else:
                modules.append(torch.nn.BatchNorm1d(dims[place], eps=EPSILON))
            if place < len(dims) - 1:
                modules.append(activations[config["activation"]]())
        halves.append(torch.nn.Sequential(*modules))
    return torch.nn.ModuleList(halves)


def torch_reconstruction(twin, x):
    """The loss of an autoencoder."""
    return torch.nn.functional.mse_loss(twin[1](twin[0](x)), x)


def torch_negative_elbo(rng):
    """The loss of a variational autoencoder, with noise from rng."""

    def objective(twin, x):
        mu, logvar = twin[0](x).chunk(2, dim=1)
        noise = torch.from_numpy(rng.standard_normal(tuple(mu.shape), dtype=np.float32))
        logits = twin[1](mu + torch.exp(logvar / 2) * noise)
        nll = torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())
        return (nll + kl) / len(x)

    return objective


def fit_twin(twin, objective, x, x_val, *, learning_rates, batch_size, rng, decay=0.0):
    """`fit` in PyTorch, without early stopping."""
    weights = [p for p in twin.parameters() if p.ndim == 2]
    others = [p for p in twin.parameters() if p.ndim == 1]
    adam = torch.optim.Adam([{"params": weights, "weight_decay": decay}, {"params": others}])
    x, x_val, history = torch.from_numpy(x), torch.from_numpy(x_val), {"loss": [], "val_loss": []}
    for rate in learning_rates:
        for group in adam.param_groups:
            group["lr"] = float(rate)
        twin.train()
        order, losses = torch.from_numpy(rng.permutation(len(x))), []
        for start in range(0, len(x) - batch_size + 1, batch_size):
            adam.zero_grad()
            loss = objective(twin, x[order[start : start + batch_size]])
            loss.backward()
            adam.step()
            losses.append(loss.detach())
        twin.eval()
        history["loss"].append(float(torch.stack(losses).mean()))
        with torch.no_grad():
            history["val_loss"].append(float(objective(twin, x_val)))
    return history


# %% experiment="twins"
import time

from tqdm.auto import tqdm

images = load_images()
found = best_settings(images)
k = 16 if images.name == "fashion_mnist" else 8
epochs = images.settings["epochs"] if FULL else images.settings["epochs"] // 2
kinds = {
    "autoencoder": (
        new_model(images, activation=found["activation"]),
        lambda: (reconstruction, torch_reconstruction), found["decay"], found["rate"],
    ),
    "variational": (
        new_model(images, codes=k, outputs=2 * k, use_batchnorm=False),
        lambda: (
            negative_elbo(np.random.default_rng(2)), torch_negative_elbo(np.random.default_rng(2))
        ),
        0.0, 2e-3,
    ),
}  # fmt: skip
axes, seconds = figure(3), {}
for axis, (kind, (model, objectives, decay, rate)) in zip(axes, kinds.items(), strict=False):
    ours, theirs = objectives()
    twin, options = torch_twin(model), {"decay": decay, "batch_size": images.settings["batch_size"]}
    start = time.perf_counter()
    history = fit_with_bar(
        model, images, cosine(rate, epochs), objective=ours, decay=decay, label=f"NumPy, {kind}"
    )
    middle = time.perf_counter()
    bar = tqdm(cosine(rate, epochs), desc=f"PyTorch, {kind}", unit="epoch")
    history_twin = fit_twin(
        twin, theirs, images.train, images.val, learning_rates=bar, rng=np.random.default_rng(1),
        **options,
    )
    seconds[kind] = middle - start, time.perf_counter() - middle
    ours, theirs = objectives()
    with torch.no_grad():
        test = float(ours(model, images.test)), float(theirs(twin, torch.from_numpy(images.test)))
    curves = {"NumPy": history["val_loss"], "PyTorch": history_twin["val_loss"]}
    unit = "mean squared error" if kind == "autoencoder" else "negative ELBO (nats)"
    draw_curves(axis, curves, ylabel=f"validation, {unit}", title=kind.capitalize())
    note(images, **{f"{kind}_over_twin": test[0] / test[1]})

times, places = axes[-1], np.arange(len(kinds))
for side, (name, hatch) in enumerate((("NumPy", ""), ("PyTorch", "//"))):
    values = [seconds[kind][side] for kind in kinds]
    look = {"label": name, "hatch": hatch, "edgecolor": "white"}
    bars = times.bar(places + (side - 0.5) * 0.38, values, 0.38, **look)
    times.bar_label(bars, [f"{value:.1f}" for value in values], fontsize=8)
times.set_xticks(places, list(kinds))
times.set(ylabel="seconds", title=f"Time of {epochs} epochs")
times.margins(y=0.25)
times.legend(fontsize=8, ncols=2)

# %% [markdown]
# ## What to try next
#
# - **Denoising** (Vincent et al., 2008). Add noise to the input, or blank out a square, and ask for
#   the clean image. One line in an objective of your own. What happens to the filters?
# - **Tied weights.** Let the decoder use the transposes of the encoder's weights. How many
#   parameters are left, what does their gradient look like, and does the error suffer?
# - **A sparse code.** Use $K > D$ and an L1 penalty on the codes instead of a bottleneck. Which
#   filters appear now?
# - **The weight of the divergence** (Higgins et al., 2017). Multiply it by β between 0.1 and 10.
#   Plot likelihood against divergence, one point a β, and look at samples at both ends.
# - **Posterior collapse.** Train a variational autoencoder with $K = 64$ and print the divergence
#   of each coordinate. How many are used at all? What do the others encode?
# - **Anomalies.** Train on all classes but one, and compare the reconstruction errors of the class
#   that was left out with the others'. When does it fail?
# - **A tighter bound** (Burda, Grosse and Salakhutdinov, 2016). Draw $k$ codes an image and average
#   the importance weights inside the logarithm. How far was the ELBO from $\log p(x)$?
#
# ### References
#
# - E. Alpaydin, C. Kaynak (1998). Optical recognition of handwritten digits. UCI Machine Learning
#   Repository.
# - P. Baldi, K. Hornik (1989). Neural networks and principal component analysis: learning from
#   examples without local minima. *Neural Networks* 2(1), 53–58.
# - H. Bourlard, Y. Kamp (1988). Auto-association by multilayer perceptrons and singular value
#   decomposition. *Biological Cybernetics* 59, 291–294.
# - Y. Burda, R. Grosse, R. Salakhutdinov (2016). Importance weighted autoencoders. *ICLR*.
# - I. Higgins et al. (2017). β-VAE: learning basic visual concepts with a constrained variational
#   framework. *ICLR*.
# - G. Hinton, R. Salakhutdinov (2006). Reducing the dimensionality of data with neural networks.
#   *Science* 313, 504–507.
# - S. Ioffe, C. Szegedy (2015). Batch normalization: accelerating deep network training by reducing
#   internal covariate shift. *ICML*.
# - D. Kingma, J. Ba (2015). Adam: a method for stochastic optimization. *ICLR*.
# - D. Kingma, M. Welling (2014). Auto-encoding variational Bayes. *ICLR*.
# - A. Krogh, J. Hertz (1992). A simple weight decay can improve generalization. *NIPS*.
# - T. van Laarhoven (2017). L2 regularization versus batch and weight normalization.
#   arXiv:1706.05350.
# - G. Loaiza-Ganem, J. Cunningham (2019). The continuous Bernoulli: fixing a pervasive error in
#   variational autoencoders. *NeurIPS*.
# - I. Loshchilov, F. Hutter (2017). SGDR: stochastic gradient descent with warm restarts. *ICLR*.
# - I. Loshchilov, F. Hutter (2019). Decoupled weight decay regularization. *ICLR*.
# - L. McInnes, J. Healy, J. Melville (2018). UMAP: uniform manifold approximation and projection
#   for dimension reduction. arXiv:1802.03426.
# - L. Prechelt (1998). Early stopping, but when? In *Neural Networks: Tricks of the Trade*,
#   Springer.
# - D. Rezende, S. Mohamed, D. Wierstra (2014). Stochastic backpropagation and approximate inference
#   in deep generative models. *ICML*.
# - P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol (2008). Extracting and composing robust
#   features with denoising autoencoders. *ICML*.
# - H. Xiao, K. Rasul, R. Vollgraf (2017). Fashion-MNIST: a novel image dataset for benchmarking
#   machine learning algorithms. arXiv:1708.07747.
