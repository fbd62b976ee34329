"""TextExplorer: which words of a text speak for a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbexplain.widgets.explorers.explorer import Explorer
from nbexplain.widgets.parts import Part


class TextExplorer(Explorer):
    """Which words speak for a class: drop words, edit the text.

    Parameters as for `Explorer`; inputs are `Text`. The scores of two classes are shown only if `show` names them.
    """

    default_show = ("inputs", "map", "classes")
    default_controls = ("input", "method", "target", "params")

    def __init__(self, model: Any, inputs: Any = None, **options: Any) -> None:
        self._asked = options.get("show") is not None
        super().__init__(model, inputs, **options)

    def _made(self, shown: Sequence[str]) -> list[Part]:
        if not self._asked and len(self.session.classes) < 3:
            shown = [name for name in shown if name != "classes"]  # the list of targets tells both
        return super()._made(shown)
