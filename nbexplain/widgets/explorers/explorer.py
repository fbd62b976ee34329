"""Explorer: what all explorers are: a toolbar, a status line, and panes that follow one session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import ipywidgets
import traitlets
from torch import Tensor, nn

from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.session import Session
from nbexplain.widgets import cells, kernel, words
from nbexplain.widgets.attribution_map import AttributionMap, ClassScores
from nbexplain.widgets.controls import Toolbar
from nbexplain.widgets.layer_channels import LayerChannels
from nbexplain.widgets.layout import board, close_tree
from nbexplain.widgets.models import SessionModels
from nbexplain.widgets.status import StatusLine

PANES = ("map", "classes", "grid", "channel", "histogram")
CONTROLS = ("input", "method", "target", "layer", "channel", "params")
_LINKED = ("layer", "channel", "target", "method")


class Explorer(ipywidgets.VBox):
    """Panes and a toolbar on one session.

    Parameters
    ----------
    model
        A `torch.nn.Module`, of which the explorer makes a session of its own, or a `Session` to share.
    inputs, classes, preprocess, forward, scores
        As for `Session`; only with a model.
    show
        Which panes: `"map"` (the attribution over the picture), `"classes"` (bars of the scores), `"grid"` (all
        channels of the layer), `"channel"` (the chosen channel over the picture), `"histogram"` (its values).
    controls
        Which controls the toolbar shows, of `"input"`, `"method"`, `"target"`, `"layer"`, `"channel"`, `"params"`.
    method, target, layer, channel, params
        What is chosen at first; `params` are those of `method`.

    Attributes
    ----------
    layer, channel, target, method
        What is chosen, as traits: link any ipywidget to them.
    session
        The session.
    """

    default_show: ClassVar[Sequence[str]] = PANES
    default_controls: ClassVar[Sequence[str]] = CONTROLS

    layer = traitlets.Unicode(None, allow_none=True)
    channel = traitlets.Int(0)
    target = traitlets.Any(0)
    method = traitlets.Unicode("")

    def __init__(
        self,
        model: nn.Module | Session,
        inputs: Any = None,
        *,
        classes: Sequence[str] | None = None,
        preprocess: Callable[[Any], Any] | None = None,
        forward: Callable[[nn.Module, Any], Any] | None = None,
        scores: Callable[[Any], Tensor] | None = None,
        show: Iterable[str] | None = None,
        controls: Iterable[str] | None = None,
        method: str | None = None,
        target: Any = None,
        layer: str | None = None,
        channel: int | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        shown = _checked("show", show, self.default_show, PANES)
        offered = _checked("controls", controls, self.default_controls, CONTROLS)
        kernel.warn_once()
        cells.close_earlier()
        self._owned = not isinstance(model, Session)
        if isinstance(model, Session):
            own = {"inputs": inputs, "classes": classes, "preprocess": preprocess, "forward": forward, "scores": scores}
            for name, value in own.items():
                if value is not None:
                    raise TypeError(f"{name}: the session has its own; give it only together with a model")
            self.session = model
        else:
            if inputs is None:
                raise TypeError("inputs: expected a picture, a tensor (1, …) or a list of them, got nothing")
            self.session = Session(
                model, inputs, classes=classes, preprocess=preprocess, forward=forward, scores=scores
            )
        wanted = {"method": method, "target": target, "layer": layer, "channel": channel}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        if params is not None:
            wanted["params"] = {**self.session.selection.params, method or self.session.selection.method: params}
        try:
            self.session.select(**wanted)
        except BaseException:
            if self._owned:
                self.session.close()
            raise
        self._models = SessionModels.acquire(self.session)
        self._answers: dict[Place, Answer] = {}
        self._status = StatusLine()
        self._parts = self._made(shown)
        toolbar = Toolbar(
            controls=self._models.controls,
            facts=self._models.facts,
            status=self._status,
            show=list(offered),
            needs=["layer", "channel"] if set(shown) & {"grid", "channel", "histogram"} else [],
        )
        panes = [pane for part in self._parts for pane in part.panes]
        wide = [pane for part in self._parts for pane in part.wide]
        rows = [toolbar, self._status, board(panes), *wide]
        super().__init__(rows, layout=ipywidgets.Layout(width="100%", overflow="hidden"))
        self._endings = [
            self.session.on_select(self._follow),
            self._models.on_problem(lambda error: self._say_error(words.sentence(error), "")),
        ]
        self._follow()
        self.observe(self._chosen_here, names=list(_LINKED))
        cells.remember(self)

    def _made(self, shown: Sequence[str]) -> list[AttributionMap | ClassScores | LayerChannels]:
        """The parts that hold the panes. What cannot show anything for this model is left out."""
        parts: list[AttributionMap | ClassScores | LayerChannels] = []
        if "map" in shown:
            parts.append(AttributionMap(self.session, self._models, self._answered))
        if "classes" in shown and self.session.facts.scores[0].ndim == 2:
            parts.append(ClassScores(self.session))
        if {"grid", "channel", "histogram"} & set(shown) and self.session.selection.layer is not None:
            parts.append(LayerChannels(self.session, self._models, self._answered, shown))
        return parts

    @traitlets.validate(*_LINKED)
    def _fits(self, proposal: Any) -> Any:
        """Refuse at once, in the user's cell, what the session could not take."""
        if not hasattr(self, "_models"):
            return proposal["value"]
        return self.session.check(proposal["trait"].name, proposal["value"])

    def _chosen_here(self, change: Any) -> None:
        self.session.select(**{change["name"]: change["new"]})

    def _follow(self) -> None:
        chosen = self.session.selection
        for name in _LINKED:
            if getattr(self, name) != getattr(chosen, name):
                setattr(self, name, getattr(chosen, name))

    # The status line: written in the worker, or before the first display

    def _answered(self, place: Place, answer: Answer) -> None:
        self._answers[place] = answer
        failed = next((a for a in self._answers.values() if a.state == "failed"), None)
        running = next((a for a in self._answers.values() if a.state == "running"), None)
        chosen = next((a for p, a in self._answers.items() if "method" not in p.own), None)
        main = running or chosen or next(iter(self._answers.values()))
        explanation = main.explanation
        with self._status.hold_sync():
            if explanation is not None:
                self._status.text = words.summary(explanation, self.session) + (
                    " · stopped" if main.state == "stopped" else ""
                )
                number = main.question.input
                seen = () if number is None else self.session.inputs[number].picture_notes
                self._status.warnings = list(dict.fromkeys((*seen, *explanation.warnings)))
            elif running is not None:
                self._status.text = f"{words.METHODS[running.question.method].label}: the first picture is on its way"
            self._status.running = running is not None
            self._status.progress = -1 if running is None else explanation.progress if explanation else 0
            self._status.error, self._status.traceback = words.failure(failed) if failed else ("", "")
            self._status.level = (
                "error" if failed else "busy" if running else "warning" if self._status.warnings else "idle"
            )

    def _say_error(self, error: str, traceback: str) -> None:
        with self._status.hold_sync():
            self._status.error, self._status.traceback, self._status.level = error, traceback, "error"

    # The end

    def close(self) -> None:
        """Close every model that this made; the session too, if it is its own."""
        if self.comm is None:
            return
        for end in self._endings:
            end()
        for part in self._parts:
            part.close()
        if self._owned:
            self.session.close()
        spared = self._models.widgets()
        for child in self.children:
            close_tree(child, spared)
        close_tree(self.layout, spared)
        super().close()
        self._models.release()


def _checked(name: str, given: Iterable[str] | None, default: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    if given is None:
        return tuple(default)
    chosen = (given,) if isinstance(given, str) else tuple(given)
    for one in chosen:
        if one not in known:
            raise ValueError(f"{name}: expected some of {', '.join(map(repr, known))}, got {one!r}")
    if name == "show" and not chosen:
        raise ValueError(f"{name}: expected at least one of {', '.join(map(repr, known))}")
    return chosen
