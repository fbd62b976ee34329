"""explore: the explorer that fits a model and its input."""

from __future__ import annotations

from typing import Any

from nbexplain.inputs import Array
from nbexplain.inputs.source import Source, several
from nbexplain.session import Session
from nbexplain.widgets.explorers.explorer import Explorer
from nbexplain.widgets.explorers.tabular import TabularExplorer
from nbexplain.widgets.explorers.text import TextExplorer

_OF_KIND: dict[str, type[Explorer]] = {"text": TextExplorer, "table": TabularExplorer}


def explore(model: Any, inputs: Any = None, **options: Any) -> Explorer:
    """Show what a model does with an input: the attribution, the class scores, and what else there is to see.

    Parameters
    ----------
    model, inputs, **options
        As for `Explorer`.

    Returns
    -------
    Explorer
        A `TextExplorer` for a `Text`, a `TabularExplorer` for a `Tabular`; for pictures and other tensors one with a
        layer's channels. Panes that cannot show anything for this model (no named layer, no classes) are left out.
    """
    first = Source(inputs)[0] if not isinstance(model, Session) and several(inputs) else inputs
    kind = model.facts.kind if isinstance(model, Session) else first.kind if isinstance(first, Array) else "array"
    return _OF_KIND.get(kind, Explorer)(model, inputs, **options)
