"""Confusion matrices, curves and residuals on a page: the numbers, and where the lines and points are."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nbexplain import Tabular, explain, figures
from nbexplain.figures.content import content_of

ROWS = np.array([[0.1], [0.2], [0.4], [0.6], [0.9]])


def chances(rows: np.ndarray) -> np.ndarray:
    return np.stack([1 - rows[:, 0], rows[:, 0]], 1)


def answer(method: str, **params: Any) -> Any:
    table = Tabular(ROWS[0], background=ROWS, labels=[0, 1, 0, 1, 1])
    return explain(chances, table, method, target=1, **params)


def page_of(method: str, **params: Any) -> Figure:
    return figures.figure(answer(method, **params), width=6, classes=["fit", "ill"])


def said(page: Figure) -> list[str]:
    return [text.get_text() for text in page.texts]


def test_the_cells_of_a_confusion_matrix_hold_their_counts() -> None:
    page = page_of("confusion")
    words = said(page)
    assert [words.count(count) for count in ("2", "1", "0")] == [2, 1, 1]  # 2 0 over 1 2
    cells = page.axes[0].images[0].get_array()
    blue = 1 - np.asarray(cells)[..., 0]  # the part of the blue, by the share of the label's rows
    np.testing.assert_allclose(blue / blue[0, 0], np.array([[0.66, 0.06], [0.26, 0.46]]) / 0.66, atol=1e-6)
    assert any("accuracy 0.8" in text for text in words)
    assert not any("normalize" in text or "threshold" in text or "where" in text for text in words)
    assert any("where" in text for text in said(page_of("confusion", where={"label": 1})))
    shares = said(page_of("confusion", normalize="label"))
    assert "0.33" in shares


def test_curves_are_drawn_in_the_unit_square() -> None:
    for method, names in (
        ("roc", ("false positive rate", "true positive rate")),
        ("precision_recall", ("recall", "precision")),
    ):
        found = answer(method)
        page = figures.figure(found, width=6)
        axes = page.axes[0]
        line = axes.lines[-1]
        np.testing.assert_allclose(line.get_xydata().T, found.values[:2])
        assert (axes.get_xlim(), axes.get_ylim()) == ((0, 1), (0, 1))
        assert set(names) <= set(said(page))


def test_residuals_are_points_and_few_of_many_are_drawn() -> None:
    rows = np.linspace(0, 1, 5000)[:, None]
    table = Tabular(rows[0], background=rows, labels=rows[:, 0] ** 2)
    found = explain(lambda x: x[:, 0], table, "residuals")
    page = figures.figure(found, width=6)
    points = page.axes[0].collections[0].get_offsets()
    assert len(points) == 1000
    np.testing.assert_allclose(points[:, 1], points[:, 0] ** 2 - points[:, 0], atol=1e-12)
    assert any("RMSE" in text for text in said(page))


def test_kinds() -> None:
    found = [content_of(answer(method)).kind for method in ("confusion", "roc", "precision_recall")]
    assert found == ["confusion", "rates", "rates"]
