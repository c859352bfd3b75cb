"""The figures that the notebooks draw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
import pytest

from autograder.figures import (
    WIDTH,
    draw_classes,
    draw_curves,
    draw_history,
    draw_images,
    draw_matrix,
    figure,
)


@pytest.fixture(autouse=True)
def plt() -> Iterator[object]:
    matplotlib.use("agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def test_a_figure_is_as_wide_as_a_notebook_and_gives_its_axes_row_by_row() -> None:
    axes = figure(columns=3, rows=2, height=2)
    assert axes.shape == (6,)
    assert tuple(axes[0].figure.get_size_inches()) == (WIDTH, 4)
    first, last = (axes[i].get_subplotspec() for i in (0, 5))
    assert (first.rowspan.start, first.colspan.start) == (0, 0)
    assert (last.rowspan.start, last.colspan.start) == (1, 2)


def test_curves_count_from_one_and_differ_in_style_as_well_as_in_colour() -> None:
    (axis,) = figure()
    draw_curves(axis, {"training": [3, 2, 1], "test": [4, 3]}, ylabel="loss", yscale="log")
    training, test = axis.lines
    assert training.get_xdata().tolist() == [1, 2, 3]
    assert test.get_ydata().tolist() == [4, 3]
    assert training.get_linestyle() != test.get_linestyle()
    assert training.get_color() != test.get_color()
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["training", "test"]
    assert (axis.get_xlabel(), axis.get_ylabel(), axis.get_yscale()) == ("epoch", "loss", "log")


def test_a_sheet_of_images_has_a_title_each_and_leaves_no_empty_frame(plt: Any) -> None:
    images = np.random.default_rng(0).random((5, 4, 4))
    draw_images(images, ["a", "b", "c", "d", "e"], columns=3)
    axes = plt.gcf().axes
    assert [axis.get_title() for axis in axes] == ["a", "b", "c", "d", "e", ""]
    assert not any(axis.axison for axis in axes)
    assert [len(axis.images) for axis in axes] == [1, 1, 1, 1, 1, 0]
    np.testing.assert_array_equal(axes[4].images[0].get_array(), images[4])


def test_colour_images_keep_their_colours(plt: Any) -> None:
    draw_images(np.random.default_rng(0).random((2, 4, 4, 3)))
    assert plt.gcf().axes[0].images[0].get_array().shape == (4, 4, 3)


def test_a_history_shows_training_beside_test(plt: Any) -> None:
    history: dict[str, list[float]]
    history = {"loss": [2, 1], "val_loss": [3, 2], "metric": [0.5, 0.6], "val_metric": [0.4, 0.5]}
    draw_history(history, "Iris", metric="RMSE")
    left, right = plt.gcf().axes
    assert [line.get_ydata().tolist() for line in left.lines] == [[2, 1], [3, 2]]
    assert [line.get_ydata().tolist() for line in right.lines] == [[0.5, 0.6], [0.4, 0.5]]
    assert (left.get_ylabel(), right.get_ylabel(), left.get_title()) == ("loss", "RMSE", "Iris")


def test_a_confusion_matrix_shows_its_counts_where_they_belong() -> None:
    (axis,) = figure()
    draw_matrix(axis, np.array([[5, 2], [0, 7]]), ["cat", "dog"])
    assert {text.get_position(): text.get_text() for text in axis.texts} == {
        (0, 0): "5",
        (1, 0): "2",
        (1, 1): "7",
    }
    shades = axis.images[0].get_array()
    np.testing.assert_allclose(shades.sum(axis=1), 1)
    assert (axis.get_ylabel(), axis.get_xlabel()) == ("truth", "prediction")
    assert [label.get_text() for label in axis.get_yticklabels()] == ["cat", "dog"]


def test_epochs_are_whole_numbers() -> None:
    (axis,) = figure()
    draw_curves(axis, {"training": [3, 2, 1, 1, 1]})
    assert all(tick == int(tick) for tick in axis.get_xticks())


def test_a_sheet_gives_its_axes_and_may_have_a_title() -> None:
    axes = draw_images(np.zeros((3, 2, 2)), ["a", "b"], columns=2, title="Sheet")
    assert axes.shape == (4,)
    assert [axis.get_title() for axis in axes] == ["a", "b", "", ""]
    assert axes[0].figure.get_suptitle() == "Sheet"


def test_classes_differ_in_marker_and_colour_and_are_named_where_they_are() -> None:
    (axis,) = figure()
    points = np.array([[0.0, 0.0], [2.0, 0.0], [5.0, 5.0]])
    draw_classes(axis, points, [0, 0, 2], ["shirt", "unseen", "shoe"], title="Map")
    names = {text.get_text(): text.get_position() for text in axis.texts}
    assert names == {"shirt": (1.0, 0.0), "shoe": (5.0, 5.0)}
    shirts, _, shoes = axis.collections
    assert shirts.get_offsets().tolist() == points[:2].tolist()
    assert shirts.get_paths()[0].vertices.tolist() != shoes.get_paths()[0].vertices.tolist()
    assert shirts.get_facecolor().tolist() != shoes.get_facecolor().tolist()
    assert axis.get_title() == "Map"
