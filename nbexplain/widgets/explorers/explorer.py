"""Explorer: what all explorers are: a toolbar, a status line, and panes that follow one session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import ipywidgets
import traitlets
from torch import Tensor, nn

from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Answer, Question
from nbexplain.core.table.matching import NoRows
from nbexplain.core.target import key_of
from nbexplain.inputs import Array, Display, Key
from nbexplain.place import Place
from nbexplain.runner import runner
from nbexplain.session import Session
from nbexplain.widgets import cells, kernel, words
from nbexplain.widgets.code import code_of
from nbexplain.widgets.controls import Toolbar
from nbexplain.widgets.layout import close_tree
from nbexplain.widgets.models import SessionModels
from nbexplain.widgets.parts import PANES, Part, needs, parts_of, rows
from nbexplain.widgets.status import StatusLine
from nbexplain.widgets.still import still
from nbexplain.widgets.views.filter_words import in_words

CONTROLS = ("input", "part", "method", "target", "layer", "channel", "params")
_FIRST_PICTURE = 0.2  # seconds that the display waits at most for something to stand in a saved notebook
_LINKED = ("input", "layer", "channel", "target", "method")


def _class_number(target: Any, _widget: object) -> int:
    return target if isinstance(target, int) else -1


class _TargetTrait(traitlets.Any):
    """A target: another callable is a change, also one that is equal to the one before."""

    def set(self, obj: Any, value: Any) -> None:
        before, after = self.get(obj), self._validate(obj, value)
        obj._trait_values[self.name] = after
        if key_of(before) != key_of(after):
            obj._notify_trait(self.name, before, after)


class Explorer(ipywidgets.VBox):
    """Panes and a toolbar on one session.

    Parameters
    ----------
    model
        A `torch.nn.Module`, of which the explorer makes a session of its own, or a `Session` to share.
    inputs, classes, preprocess, part, forward, scores, axes, display
        As for `Session`; only with a model.
    show
        Which panes: `"inputs"` (thumbnails of all inputs, and upload), `"map"` (the attribution over the picture),
        `"classes"` (bars of the scores), `"channel"` (the chosen channel over the picture), `"histogram"` (its values),
        `"grid"` (all channels of the layer), `"activity"` (inputs × channels), `"cell"` (the receptive field and the
        arithmetic of one cell), `"ablation"` (the scores without some channels). By default the first six, the
        thumbnails only of several inputs. Volumes and videos are shown slice by slice, at first the one in the middle;
        a button goes to the slice where the map is largest.
    controls
        Which controls the toolbar shows, of `"input"`, `"part"` (which of several inputs of the model is explained),
        `"method"`, `"target"`, `"layer"`, `"channel"`, `"params"`.
    input, method, target, layer, channel, params
        What is chosen at first; `params` are those of `method`.

    Attributes
    ----------
    input, layer, channel, target, method
        What is chosen, as traits: `link` or `jslink` any ipywidget to them. A target that is no class is -1 there.
    session
        The session.
    """

    panes: ClassVar[Sequence[str]] = PANES
    _long: bool = False  # whether panes ask methods of their own that take long, which can be stopped and run
    _main: str = ""  # the method that the status line is about, where panes ask several of their own
    _told: tuple[type[Exception], ...] = ()  # errors that a pane tells of, so that the status line need not
    _least: int = 0  # pixels that a pane on the board needs, where they share its width
    _equal: bool = False  # whether all of those are as wide as each other, the last one too
    _among: Sequence[Any] = ()  # the targets that panes are compared by
    default_show: ClassVar[Sequence[str]] = ("inputs", "map", "classes", "channel", "histogram", "grid")
    default_controls: ClassVar[Sequence[str]] = CONTROLS

    # known to the browser for `jslink`; not echoed, or a slider that is dragged there would jump back
    input = traitlets.Int(0).tag(sync=True, echo_update=False)
    layer = traitlets.Unicode(None, allow_none=True).tag(sync=True, echo_update=False)
    channel = traitlets.Int(0).tag(sync=True, echo_update=False)
    target = _TargetTrait(0).tag(sync=True, echo_update=False, to_json=_class_number)
    method = traitlets.Unicode("").tag(sync=True, echo_update=False)

    def __init__(
        self,
        model: nn.Module | Session,
        inputs: Any = None,
        *,
        classes: Sequence[str] | None = None,
        preprocess: Callable[[Any], Any] | None = None,
        part: Key | None = None,
        forward: Callable[[nn.Module, Any], Any] | None = None,
        scores: Callable[[Any], Tensor] | str | None = None,
        axes: Mapping[str, str] | None = None,
        display: Display | None = None,
        show: Iterable[str] | None = None,
        controls: Iterable[str] | None = None,
        input: int | None = None,  # noqa: A002  the selection's own word
        method: str | None = None,
        target: Any = None,
        layer: str | None = None,
        channel: int | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        shown: Sequence[str] = checked_names("show", show, self.default_show, self.panes)
        offered = checked_names("controls", controls, self.default_controls, CONTROLS)
        kernel.warn_once()
        cells.close_earlier()
        self._owned = not isinstance(model, Session)
        if isinstance(model, Session):
            own = {"inputs": inputs, "classes": classes, "preprocess": preprocess, "forward": forward, "scores": scores}
            for name, value in {**own, "axes": axes, "display": display}.items():
                if value is not None:
                    raise TypeError(f"{name}: the session has its own; give it only together with a model")
            self.session = model
            if part is not None:
                model.select(part=part)
                model.wait()  # what is shown depends on it
        else:
            if inputs is None:
                raise TypeError(
                    "inputs: expected an image, a tensor (1, …), Text(…), Tabular(…) or a list of these, got none"
                )
            first = inputs[0] if isinstance(inputs, list) and inputs else inputs
            if isinstance(first, Array):
                self._check_kind(first)
            self.session = Session(
                model,
                inputs,
                classes=classes,
                preprocess=preprocess,
                part=part,
                forward=forward,
                scores=scores,
                axes=axes,
                display=display,
            )
        wanted = {"input": input, "method": method, "target": target, "layer": layer, "channel": channel}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        if params is not None:
            wanted["params"] = {**self.session.selection.params, method or self.session.selection.method: params}
        if show is None and len(self.session.inputs) == 1:
            shown = tuple(name for name in shown if name != "inputs")
        try:
            self.session.select(**wanted)
            shown = self._checked(shown)
        except BaseException:
            if self._owned:
                self.session.close()
            raise
        self._fixed: set[str] = set()  # controls that would change nothing here
        self._models = SessionModels.acquire(self.session)
        self._answers: dict[Place, Answer] = {}
        self._drawn: dict[Place, Answer] = {}  # the last ones with something to draw
        self._of: dict[Place, tuple[Question, Array]] = {}  # the texts and rows that those are of
        self._status = StatusLine()
        self._refused = False  # whether the status line says what did not fit
        before = self.session.waiting
        try:
            self._parts = self._made(shown)
        except BaseException:
            close_tree(self._status, set())
            self._models.release()
            if self._owned:
                self.session.close()
            raise
        if self.session.facts.kind in ("text", "table"):
            self._fixed |= {"layer", "channel"}  # words and columns have no place in a layer's grid
        asked = [place for place in self.session.waiting if place not in before]
        if controls is None and all("method" in place.own for place in asked):
            self._fixed |= {"method", "params"}  # no pane asks what is chosen there
        toolbar = Toolbar(
            controls=self._models.controls,
            facts=self._models.facts,
            status=self._status,
            show=[name for name in offered if name not in self._fixed],
            needs=needs(shown),
            long=self._long,
        )
        children = [toolbar, self._status, *rows(self._parts, self._least, self._equal)]
        super().__init__(children, layout=ipywidgets.Layout(width="100%", overflow="hidden"))
        self._endings = [
            self.session.on_select(self._follow),
            self._models.on_problem(self._problem),
        ]
        self._follow()
        self.observe(self._chosen_here, names=list(_LINKED))
        cells.remember(self)

    def _check_kind(self, x: Array) -> None:
        """Refuse an input of a kind that is not shown here, before the model is asked about it."""

    def _checked(self, shown: Sequence[str]) -> Sequence[str]:
        """Return what is shown here, or refuse it before a widget goes to the browser."""
        return shown

    def _made(self, shown: Sequence[str]) -> list[Part]:
        """The parts that hold the panes."""
        return parts_of(self.session, self._models, self._answered, shown)

    @traitlets.validate(*_LINKED)
    def _fits(self, proposal: Any) -> Any:
        """Refuse at once, in the user's cell, what the session could not take."""
        if not hasattr(self, "_models"):
            return proposal["value"]
        try:
            value = self.session.check(proposal["trait"].name, proposal["value"])
        except (TypeError, ValueError) as error:
            # a link that was moved in the browser has no cell to raise in: there it is said in the status line
            self._refuse_later(error)
            raise
        if self._refused:
            runner.later((self, "refused"), 0, self._tell, owner=self.session)
        return value

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take over what the browser sent; what does not fit leaves all as it was, there as well."""
        try:
            super().set_state(sync_data)
        except (TypeError, ValueError, traitlets.TraitError) as error:
            self._follow()
            self.send_state([name for name in sync_data if name in _LINKED])
            self._refuse_later(error)  # `_fits` said so, and took it back when the former value fitted

    def _refuse_later(self, error: Exception) -> None:
        sentence = words.sentence(error)
        runner.later((self, "refused"), 0, lambda: self._refuse(sentence), owner=self.session)

    def _chosen_here(self, change: Any) -> None:
        self.session.select(**{change["name"]: change["new"]})

    def _follow(self) -> None:
        chosen = self.session.selection
        for name in _LINKED:
            if key_of(getattr(self, name)) != key_of(getattr(chosen, name)):
                setattr(self, name, getattr(chosen, name))

    # The status line: written in the worker, or before the first display

    def _answered(self, place: Place, answer: Answer) -> None:
        self._answers[place] = answer
        if answer.explanation is not None:
            self._drawn[place] = answer
            self._remember(place, answer.question)
        elif answer.state == "done":  # what it said is on the page no more
            del self._answers[place]
            self._drawn.pop(place, None)
            self._of.pop(place, None)
        self._tell()

    def _remember(self, place: Place, question: Question) -> None:
        """Of a list that stays while its texts or rows are tried, what it is of; of many rows all have the same."""
        many = words.METHODS[question.method].of_many_rows(dict(question.params))
        if question.input is not None and not many and self.session.facts.kind in ("text", "table"):
            self._of[place] = question, self.session.inputs[question.input]

    def _tell(self) -> None:
        self._refused = False
        wrong = [a for a in self._answers.values() if a.state == "failed" and not isinstance(a.error, self._told)]
        failed = next(iter(sorted(wrong, key=lambda a: isinstance(a.error, NoRows))), None)
        answers = self._on_page()
        running = next((a for a in answers.values() if a.state == "running"), None)
        chosen = next((a for p, a in answers.items() if p.own.get("method", self._main) == self._main), None)
        main = running or chosen or max(answers.values(), key=_seconds, default=None)
        explanation = main.explanation if main is not None else None
        with self._status.hold_sync():
            if main is not None:
                self._status.text, self._status.warnings = self._said(main, answers)
            self._status.running = running is not None
            self._status.progress = -1 if running is None else explanation.progress if explanation else 0
            self._status.error, self._status.traceback = self._failure(failed) if failed else ("", "")
            self._status.level = (
                "error" if failed else "busy" if running else "warning" if self._status.warnings else "idle"
            )

    def _said(self, main: Answer, answers: Mapping[Place, Answer]) -> tuple[str, list[str]]:
        """What the status line says: of the main answer and what else was stopped, or of all; what to distrust."""
        text, warnings = self._said_of(main)
        others = [answer for answer in answers.values() if answer is not main and answer.state == "stopped"]
        return " · ".join(dict.fromkeys(filter(None, [text, *map(_stopped, others)]))), warnings

    def _said_of(self, main: Answer) -> tuple[str, list[str]]:
        if main.explanation is not None:
            text = words.summary(main.explanation, self.session, stopped=main.state == "stopped")
            return text, self._warnings_of(main)
        if main.state == "stopped":
            label = words.METHODS[main.question.method].label
            return f"{label}: {words.stopped(None)}", self._status.warnings
        text = ""
        if main.state == "running":
            cost = f"{main.price}; " if main.price else ""
            text = f"{words.METHODS[main.question.method].label}: {cost}the first picture is on its way"
        elif isinstance(main.error, NoRows):
            return words.without_rows(main.question, self.session), []
        elif main.state == "failed":
            text = f"{words.METHODS[main.question.method].label}: failed"
            if any(drawn.question.method == main.question.method for drawn in self._drawn.values()):
                text += "; its panes stay as they were"
        return text, self._status.warnings

    def _warnings_of(self, answer: Answer) -> list[str]:
        """What to distrust of its input and of itself."""
        number, explanation = answer.question.input, answer.explanation
        seen = () if number is None else self.session.inputs[number].picture_notes
        found = dict.fromkeys((*seen, *(explanation.warnings if explanation is not None else ())))
        where = dict(answer.question.params).get("where")
        return in_words(found, where, self.session) if where else list(found)

    def _failure(self, answer: Answer) -> tuple[str, str]:
        """What went wrong, and the traceback."""
        return words.failure(answer)

    def _problem(self, error: Exception) -> None:
        """Say what did not fit, or what a pane raised, unless it is the answer to a question."""
        if all(answer.error is not error for answer in self._answers.values()):
            self._refuse(words.sentence(error))

    def _refuse(self, sentence: str) -> None:
        """Say what did not fit, until something is chosen that does."""
        self._refused = True
        with self._status.hold_sync():
            self._status.error, self._status.traceback, self._status.level = sentence, "", "error"

    def code(self) -> str:
        """The few lines of plain nbexplain that compute what is on screen; print them."""
        unmatched = [answer.question for answer in self._on_page().values() if isinstance(answer.error, NoRows)]
        return code_of(self.session, self._answered_so_far(), unmatched, self._among, self._earlier())

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        """The widget, and a picture for pages that show none: code hosts, exported notebooks."""
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        if not self._answered_so_far():  # a method that takes long
            self.session.wait(_FIRST_PICTURE)
        drawn = [(answer.question, answer.explanation) for answer in self._drawn.values() if answer.explanation]
        said = f"{type(self).__name__}: {self._status.text}" if self._status.text else type(self).__name__
        return {**bundle, "text/plain": said, **still(self.session, drawn, self._earlier())}

    def _answered_so_far(self) -> list[tuple[Question, Explanation]]:
        answers = list(self._on_page().values())
        return [(answer.question, answer.explanation) for answer in answers if answer.explanation is not None]

    def _earlier(self) -> dict[Question, Array]:
        """The texts and rows of answers that stay on the page while others stand in their places."""
        asked = list(self._of.values())  # the worker may be writing it
        return {question: x for question, x in asked if question.edition != self.session.edition(question.input)}

    def _on_page(self) -> dict[Place, Answer]:
        """The answers to what is asked: a filter that no row matches leaves them, unless more has changed."""
        found = dict(self._answers)
        for place, drawn in self._drawn.items():
            asked = found[place]
            if isinstance(asked.error, NoRows) and asked.question.of_all_rows() == drawn.question.of_all_rows():
                found[place] = drawn
        return found

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
        self.set_trait("children", ())  # the notebook's `Out` may hold the explorer for long
        self._parts, self._answers, self._drawn, self._of = [], {}, {}, {}


def _stopped(answer: Answer) -> str:
    """That it is no whole answer; of all inputs their strip tells."""
    method = words.METHODS[answer.question.method]
    return "" if method.over_inputs else f"{method.label} {words.stopped(answer.explanation)}"


def _seconds(answer: Answer) -> float:
    return answer.explanation.seconds if answer.explanation is not None else 0.0


def checked_names(
    name: str, given: Iterable[str] | None, default: Sequence[str], known: Sequence[str]
) -> tuple[str, ...]:
    if given is None:
        return tuple(default)
    chosen = (given,) if isinstance(given, str) else tuple(given)
    for one in chosen:
        if one not in known:
            raise ValueError(f"{name}: expected some of {', '.join(map(repr, known))}, got {one!r}")
    if name == "show" and not chosen:
        raise ValueError(f"{name}: expected at least one of {', '.join(map(repr, known))}")
    return chosen
