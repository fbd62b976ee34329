"""The browser models that all explorers of a session share: the selection, what is known, and the pictures."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar

import ipywidgets
import numpy as np

from nbexplain.core.layers import Layer
from nbexplain.core.question import Facts as KnownFacts
from nbexplain.core.registry import METHODS, Choice, Flag, Method, Range
from nbexplain.inputs import Array as Input
from nbexplain.inputs import Image
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets.activity import Activity
from nbexplain.widgets.controls import Controls, Facts
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.wire import Array

_MOMENT = 0.015  # seconds that a message from the browser may wait for its quick answer
_MOST_PICTURES = 32  # in the browser; of up to 4 MB each
_SEEN_AS_SQUARES = 64  # pixels a side below which they are
LONGEST_SIDE = 1024  # of a picture on screen; a larger one would exceed what one message may hold
_CHOSEN = ("input", "layer", "channel", "cell", "target", "method", "params")


class SessionModels:
    """One Controls, one Facts and one picture per input, however many explorers show them.

    `acquire` makes them for the first explorer of a session; `release` closes them with the last.
    """

    _of: ClassVar[weakref.WeakKeyDictionary[Session, SessionModels]] = weakref.WeakKeyDictionary()

    def __init__(self, session: Session) -> None:
        self.session = session
        self.users = 0
        self._problem_listeners: list[Callable[[Exception], None]] = []
        self._refused: list[tuple[str, Any]] = []  # what the browser still shows, though it does not fit
        self._shown = self._chosen()
        self.controls = Controls(**self._chosen())
        self.facts = Facts(classes=list(session.classes), inputs=len(session.inputs), **_facts(session.facts))
        self._pictures: OrderedDict[tuple[int, int], Array] = OrderedDict()  # by input and its edition
        self._shown_in: weakref.WeakKeyDictionary[Any, Array] = weakref.WeakKeyDictionary()
        self.activity = Activity(session)
        self.controls.observe(self._from_browser, names=list(_CHOSEN))
        self.controls.on_command = self._command
        self._endings = [session.on_select(self._to_browser), session.on_facts(self._tell_facts)]

    @classmethod
    def acquire(cls, session: Session) -> SessionModels:
        """The models of a session, for one more explorer."""
        models = cls._of.get(session)
        if models is None:
            models = cls._of[session] = cls(session)
        models.users += 1
        return models

    def release(self) -> None:
        """One explorer less; the last one closes the models."""
        self.users -= 1
        if self.users:
            return
        self._of.pop(self.session, None)
        for end in self._endings:
            end()
        for widget in self.widgets():
            close_tree(widget, set())

    def widgets(self) -> set[ipywidgets.Widget]:
        """What is shared between explorers."""
        return {self.controls, self.facts, *self._pictures.values()}

    def picture(self, number: int) -> Array | None:
        """The picture of an input as the network saw it, or None for an input that is no picture."""
        given = self.session.inputs[number]
        if not isinstance(given, Image):
            return None
        key = number, self.session.edition(number)
        if key not in self._pictures:
            height, width = given.picture.shape[:2]
            array = Array()
            array.send(_displayed(given), title=f"input {number}", key=f"picture {number}", size=[height, width])
            self._pictures[key] = array
        self._pictures.move_to_end(key)
        return self._pictures[key]

    def show_picture(self, pane: Any, number: int) -> None:
        """Let a pane show the picture of an input; those that no pane shows any more are closed by and by."""
        pane.picture = picture = self.picture(number)
        if picture is None:
            self._shown_in.pop(pane, None)
        else:
            self._shown_in[pane] = picture
        shown = {id(array) for pane, array in self._shown_in.items() if pane.comm is not None}
        for key in [key for key, array in self._pictures.items() if id(array) not in shown]:
            if len(self._pictures) <= _MOST_PICTURES:
                break
            close_tree(self._pictures.pop(key), set())

    def on_problem(self, listener: Callable[[Exception], None]) -> Callable[[], None]:
        """Call `listener` in the worker when the browser chose what does not fit. Returns what ends this."""
        self._problem_listeners.append(listener)
        return lambda: self._problem_listeners.remove(listener)

    def _tell_problem(self, problem: Exception) -> None:
        for listener in list(self._problem_listeners):
            listener(problem)

    def _chosen(self) -> dict[str, Any]:
        chosen = self.session.selection
        return {
            "input": chosen.input,
            "layer": chosen.layer or "",
            "channel": chosen.channel,
            "cell": list(chosen.cell or ()),
            "target": chosen.target if isinstance(chosen.target, int) else -1,  # a target that no slider can show
            "method": chosen.method,
            "params": {key: dict(params) for key, params in chosen.params.items()},
        }

    def _from_browser(self, _change: object) -> None:
        """Take over what was chosen in the browser. Nothing is written back: a dragged slider would jump."""
        shown = self._chosen()
        wanted = {name: getattr(self.controls, name) for name in _CHOSEN}
        changes = {k: v for k, v in wanted.items() if v != shown[k] and (k, v) not in self._refused}
        if "cell" in changes:
            changes["cell"] = changes["cell"] or None
        try:
            # a quick answer travels before the end of this message, not after it: sent later, it often waits for the
            # acknowledgement of that end, up to 40 ms (Nagle's algorithm in the server)
            self.session.choose(changes, moment=_MOMENT)
        except (TypeError, ValueError):
            for name, value in changes.items():  # what fits is taken all the same
                self._select_one(name, value)

    def _select_one(self, name: str, value: Any) -> None:
        """Choose one part, or say in the status line why not: the browser has no cell to raise in."""
        try:
            self.session.select(**{name: value})
        except (TypeError, ValueError) as error:
            problem = error
            self._refused = [(k, v) for k, v in self._refused if k != name] + [(name, value)]
            runner.later((self, "problem"), 0, lambda: self._tell_problem(problem), owner=self.session)

    def _to_browser(self) -> None:
        """Show what has been chosen anew; what came from the browser is equal already and stays unwritten."""
        before, self._shown = self._shown, self._chosen()
        with (
            self.controls.hold_trait_notifications()
        ):  # or `_from_browser` would take a half-told selection for a choice
            for name, value in self._shown.items():
                if value != before[name] and getattr(self.controls, name) != value:
                    setattr(self.controls, name, value)
        if self._shown["input"] != before["input"]:
            runner.later((self, "facts"), 0, self._tell_facts, owner=self.session)

    def _tell_facts(self) -> None:
        """In the worker: the weights have changed, or another input was run for the first time."""
        known = self.session.facts
        with self.facts.hold_sync():
            self.facts.inputs = len(self.session.inputs)
            for name, value in _facts(known, self.session.selection.input).items():
                setattr(self.facts, name, value)

    def _command(self, command: str) -> None:
        if command == "stop":
            self.session.stop()
        elif command == "run":
            self.session.renew(again=True)
        elif command == "more":
            try:
                self.session.more()
            except ValueError as error:
                problem = error
                runner.later((self, "problem"), 0, lambda: self._tell_problem(problem), owner=self.session)
        else:
            self.session.refresh()


def _facts(known: KnownFacts, number: int = 0) -> dict[str, Any]:
    scores = known.scores.get(number)
    return {
        "layers": [_layer(row) for row in known.layers],
        "scores": scores[0].double().tolist() if scores is not None and scores.ndim == 2 else [],
        "score_name": known.score_name,
        "methods": [_method(m, known.reason(m), known.kind) for m in METHODS.values() if _is_offered(m, known.kind)],
    }


def _is_offered(method: Method, kind: str) -> bool:
    """Whether a person may choose it for the pane of the map: words and columns have no layers' grids over them."""
    of_features = kind in ("text", "table")
    if (of_features and "layer" in method.needs) or (kind == "text" and method.gradient):
        return False
    return method.on_picture and not method.reason_for(kind)


def _layer(row: Layer) -> dict[str, Any]:
    return {
        "name": row.name,
        "type": row.type,
        "shape": "×".join(map(str, row.shape)),
        "channels": row.channels,
        "grid": row.grid is not None,
        "gradient": row.gradient,
        "reason": row.reason,
    }


def _method(method: Method, reason: str, kind: str) -> dict[str, Any]:
    params = []
    for parameter in method.parameters.values():
        if not parameter.belongs(kind):
            continue
        spec = parameter.spec
        shown: dict[str, Any] = {"name": parameter.name, "default": parameter.default, "help": spec.help}
        if isinstance(spec, Range):
            whole = parameter.kind is int
            step = spec.step or (1 if whole else (spec.high - spec.low) / 100)
            shown |= {"kind": "range", "low": spec.low, "high": spec.high, "step": step, "integer": whole}
        elif isinstance(spec, Choice):
            shown |= {"kind": "choice", "choices": list(spec.options)}
        elif isinstance(spec, Flag):
            shown |= {"kind": "flag"}
        params.append(shown)
    return {
        "key": method.key,
        "label": method.label,
        "paper": method.paper,
        "needs": list(method.needs),
        "progressive": method.progressive,
        "grid": method.grid,
        "reason": reason,
        "params": params,
    }


def interpolation(x: Input) -> str:
    """How maps over an input are enlarged at first: as cells where the picture's own pixels are seen as squares."""
    return "nearest" if isinstance(x, Image) and max(x.picture.shape[:2]) < _SEEN_AS_SQUARES else "bilinear"


def _displayed(image: Image) -> np.ndarray:
    """(H, W, 3) uint8, or (H, W, 4) with alpha 0 where the input is not finite; at most 1024 pixels a side."""
    pixels = image.picture
    if image.missing.any():
        pixels = np.dstack([pixels, np.where(image.missing, 0, 255).astype(np.uint8)])
    longest = max(pixels.shape[:2])
    if longest <= LONGEST_SIDE:
        return pixels
    import PIL.Image

    size = tuple(max(round(side * LONGEST_SIDE / longest), 1) for side in (pixels.shape[1], pixels.shape[0]))
    return np.asarray(PIL.Image.fromarray(pixels).resize(size, PIL.Image.Resampling.BOX))
