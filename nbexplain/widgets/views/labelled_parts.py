"""The parts that say which rows are looked at, and how well the model does on those with a label."""

from __future__ import annotations

from collections.abc import Callable, Collection

from nbexplain.core.question import Answer
from nbexplain.inputs import Tabular
from nbexplain.place import Place
from nbexplain.session import Session
from nbexplain.widgets.parts import Part
from nbexplain.widgets.views.confusion_view import ConfusionView
from nbexplain.widgets.views.curves_view import CurvesView
from nbexplain.widgets.views.filter_view import FilterView
from nbexplain.widgets.views.residuals_view import ResidualsView

OF_CLASSES, OF_NUMBERS = ("confusion", "curves"), ("residuals",)


def labelled_parts(
    session: Session,
    answered: Callable[[Place, Answer], None],
    shown: Collection[str],
    explain: Callable[[Tabular], None],
) -> list[Part]:
    """The filter bar, and what can be shown of how well this model does; `explain(row)` lets a row be explained."""
    table = session.inputs[session.selection.input]
    assert isinstance(table, Tabular)
    parts: list[Part] = []
    if "filter" in shown and table.background is not None and session.facts.one_per_class:
        parts.append(FilterView(session))
    why = reasons(session)
    curves = CurvesView(session, answered) if "curves" in shown and not why["curves"] else None
    if "confusion" in shown and not why["confusion"]:
        parts.append(ConfusionView(session, answered, curves))
    if curves is not None:
        parts.append(curves)
    if "residuals" in shown and not why["residuals"]:
        parts.append(ResidualsView(session, answered, explain))
    return parts


def reasons(session: Session) -> dict[str, str]:
    """Why each of the panes of labelled rows cannot be shown, or `""`."""
    table = session.inputs[session.selection.input]
    bare = "labels" if getattr(table, "labels", None) is None or not session.facts.one_per_class else ""
    facts = session.facts
    needs = {
        **dict.fromkeys(OF_CLASSES, "classes" if facts.without_classes else ""),
        **dict.fromkeys(OF_NUMBERS, "numbers" if facts.tells_classes else ""),
    }
    said = {
        "": "",
        "labels": "it needs the right class or number of each row: Tabular(…, labels=…)",
        "classes": f"it needs scores of classes, and {facts.without_classes}",
        "numbers": f"it needs a model that predicts numbers, and {facts.tells_classes}",
    }
    return {name: said[bare or need] for name, need in needs.items()}
