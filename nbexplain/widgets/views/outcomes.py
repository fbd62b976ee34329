"""Charts of how well the model does show all outcomes: they follow a filter's conditions on columns alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbexplain.core.formatting import counted
from nbexplain.core.question import Answer
from nbexplain.inputs import Tabular
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import words
from nbexplain.widgets.views.filter_words import fields_of_outcomes


def place_of_all_outcomes(
    session: Session, show: Callable[[Place, Answer], None], say: Callable[[str], None], **own: Any
) -> tuple[Place, Callable[[], None]]:
    """A place that follows the conditions on columns, not those on what the model makes of the rows; and what ends it.

    The cells and points of such a chart are what those conditions are put on by hand: a chart that followed them would
    be left with the one cell that was clicked. `say` is called in the worker with why there is no new chart, or which
    conditions it does not follow.
    """
    chosen = session.selection
    failed, drawn = "", False

    def tell() -> None:
        say(failed or (not_followed(session) if drawn else ""))

    def answered(place: Place, answer: Answer) -> None:
        nonlocal failed, drawn
        if words.is_news(answer):
            failed, drawn = words.notice(answer), drawn or answer.explanation is not None
        show(place, answer)
        tell()

    place = session.place(answered, where=chosen.where.of_columns, input=chosen.input, **own)

    def follow() -> None:
        if place.own["where"] != (where := session.selection.where.of_columns):
            place.own["where"] = where
            session.renew()
        runner.later((place, "not followed"), 0, tell, owner=session)

    end = session.on_select(follow)

    def close() -> None:
        end()
        place.close()

    return place, close


def not_followed(session: Session) -> str:
    """Why a chart of all outcomes may show more rows than the filter leaves; nothing where it shows the same."""
    table, where = session.inputs[session.selection.input], session.selection.where
    if not isinstance(table, Tabular) or where == where.of_columns:
        return ""
    fields = fields_of_outcomes(table, session.classes, session.facts.class_values is not None)
    names = {field.key: field.name for field in fields}
    by = " and ".join(names.get(key, key) for key, _ in where if where.of_columns.get(key) is None)
    return f"All outcomes are shown here, whatever the filter by {by}"


def rows_said(shown: int, total: int | None = None) -> str:
    """`569 rows`, or `1,024 of 20,000 rows` on the way."""
    return counted(shown, "row", total)


def figures_said(details: dict[str, float] | Any, names: Sequence[str]) -> list[str]:
    """Figures of merit in words, those that there are."""
    return [f"{name} {words.number(details[name])}" for name in names if name in details]
