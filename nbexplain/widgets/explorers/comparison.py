"""MethodComparison: methods, classes or inputs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from nbexplain.core.question import Answer
from nbexplain.core.registry import METHODS
from nbexplain.core.target import key_of
from nbexplain.place import Place
from nbexplain.session import Session
from nbexplain.widgets.explorers.compared import compared_warnings, compared_words, name_of
from nbexplain.widgets.explorers.explorer import CONTROLS, Explorer, checked_names
from nbexplain.widgets.inputs_row import InputsRow
from nbexplain.widgets.maps import map_of
from nbexplain.widgets.pane_link import PaneLink
from nbexplain.widgets.parts import Part

_LEAST, _MOST = 2, 9
_USUAL = {
    "picture": ("grad_cam", "gradient", "input_x_gradient", "occlusion"),
    "text": ("leave_one_out", "lime", "partition_shap"),
    "table": ("leave_one_out", "lime", "permutation_shap"),
}
_LEAST_WIDTHS = {"text": 300, "table": 400}  # pixels, of a pane with words or names in it


class MethodComparison(Explorer):
    """Two to nine maps side by side: of several methods, classes or inputs. All else follows the selection.

    Zoom and pointer of pictures are linked, colour limits can be.

    Parameters
    ----------
    model, inputs
        As for `Explorer`.
    methods, targets, numbers
        What is compared, one of them: keys of `METHODS`, classes (indices or names), or inputs by their number. By
        default several inputs are compared with each other, of a single one the usual methods.
    **options
        As for `Explorer`, without `show`.

    Raises
    ------
    TypeError, ValueError
        If more than one of them is given, or fewer than two or more than nine things; if none is given and no two of
        the usual methods suit the model.
    """

    _equal = True

    def __init__(
        self,
        model: nn.Module | Session,
        inputs: Any = None,
        *,
        methods: Sequence[str] | None = None,
        targets: Sequence[Any] | None = None,
        numbers: Sequence[int] | None = None,
        **options: Any,
    ) -> None:
        given = {"methods": methods, "targets": targets, "numbers": numbers}
        for name, values in given.items():
            if isinstance(values, str):
                raise TypeError(f"{name}: expected {_LEAST} to {_MOST} in a list, got {values!r}")
        chosen = {name: list(values) for name, values in given.items() if values is not None}
        if len(chosen) > 1:
            raise TypeError(f"{' and '.join(chosen)}: expected one of them, the other parts follow the selection")
        for name, values in chosen.items():
            if not _LEAST <= len(values) <= _MOST:
                raise ValueError(f"{name}: expected {_LEAST} to {_MOST} to compare, got {len(values)}")
        self._given = chosen
        part = {"methods": "method", "targets": "target", "numbers": "input"}
        self._part = part[next(iter(chosen))] if chosen else ""
        if "show" in options:
            raise TypeError("show: a comparison shows its maps")
        usual = [name for name in CONTROLS if name != "channel"]
        controls = checked_names("controls", options.pop("controls", None), usual, CONTROLS)
        super().__init__(model, inputs, show=["map"], controls=controls, **options)

    def _checked(self, shown: Sequence[str]) -> Sequence[str]:
        given = self._compared()
        self._values = [self.session.check(self._part, value) for value in given]
        self._among = self._values if self._part == "target" else ()
        return shown

    def _made(self, shown: Sequence[str]) -> list[Part]:
        compared = self._values
        self._fixed = {self._part}
        if self._part == "method":
            methods = [METHODS[key] for key in compared]
            self._long = any(method.progressive for method in methods)
            unneeded = {"layer", "target"} - {name for method in methods for name in method.needs}
            self._fixed |= {"params", *unneeded}
        kind = self.session.facts.kind
        self._least = _LEAST_WIDTHS.get(kind, 0)
        self._link = PaneLink() if kind not in ("text", "table") else None  # words and bars have nothing to zoom
        parts: list[Part] = [
            map_of(self.session, self._models, self._answered, self._link, self._among, **{self._part: value})
            for value in compared
        ]
        if self._link is not None:
            parts[0].above.append(self._link)
        if self._part != "input" and len(self.session.inputs) > 1:
            parts.append(InputsRow(self.session, self._models, self._answered))
        return parts

    def _said(self, main: Answer, answers: Mapping[Place, Answer]) -> tuple[str, list[str]]:
        """Of all that are compared; the status line is not about the first pane."""
        comparing = {place: answer for place, answer in answers.items() if place.own.keys() == {self._part}}
        own = {key_of(place.own[self._part]): answer for place, answer in comparing.items()}
        shown = [own[key] for key in map(key_of, self._values) if key in own]
        if not shown:
            return super()._said(main, answers)
        warned = [(self._name_of(answer), self._warnings_of(answer)) for answer in shown]
        text = compared_words(self._part, shown, self.session, len(self._values), self._among)
        return text, compared_warnings(warned)

    def _failure(self, answer: Answer) -> tuple[str, str]:
        sentence, traceback = super()._failure(answer)
        return f"{self._name_of(answer)}: {sentence}", traceback

    def _name_of(self, answer: Answer) -> str:
        return name_of(self._part, answer, self.session, self._among)

    def _compared(self) -> list[Any]:
        if self._given:
            return next(iter(self._given.values()))
        if len(self.session.inputs) > 1:
            self._part = "input"
            return list(range(min(len(self.session.inputs), _MOST)))
        self._part = "method"
        usual = _USUAL.get(self.session.facts.kind, _USUAL["picture"])
        suited = [key for key in usual if not self.session.facts.reason(METHODS[key])]
        if len(suited) < _LEAST:
            raise ValueError(f"methods: of the usual ones only {suited} suit; name {_LEAST} to {_MOST} yourself")
        return suited
