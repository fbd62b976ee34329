"""Charts of how well the model does show all outcomes: they follow a filter's conditions on columns alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbexplain.core.formatting import counted
from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.session import Session
from nbexplain.widgets import words


def place_of_all_outcomes(
    session: Session, show: Callable[[Place, Answer], None], **own: Any
) -> tuple[Place, Callable[[], None]]:
    """A place that follows the conditions on columns, not those on what the model makes of the rows; and what ends it.

    The cells and points of such a chart are what those conditions are put on by hand: a chart that followed them would
    be left with the one cell that was clicked.
    """
    chosen = session.selection
    place = session.place(show, where=chosen.where.of_columns, input=chosen.input, **own)

    def follow() -> None:
        if place.own["where"] != (where := session.selection.where.of_columns):
            place.own["where"] = where
            session.renew()

    end = session.on_select(follow)

    def close() -> None:
        end()
        place.close()

    return place, close


def rows_said(shown: int, total: int | None = None) -> str:
    """`569 rows`, or `1,024 of 20,000 rows` on the way."""
    return counted(shown, "row", total)


def figures_said(details: dict[str, float] | Any, names: Sequence[str]) -> list[str]:
    """Figures of merit in words, those that there are."""
    return [f"{name} {words.number(details[name])}" for name in names if name in details]
