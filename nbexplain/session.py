"""Session: the inputs, the shared selection, questions and their answers."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

import nbexplain.core.explain  # noqa: F401  registers the methods
from nbexplain.core import registry
from nbexplain.core.ask import checked_cell
from nbexplain.core.choices import checked, class_names
from nbexplain.core.explanation import Explanation
from nbexplain.core.known import Known
from nbexplain.core.question import PARTS, Answer, Answers, Facts, Selection
from nbexplain.core.table.matching import check_filter
from nbexplain.inputs import Array, Display, Key, Tabular, Text, as_input
from nbexplain.inputs.source import Source
from nbexplain.place import Place
from nbexplain.runner import Job, runner


@dataclasses.dataclass
class Given:
    """What a session was made from, as it came from the user."""

    model: nn.Module
    inputs: Source
    preprocess: Callable[[Any], Any] | None
    forward: Callable[[nn.Module, Any], Any] | None
    scores: Callable[[Any], Tensor] | str | None
    axes: Mapping[str, str] | None = None
    display: Display | None = None
    classes: Any = None


class Session:
    """A model, its inputs, and what is known of them so far.

    Parameters
    ----------
    model
        A `torch.nn.Module`; it comes out untouched.
    inputs
        One input: a picture, a tensor (1, …), a dict or a tuple of tensors. Or any number of them: a list or another
        sequence; the path of a folder of images, taken sorted by name; a data set with `__len__` and `__getitem__`,
        such as torch's, of whose items (x, y) the x is taken. Each is read when it is looked at, and let go again.
        Texts, and rows of a table, stand beside others of their kind alone; rows have the same columns.
    classes
        Names of the scores, in their order; with `scores=detections(…)`, of the labels 0, 1, 2 … Two, for a model that
        gives one number, make both classes of it; see `Subject`.
    preprocess
        The user's transform of each input: image → tensor (C, H, W), or whatever else an input is → what the model
        takes. A tensor (1, C, H, W) is what the network takes already; see `as_input`.
    part
        Which of several inputs of the model is explained: key of the dict, index of the tuple; see `explain`.
    forward, scores
        `forward(model, x)` and `scores(output)` for odd signatures and outputs; `scores="sigmoid"` as for `explain`.
    axes
        Layer names → letters for the axes of their outputs, where the network does not tell them; see `Subject`.
    display
        Which channels of the images are drawn: three numbers (red, green, blue), or one; see `Image`.

    Attributes
    ----------
    selection
        What is chosen; change it with `select`.
    given
        What it was made from, as it came.

    Raises
    ------
    TypeError, ValueError
        If the model, an input or the class names do not fit.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Any,
        *,
        classes: Sequence[str] | None = None,
        preprocess: Callable[[Any], Any] | None = None,
        part: Key | None = None,
        forward: Callable[[nn.Module, Any], Any] | None = None,
        scores: Callable[[Any], Tensor] | str | None = None,
        axes: Mapping[str, str] | None = None,
        display: Display | None = None,
    ) -> None:
        source, names = Source(inputs), class_names(classes)
        named = names if hasattr(classes, "__next__") else classes  # a generator can be read once
        self.given = Given(model, source, preprocess, forward, scores, axes, display, named)
        self._known = Known(
            model,
            source,
            preprocess=preprocess,
            forward=forward,
            scores=scores,
            part=part,
            axes=axes,
            classes=names,
            display=display,
        )
        self.editions: dict[int, int] = {}  # how often an input was replaced
        self._turns = 0  # how often another part of all inputs was chosen
        self._choosing = threading.RLock()  # a cell and the browser may choose at the same moment, in two threads
        self._places: list[Place] = []
        self._listeners: list[Callable[[], None]] = []
        self._fact_listeners: list[Callable[[], None]] = []
        self._usual_method, layer = self._usual()
        self.selection = Selection(
            part=self.inputs[0].part,
            method=self._usual_method,
            target=self.facts.first_target,
            layer=layer,
            params=_first_params(self.facts, self.inputs[0]),
        )

    def _usual(self) -> tuple[str, str | None]:
        """The method and the layer that are chosen at first."""
        best = self.facts.layer(self.facts.suggested)
        usable = [layer for layer in self.facts.layers if layer.usable]
        hides = getattr(self.inputs[0], "background", None) is not None
        layer = best.name if best else usable[-1].name if usable else None
        return _first_method(self.facts, bool(best), hides), layer

    @property
    def inputs(self) -> Sequence[Array]:
        """The inputs, in the order in which they came."""
        return self._known.inputs

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the scores of the chosen input."""
        first = () if self.facts.own_names else self.facts.example_names
        return self.facts.names.get(self.selection.input, first)

    @property
    def facts(self) -> Facts:
        """What is known of the model as its weights are now."""
        return self._known.facts

    @property
    def answers(self) -> Answers:
        """Question → Explanation, for what was answered and is still kept."""
        return self._known.answers

    def places(self, number: int) -> tuple[int, ...]:
        """How many places an input has along each of its axes, such as (H, W)."""
        return self._known.places(number)

    def add(self, x: Any) -> int:
        """Take one more input, put through the session's `preprocess`; returns its number. It is not chosen yet.

        Raises
        ------
        TypeError, ValueError
            If it cannot be taken; the inputs then stay as they were.
        """
        with self._choosing:
            number = self._known.add(x)
            for place in list(self._places):
                question = place.question()
                if question.input is None:  # an answer for all inputs is none any more
                    self.answers.drop(question)
                    self._ask(place)
            self._tell_facts_soon()
        return number

    def replace(self, number: int, x: Any) -> None:
        """Put another input of the same kind in the place of one: an edited text, a row with another value.

        The panes that show it ask anew. What was known of the old one is forgotten.

        Raises
        ------
        TypeError, ValueError
            If there is no such input, or the new one cannot be taken; all then stays as it was.
        """
        with self._choosing:
            number = self.check("input", number)
            self._known.replace(number, x)
            self.editions[number] = self.edition(number) + 1
            self.renew()
            runner.later((self, "inputs"), 0, self._take_inputs, owner=self)

    def _take_inputs(self) -> None:
        """In the worker: also where no question was asked that would have done so."""
        self._known.take_inputs()
        with contextlib.suppress(Exception):  # a model that cannot take it: whoever asks about it is told
            self._known.look_at(self.selection.input)
        self._tell_facts()

    def edition(self, number: int | None) -> int:
        """How often an input was replaced, or all of them together (None)."""
        return self._turns + (sum(self.editions.values()) if number is None else self.editions.get(number, 0))

    def table_of(self, answer: Answer) -> Tabular:
        """The table whose rows an answer over many rows, or over one of them, is about."""
        table = self.inputs[answer.question.input or 0]
        assert isinstance(table, Tabular)
        return table

    def best(self, numbers: Sequence[int]) -> Mapping[int, tuple[int, float]]:
        """In the worker: the class with the highest score, and that score, of some inputs."""
        return self._known.best(numbers)

    def _explain_part(self, chosen: Collection[str]) -> None:
        """In the worker: another part is explained, with the layer and method that suit it but for what was chosen."""
        try:
            self._known.take_inputs()
        except Exception:  # a model that cannot take it: whoever asks about it is told
            self.renew()
            return
        with self._choosing:
            method, layer = self._usual()
            changes: dict[str, Any] = {} if "layer" in chosen else {"layer": layer}
            kept = registry.find(self.selection.method)
            if "method" not in chosen and (kept.key == self._usual_method or self.facts.reason(kept)):
                changes["method"] = method
            self._usual_method = method
            self.choose({name: value for name, value in changes.items() if value is not None})
            self._tell_facts()
            self.renew()

    # What is chosen

    def select(self, **changes: Any) -> None:
        """Choose an input, part, method, target (index or class name), layer, channel, cell, params of methods or rows.

        `where` are conditions on the rows of a table's background that methods over many rows look at, such as
        `{"age": (30, 50), "error": True}`; None or {} stands for all. Callable targets are told by which object they
        are: where one uses something that has changed, `refresh` asks it anew. With another part the layer and, where
        it must, the method become those that suit it. The channel is brought within the new layer, and the cell to the
        same place of its grid. All panes that follow the selection ask anew.

        Raises
        ------
        TypeError, ValueError
            If a value does not fit, naming it; the selection then stays as it was.
        """
        for name in changes:
            if name not in PARTS:
                raise TypeError(f"{name}: expected one of {', '.join(PARTS)}")
        self.choose(changes)

    def choose(self, changes: Mapping[str, Any], *, moment: float = 0.0) -> None:
        """`select`, but waiting up to `moment` seconds for quick answers before the listeners are told."""
        with self._choosing:
            check = self._checked if "layer" in changes else self.check
            chosen = dataclasses.replace(self.selection, **{name: check(name, v) for name, v in changes.items()})
            chosen = dataclasses.replace(chosen, channel=min(chosen.channel, self._last_channel(chosen.layer)))
            if chosen.cell is not None and "cell" not in changes:
                chosen = dataclasses.replace(chosen, cell=self._same_place(chosen.cell, chosen.layer))
            elif chosen.cell is not None and (row := self.facts.layer(chosen.layer)):
                checked_cell(chosen.cell, row)
            _check_drawn(chosen.method, self.facts.kind)
            if chosen == self.selection:
                return
            if chosen.part != self.selection.part:
                self._known.choose_part(chosen.part)
                self._turns += 1
                self.selection = chosen
                runner.later((self, "part"), 0, partial(self._explain_part, tuple(changes)), owner=self)
            else:
                self.selection = chosen
                # first the questions, and a moment for the worker: the listeners can wait, the eye does not
                self.renew()
            if moment:
                runner.settle(self, moment)
            for listener in list(self._listeners):
                listener()

    def on_select(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each change of the selection, in the thread that made it. Returns what ends this."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def on_facts(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` in the worker when more is known, of an input or of new weights. Returns what ends this."""
        self._fact_listeners.append(listener)
        return lambda: self._fact_listeners.remove(listener) if listener in self._fact_listeners else None

    # Questions

    def place(self, show: Callable[[Place, Answer], None], *, ask: bool = True, rest: float = 0.0, **own: Any) -> Place:
        """A waiting place for a pane; `own` are the parts of its question that do not follow the selection.

        With `rest`, a question that has changed is asked when so many seconds have brought no other change. A quick
        question is answered at once, before the pane is first displayed; a long one goes to the worker.
        """
        parts = {
            name: self._checked(name, value) if name in PARTS and name != "params" and value is not None else value
            for name, value in own.items()
        }
        place = Place(lambda: self.selection, self.edition, self._known.table_of, show, self._close_place, parts, rest)
        self._places.append(place)
        if ask:
            self._ask(place, now=not registry.find(place.question().method).progressive)
        return place

    def renew(self, *, again: bool = False) -> None:
        """Let every place whose question has changed ask it; with `again` all of them (Run)."""
        for place in list(self._places):
            if place.rest and not again:
                if place.question() != place.asked:
                    runner.later((place, "ask"), place.rest, partial(self._ask_anew, place), owner=self)
            elif again or place.question() != place.asked:
                self._ask(place)

    def _ask_anew(self, place: Place) -> None:
        with self._choosing:
            if place in self._places and place.question() != place.asked:
                self._ask(place)

    def stop(self) -> None:
        """Stop what is computed, and what waits for the hand to rest; pictures so far stay."""
        with self._choosing:  # a question whose rest is over meanwhile is asked before, and stopped with the others
            for place in list(self._places):
                if runner.drop((place, "ask")):
                    self._ask_anew(place)  # or its pane would not be told that it is stopped
            runner.stop(owner=self)

    def more(self) -> None:
        """Let the chosen method draw as many samples again as it draws by default, going on from those there are.

        Raises
        ------
        ValueError
            If it draws none, or cannot draw more.
        """
        method = registry.find(self.selection.method)
        drawn = next((p for name, p in method.parameters.items() if name in registry.SAMPLES), None)
        if drawn is None:
            raise ValueError(f"method: {method.key!r} draws no samples")
        assert isinstance(drawn.spec, registry.Range)
        chosen = self.selection.params.get(method.key, {})
        now = chosen.get(drawn.name, drawn.default)
        if now >= drawn.spec.high:
            raise ValueError(f"{drawn.name}: {now:,} is the most that {method.label} draws")
        wanted = min(now + drawn.default, int(drawn.spec.high))
        self.select(params={**self.selection.params, method.key: {**chosen, drawn.name: wanted}})

    def refresh(self) -> None:
        """Take over the model as it is now and ask everything anew, also where no change was noticed."""
        self._known.forget()
        self.renew(again=True)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all questions are answered and shown; False if `timeout` seconds were not enough."""
        return runner.wait(self, timeout)

    def close(self) -> None:
        """Stop, and give back what was kept."""
        for place in list(self._places):
            place.close()
        self._listeners.clear()
        self._fact_listeners.clear()
        runner.forget(self)
        self._known.close()

    def _ask(self, place: Place, *, now: bool = False, look: bool = True) -> None:
        question = place.asked = place.question()
        place.times_asked = turn = place.times_asked + 1
        method = registry.find(question.method)

        def work() -> Iterator[Explanation]:
            self._known.take_inputs()
            if look and self._known.take_weights():
                self._tell_facts()
                for other in list(self._places):
                    if other is not place:
                        # without a look of its own: while a cell trains the model, panes would ask each other for ever
                        self._ask(other, look=False)
            if method.progressive and self.answers.get(question) is None:
                place.tell(Answer(question, "running"))
            try:
                news = question.input is not None and self._known.look_at(question.input)
                news = self._known.look_at(self.selection.input) or news
            except Exception:
                self._tell_facts()  # which input the model does not take
                raise
            if news:
                self._tell_facts()
            if method.price is not None and (price := self._known.price(question)):
                place.tell(Answer(question, "running", price=price))
            for explanation in self._known.explained(question):
                best[:] = [explanation]
                yield explanation

        best: list[Explanation] = []

        def show(explanation: Explanation, answered: bool) -> None:
            if answered:
                self.answers.put(question, explanation)
            try:
                place.tell(Answer(question, "done" if answered else "running", explanation))
            except Exception as error:
                best.clear()  # what cannot be drawn once cannot be drawn beside its error either
                raise RuntimeError(f"{method.label} could not be drawn: {error!r}") from error

        def fail(error: Exception | None) -> None:
            state = "failed" if error is not None else "stopped"
            if error is None and place.times_asked != turn:
                return  # a newer question is on its way; there is nothing to tell of the old one
            place.tell(Answer(question, state, best[0] if best else None, error))

        runner.submit(
            Job(
                owner=self,
                place=place,
                work=work,
                flag=self._known.stop,
                quick=not method.progressive,
                show=show,
                fail=fail,
            ),
            now=now,
        )

    def _tell_facts(self) -> None:
        for listener in list(self._fact_listeners):
            listener()

    def _tell_facts_soon(self) -> None:
        runner.later((self, "facts"), 0, self._tell_facts, owner=self)

    @property
    def waiting(self) -> tuple[Place, ...]:
        """The places of all panes that wait for answers."""
        return tuple(self._places)

    def _close_place(self, place: Place) -> None:
        if place in self._places:
            self._places.remove(place)
        runner.stop(place=place)
        runner.let_end(place=place)

    # Checks

    def check(self, name: str, value: Any) -> Any:
        """The value of one part as it would be selected; raises what `select` would raise."""
        value = self._checked(name, value)
        if name == "channel" and value > (last := self._last_channel(self.selection.layer)):
            raise ValueError(f"channel: {value} is out of range, expected 0 to {last}")
        if name == "method":
            _check_drawn(value, self.facts.kind)
        return value

    def _last_channel(self, layer: str | None) -> int:
        row = self.facts.layer(layer)
        return max(row.channels - 1, 0) if row else 0

    def _same_place(self, cell: tuple[int, int], layer: str | None) -> tuple[int, int]:
        """The cell of a layer's grid that lies where `cell` lies in the grid of the layer chosen so far."""
        old, new = self.facts.layer(self.selection.layer), self.facts.layer(layer)
        if old is None or new is None or old.rows_and_columns == new.rows_and_columns:
            return cell
        places = zip(cell, old.rows_and_columns, new.rows_and_columns, strict=True)
        row, column = (int((at + 0.5) * after / before) for at, before, after in places)
        return row, column

    def _checked(self, name: str, value: Any) -> Any:
        if name == "part":
            return as_input(self.inputs[self.selection.input], part=value).part
        value = checked(name, value, self.facts, self.classes, len(self.inputs))
        if name == "where" and value:
            facts, table = self.facts, self.inputs[self.selection.input]
            check_filter(table, value, facts.class_values, self.classes, numbers=not facts.tells_classes)
        return value


def _first_method(facts: Facts, layered: bool, hides: bool) -> str:
    if facts.kind == "text":
        return "lime"
    if facts.kind == "table":
        return "permutation_shap" if hides else "gradient" if facts.gradient else "lime"
    if layered or facts.gradient:
        return "grad_cam" if layered else "gradient"
    return "occlusion" if facts.places or not facts.layers else "activation"  # token ids have no windows to hide


def _first_params(facts: Facts, x: Array) -> dict[str, dict[str, Any]]:
    """Where each token has scores of its own, tokens are not removed but replaced."""
    if not facts.by_token or not isinstance(x, Text):
        return {}
    try:
        x.stand_in()
        hide = "mask token"
    except ValueError:
        hide = "neutral embedding"
    return {method.key: {"hide": hide} for method in registry.METHODS.values() if "hide" in method.parameters}


def _check_drawn(key: str, kind: str) -> None:
    if not registry.find(key).on_picture:
        part = {"table": "column", "text": "word"}.get(kind)
        lacks = f"no number for each {part}, as the bars show" if part else "no map over the picture"
        raise ValueError(f"method: {key!r} makes {lacks}; ask it with explain()")
