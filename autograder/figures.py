"""Figures with one look: as wide as a notebook, in colours that colour-blind readers tell apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

WIDTH = 9  # inches


def figure(columns: int = 1, rows: int = 1, height: float = 3.4) -> np.ndarray:
    """Make a figure at notebook width and give its axes, row by row.

    Parameters
    ----------
    columns, rows : int
        How many axes stand side by side, and one below the other.
    height : float
        Inches of one row.

    Returns
    -------
    ndarray of matplotlib.axes.Axes, (rows · columns,)
    """
    import matplotlib.pyplot as plt

    plt.style.use("tableau-colorblind10")
    size = (WIDTH, height * rows)
    return plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)[1].ravel()


def draw_curves(
    axis: Any, curves: Mapping[str, Sequence[float]], *, xlabel: str = "epoch", **labels: Any
) -> None:
    """Draw lines by name, one value an epoch from 1 on, alternating in style.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    curves : mapping of str to sequence of float
        What the legend calls a curve, and its values.
    xlabel : str
        What is counted.
    **labels
        Whatever else ``axis.set`` takes: ``ylabel``, ``title``, ``yscale``, …
    """
    for number, (name, values) in enumerate(curves.items()):
        style = ("-", "--", "-.", ":")[number % 4]
        axis.plot(np.arange(1, len(values) + 1), values, style, label=name)
    axis.set(xlabel=xlabel, **labels)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend()


def draw_history(
    history: Mapping[str, Sequence[float]], title: str, metric: str = "accuracy"
) -> None:
    """Draw loss and metric by epoch, training beside test.

    Parameters
    ----------
    history : mapping
        With the keys ``loss``, ``val_loss``, ``metric`` and ``val_metric``.
    title : str
    metric : str
        What the metric is called.
    """
    for axis, key, label in zip(figure(2), ("loss", "metric"), ("loss", metric), strict=True):
        curves = {"training": history[key], "test": history[f"val_{key}"]}
        draw_curves(axis, curves, ylabel=label, title=title)


def draw_matrix(axis: Any, matrix: Any, classes: Sequence[str]) -> None:
    """Draw a confusion matrix: rows are the truth, columns the predictions.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    matrix : array_like (C, C)
    classes : sequence of str
    """
    matrix = np.asarray(matrix)
    axis.imshow(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1), cmap="Blues", vmax=1)
    for (i, j), count in np.ndenumerate(matrix):
        if count:
            color = "white" if count > 0.5 * matrix[i].sum() else "black"
            axis.text(j, i, f"{count:g}", ha="center", va="center", color=color, fontsize=8)
    places = np.arange(len(classes))
    axis.set_xticks(places, classes, rotation=0 if max(map(len, classes)) < 4 else 60)
    axis.set_yticks(places, classes)
    axis.set(xlabel="prediction", ylabel="truth", title="Confusion matrix")


def draw_images(
    images: Any,
    titles: Iterable[str] = (),
    *,
    columns: int = 8,
    height: float = 1.9,
    title: str = "",
    **how: Any,
) -> np.ndarray:
    """Draw a sheet of images.

    Parameters
    ----------
    images : array_like (N, H, W) or (N, H, W, C)
    titles : iterable of str, optional
        What stands above each.
    columns : int
        Images in a row.
    height : float
        Inches of one row.
    title : str
        What stands above the sheet.
    **how
        Whatever ``imshow`` takes; without a ``cmap``, grey images are drawn dark on white.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
        One for each image, row by row.
    """
    images, titles = np.asarray(images), list(titles)
    how = {"cmap": "gray_r"} | how if images.ndim == 3 else how
    axes = figure(columns, -(-len(images) // columns), height)
    for axis in axes:
        axis.axis("off")
    for axis, image in zip(axes, images, strict=False):
        axis.imshow(image, **how)
    for axis, text in zip(axes, titles, strict=False):
        axis.set_title(text, fontsize=8)
    if title:
        axes[0].figure.suptitle(title)
    return axes


#: Paul Tol's muted colours, and one marker each, so that no one has to tell ten colours apart.
COLOURS = ("#332288", "#DDCC77", "#117733", "#CC6677", "#88CCEE",
           "#882255", "#44AA99", "#AA4499", "#999933", "#888888")  # fmt: skip
MARKERS = "osv^DP*X<>"


def draw_classes(
    axis: Any, points: Any, labels: Any, classes: Sequence[str], *, size: float = 14, **options: Any
) -> None:
    """Draw points by class: a colour and a marker each, and the name at the middle of each.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
    points : array_like (N, 2)
    labels : array_like (N,) of int
        Index into `classes`.
    classes : sequence of str
    size : float
        Of a marker, in square points.
    **options
        Whatever ``axis.set`` takes.
    """
    from matplotlib.patheffects import withStroke

    points, labels = np.asarray(points), np.asarray(labels)
    for label, name in enumerate(classes):
        chosen = points[labels == label]
        look = {"marker": MARKERS[label % 10], "color": COLOURS[label % 10]}
        axis.scatter(*chosen.T, s=size, alpha=0.7, linewidths=0, **look)
        if len(chosen):
            middle = np.median(chosen, axis=0)
            outline = [withStroke(linewidth=2.5, foreground="white")]
            axis.text(*middle, name, ha="center", va="center", fontsize=9, path_effects=outline)
    axis.set(**options)
