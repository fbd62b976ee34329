"""TextExplorer: which words of a text speak for a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbexplain.inputs import Array, Tabular, Text
from nbexplain.widgets.explorers.explorer import Explorer
from nbexplain.widgets.parts import PANES, Part
from nbexplain.widgets.token_map import TokenMap
from nbexplain.widgets.views.counterfactual_view import CounterfactualView


class TextExplorer(Explorer):
    """Which words speak for a class: drop words, edit the text.

    Parameters as for `Explorer`; inputs are `Text`. `show` knows `"counterfactual"` besides: the fewest words without
    which another class is predicted, searched for at once if `show` names it, else when its button is pressed. The
    scores of two classes are shown only if `show` names them. Where tokens have scores of their own, `hide` starts with
    `"mask token"`, which leaves each in its place.
    """

    panes = (*PANES, "counterfactual")
    default_show = ("inputs", "map", "classes", "counterfactual")
    default_controls = ("input", "method", "target", "params")

    def __init__(self, model: Any, inputs: Any = None, **options: Any) -> None:
        self._asked = options.get("show") is not None
        super().__init__(model, inputs, **options)

    def _check_kind(self, x: Array) -> None:
        if not isinstance(x, Text):
            kind = type(x).__name__
            way = f"{kind}Explorer(model, x)" if isinstance(x, Tabular) else "explore(model, x)"
            raise TypeError(f"inputs: TextExplorer shows texts, Text(…), got {kind}; try {way}")

    def _checked(self, shown: Sequence[str]) -> Sequence[str]:
        self._check_kind(self.session.inputs[0])
        if not self._asked and len(self.session.classes) < 3:
            shown = [name for name in shown if name != "classes"]  # the list of targets tells both
        return shown

    def _made(self, shown: Sequence[str]) -> list[Part]:
        parts = super()._made(shown)
        if "counterfactual" in shown and self.session.facts.sides == 2:
            text = next((part for part in parts if isinstance(part, TokenMap)), None)
            parts.append(CounterfactualView(self.session, self._answered, at_once=self._asked, text=text))
        return parts
