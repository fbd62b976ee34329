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
from nbexplain.inputs import Image, Volume
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import regions
from nbexplain.widgets.activity import Activity
from nbexplain.widgets.controls import Controls, Facts
from nbexplain.widgets.image_channels import send_channels
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.volume_slices import displayed_slices
from nbexplain.widgets.wire import Array

_MOMENT = 0.015  # seconds that a message from the browser may wait for its quick answer
_MOST_PICTURES = 32  # in the browser; of up to 4 MB each
_SEEN_AS_SQUARES = 64  # pixels a side below which they are
LONGEST_SIDE = 1024  # of a picture on screen; a larger one would exceed what one message may hold
_CHOSEN = ("input", "part", "layer", "channel", "cell", "target", "over", "method", "params")


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
        self.facts = Facts(inputs=len(session.inputs), **_facts(session))
        self._pictures: OrderedDict[tuple[int, int], Array] = OrderedDict()  # by input and its edition
        self._shown_in: weakref.WeakKeyDictionary[Any, Array] = weakref.WeakKeyDictionary()
        self.activity = Activity(session)
        self.controls.observe(self._from_browser, names=list(_CHOSEN))
        self.controls.on_command = self._command
        self._endings = [
            session.on_select(self._to_browser),
            session.on_facts(self._tell_facts),
            runner.on_problem(session, self._tell_problem),
        ]

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
        if not isinstance(given, (Image, Volume)):
            return None
        key = number, self.session.edition(number)
        if key not in self._pictures:
            array = Array()
            meta: dict[str, Any] = {"title": f"input {number}", "key": f"picture {number}"}
            if isinstance(given, Volume):
                depth, *size = given.picture.shape[:3]
                array.send(displayed_slices(given.picture), **meta, axes=["z", "y", "x"], size=size, slices=depth)
            elif given.in_channels:
                send_channels(array, given, **meta, size=list(given.picture.shape[:2]))
            else:
                array.send(_displayed(given), **meta, size=list(given.picture.shape[:2]))
            self._pictures[key] = array
        self._pictures.move_to_end(key)
        return self._pictures[key]

    def show_picture(self, pane: Any, number: int) -> None:
        """Let a pane show the picture of an input; those that no pane shows any more are closed by and by."""
        picture = self.picture(number)
        if pane.picture is not picture:
            pane.picture = picture
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
        """Call `listener` in the worker with what a pane raised, and why what the browser chose does not fit.

        Returns what ends this.
        """
        self._problem_listeners.append(listener)
        return lambda: self._problem_listeners.remove(listener)

    def _tell_problem(self, problem: Exception) -> None:
        for listener in list(self._problem_listeners):
            listener(problem)

    def _chosen(self) -> dict[str, Any]:
        chosen = self.session.selection
        target, over = regions.shown(chosen.target)
        return {
            "input": chosen.input,
            "part": "" if chosen.part is None else str(chosen.part),
            "layer": chosen.layer or "",
            "channel": chosen.channel,
            "cell": list(chosen.cell or ()),
            "target": target,  # -1: one that no slider can show
            "over": over,
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
        if "part" in changes:  # a select box knows positions by their words
            changes["part"] = next((k for k in self.session.facts.parts if str(k) == changes["part"]), changes["part"])
        try:
            # a quick answer travels before the end of this message, not after it: sent later, it often waits for the
            # acknowledgement of that end, up to 40 ms (Nagle's algorithm in the server)
            self.session.choose(self._asked(changes), moment=_MOMENT)
        except (TypeError, ValueError):
            for name, value in changes.items():  # what fits is taken all the same
                self._select_one(name, value)

    def _asked(self, changes: dict[str, Any]) -> dict[str, Any]:
        """A class and what it is explained over make one target."""
        parts = {name: value for name, value in changes.items() if name not in ("target", "over")}
        if len(parts) == len(changes):
            return changes
        return {**parts, "target": regions.chosen(self.session, self.controls.target, self.controls.over)}

    def _select_one(self, name: str, value: Any) -> None:
        """Choose one part, or say in the status line why not: the browser has no cell to raise in."""
        try:
            self.session.select(**self._asked({name: value}))
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
        about = ("input", "target", "over") if self.facts.overs else ("input",)
        if any(self._shown[name] != before[name] for name in about):
            runner.later((self, "facts"), 0, self._tell_facts, owner=self.session)

    def _tell_facts(self) -> None:
        """In the worker: the weights have changed, or another input was run for the first time."""
        with self.facts.hold_sync():
            self.facts.inputs = len(self.session.inputs)
            for name, value in _facts(self.session).items():
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


def _facts(session: Session) -> dict[str, Any]:
    known = session.facts
    return {
        "classes": list(session.classes),
        "overs": regions.choices(session),
        "layers": [_layer(row) for row in known.layers],
        "scores": regions.class_scores(session, session.selection.input)[0],
        "score_name": known.score_name,
        "parts": [str(part) for part in known.parts],
        "methods": [_method(m, known) for m in METHODS.values() if _is_offered(m, known.kind)],
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


def _method(method: Method, known: KnownFacts) -> dict[str, Any]:
    params = []
    for parameter in method.fitted(known.kind, known.places):
        spec = parameter.spec
        shown: dict[str, Any] = {"name": parameter.name, "default": parameter.default, "help": spec.help}
        if isinstance(spec, Range):
            whole = parameter.kind is int
            step = spec.step or (1 if whole else (spec.high - spec.low) / 100)
            shown |= {"kind": "range", "low": spec.low, "high": spec.high, "step": step, "integer": whole}
            if spec.half_of:
                shown["half_of"] = spec.half_of
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
        "reason": known.reason(method),
        "params": params,
    }


def interpolation(x: Input) -> str:
    """How maps over an input are enlarged at first: as cells where the picture's own pixels are seen as squares."""
    size = x.picture.shape[:2] if isinstance(x, Image) else x.picture.shape[1:3] if isinstance(x, Volume) else ()
    return "nearest" if size and max(size) < _SEEN_AS_SQUARES else "bilinear"


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
