"""What does not fit is refused, and named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nbexplain.figures import board, figure
from tests.figures.pages import answer

MAP = answer(np.ones((4, 4)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"explanation": np.ones(3)}, TypeError, "explanation: expected an Explanation.*got ndarray"),
        ({"explanation": answer(np.ones((1, 1, 1, 1)), ("a", "b", "y", "x"))}, ValueError, "explanation: .* four|axes"),
        ({"explanation": answer(np.ones((0, 3)))}, ValueError, r"explanation: values of shape \(0, 3\)"),
        ({"picture": "cat.png"}, TypeError, "picture: expected .*got str"),
        ({"picture": np.ones((4, 4, 3))}, TypeError, r"picture: .*ndarray \(4, 4, 3\) of float64"),
        ({"picture": np.ones((0, 4, 3), np.uint8)}, ValueError, "picture: it is empty, 0×4"),
        ({"opacity": 1.5}, ValueError, "opacity: expected a number from 0 to 1, got 1.5"),
        ({"opacity": np.nan}, ValueError, "opacity: "),
        ({"opacity": "x"}, TypeError, "opacity: "),
        ({"colormap": "jet"}, ValueError, "colormap: expected one of 'viridis'.*got 'jet'"),
        ({"clip": 0}, ValueError, "clip: "),
        ({"width": 0.2}, ValueError, "width: "),
        ({"dpi": 5}, ValueError, "dpi: "),
        ({"classes": "abc"}, TypeError, "classes: expected a list of names, got 'abc'"),
        ({"explanation": answer([[1]], target=3), "classes": ["a"]}, ValueError, "classes: 1 names, but .* class 3"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        figure(**{"explanation": MAP, **arguments})


def test_a_picture_of_other_proportions_is_refused() -> None:
    values = answer(np.ones((3, 20, 20)), ("channel", "y", "x"), on="input")
    with pytest.raises(ValueError, match=r"picture: 30×20 pixels do not have the proportions of the map, 20×20"):
        figure(values, picture=np.zeros((20, 30, 3), np.uint8))
    figure(values, picture=np.zeros((401, 400, 3), np.uint8))  # rounded to whole pixels


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"explanations": []}, ValueError, "explanations: the list is empty"),
        ({"explanations": MAP}, TypeError, "explanations: expected a list"),
        ({"explanations": [MAP, 3]}, TypeError, r"explanations\[1\]: expected an Explanation"),
        ({"picture": [None]}, ValueError, "picture: 1 pictures for 2 explanations"),
        ({"columns": 0}, ValueError, "columns: "),
        ({"explanations": [MAP, answer(np.ones((2, 2)), quantity="gradient")], "shared": True}, ValueError,
         "shared: one colour bar needs one quantity, got 'evidence' .*'gradient'"),
    ],
)  # fmt: skip
def test_wrong_arguments_of_a_board_are_named(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        board(**{"explanations": [MAP, MAP], **arguments})
