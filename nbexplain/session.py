"""Session: the inputs, the shared selection, questions and their answers."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

import nbexplain.core.explain  # noqa: F401  registers the methods
from nbexplain.core import registry
from nbexplain.core import target as targets
from nbexplain.core.ask import ask
from nbexplain.core.choices import checked, checked_classes
from nbexplain.core.explanation import Explanation
from nbexplain.core.layers import suggest
from nbexplain.core.question import PARTS, Answer, Answers, Facts, Selection
from nbexplain.core.subject import Subject
from nbexplain.core.twin import twin
from nbexplain.inputs import as_input
from nbexplain.place import Place
from nbexplain.runner import Job, runner


class Session:
    """A model, its inputs, and what is known of them so far.

    Parameters
    ----------
    model
        A `torch.nn.Module`; it comes out untouched.
    inputs
        One input, or a list of inputs: pictures, tensors (1, …), dicts or tuples of tensors.
    classes
        Names of the scores, in their order.
    preprocess
        The user's transform, picture → tensor (C, H, W).
    forward, scores
        `forward(model, x)` and `scores(output)` for odd signatures and outputs.

    Attributes
    ----------
    selection
        What is chosen; change it with `select`.
    answers
        Question → Explanation, for what was answered and is still kept.

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
        forward: Callable[[nn.Module, Any], Any] | None = None,
        scores: Callable[[Any], Tensor] | None = None,
    ) -> None:
        given = inputs if isinstance(inputs, list) else [inputs]
        if not given:
            raise ValueError("inputs: expected at least one input, got an empty list")
        self._twin = twin(model)
        self.inputs = [as_input(x, preprocess) for x in given]
        make = {"forward": forward, "scores": scores, "whole": True}
        self._subjects = [Subject(self._twin, x, **make) for x in self.inputs]  # type: ignore[arg-type]
        self._forced = False
        self._choosing = threading.RLock()  # a cell and the browser may choose at the same moment, in two threads
        self.answers = Answers()
        self._places: list[Place] = []
        self._listeners: list[Callable[[], None]] = []
        self._fact_listeners: list[Callable[[], None]] = []
        self.facts = self._look()
        self.classes = checked_classes(classes, self.facts.scores[0])
        best = suggest(self.facts.layers)
        usable = [layer for layer in self.facts.layers if layer.usable]
        shape = self.facts.scores[0].shape
        self.selection = Selection(
            method="grad_cam" if best else "gradient" if self.facts.gradient else "occlusion",
            target=targets.resolve(None, self.facts.scores[0]) if len(shape) == 2 else (0,) * (len(shape) - 1),
            layer=best.name if best else usable[-1].name if usable else None,
        )

    def _look(self) -> Facts:
        subject = self._subjects[0]
        return Facts(subject.layers(), {0: subject.scores()}, subject.score_name, subject.has_gradient())

    # What is chosen

    def select(self, **changes: Any) -> None:
        """Choose an input, method, target (index or class name), layer, channel or params of methods.

        The channel is brought within the new layer. All panes that follow the selection ask anew.

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
            if chosen == self.selection:
                return
            self.selection = chosen
            self.renew()  # first the questions, and a moment for the worker: the listeners can wait, the eye does not
            if moment:
                runner.settle(self, moment)
            for listener in list(self._listeners):
                listener()

    def on_select(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each change of the selection, in the thread that made it. Returns what ends this."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def on_facts(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` in the worker when the weights have changed. Returns what ends this."""
        self._fact_listeners.append(listener)
        return lambda: self._fact_listeners.remove(listener) if listener in self._fact_listeners else None

    # Questions

    def place(self, show: Callable[[Place, Answer], None], *, ask: bool = True, **own: Any) -> Place:
        """A waiting place for a pane; `own` are the parts of its question that do not follow the selection.

        A quick question is answered at once, before the pane is first displayed; a long one goes to the worker.
        """
        parts = {
            name: self._checked(name, value) if name in PARTS and name != "params" and value is not None else value
            for name, value in own.items()
        }
        place = Place(lambda: self.selection, show, self._close_place, parts)
        self._places.append(place)
        if ask:
            self._ask(place, now=not registry.find(place.question().method).progressive)
        return place

    def renew(self, *, again: bool = False) -> None:
        """Let every place whose question has changed ask it; with `again` all of them (Run)."""
        for place in list(self._places):
            if again or place.question() != place.asked:
                self._ask(place)

    def stop(self) -> None:
        """Stop what is computed; pictures so far stay."""
        runner.stop(owner=self)

    def refresh(self) -> None:
        """Take over the model as it is now and ask everything anew, also where no change was noticed."""
        self._forced = True
        self.renew(again=True)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all questions are answered and shown; False if `timeout` seconds were not enough."""
        return runner.wait(self, timeout)

    def close(self) -> None:
        """Stop, and give back what was kept."""
        self._places.clear()
        self._listeners.clear()
        self._fact_listeners.clear()
        runner.forget(self)
        self.answers.clear()
        for subject in self._subjects:
            subject.close()

    def _ask(self, place: Place, *, now: bool = False, look: bool = True) -> None:
        question = place.asked = place.question()
        place.times_asked = turn = place.times_asked + 1
        method = registry.find(question.method)

        def work() -> Iterator[Explanation]:
            if look and self._take_weights():
                self._tell_facts()
                for other in list(self._places):
                    if other is not place:
                        # without a look of its own: while a cell trains the model, panes would ask each other for ever
                        self._ask(other, look=False)
            kept = self.answers.get(question)
            if kept is not None:
                yield kept
                return
            if method.progressive:
                place.tell(Answer(question, "running"))
            subject = self._subjects[question.input]
            if question.input not in self.facts.scores:
                scores = {**self.facts.scores, question.input: subject.scores()}
                self.facts = dataclasses.replace(self.facts, scores=scores)
                self._tell_facts()
            for explanation in ask(
                subject,
                question.method,
                target=question.target,
                layer=question.layer,
                channel=question.channel,
                params=dict(question.params),
            ):
                if method.progressive and explanation.progress >= 1 and self._twin.changed():
                    note = "the weights changed while this was computed: it mixes old and new ones"
                    explanation = dataclasses.replace(explanation, warnings=(*explanation.warnings, note))
                best[:] = [explanation]
                yield explanation

        best: list[Explanation] = []

        def show(explanation: Explanation, answered: bool) -> None:
            if answered:
                self.answers.put(question, explanation)
            place.tell(Answer(question, "done" if answered else "running", explanation))

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
                flag=self._twin.stop,
                quick=not method.progressive,
                show=show,
                fail=fail,
            ),
            now=now,
        )

    def _take_weights(self) -> bool:
        """Look whether the user's weights have changed; if so, forget what was known. True if they had."""
        if not (self._forced or self._twin.changed()):
            return False
        self._forced = True  # until all is known of the new weights: a cancelled or failed look is done again
        self._twin = twin(self._twin.original, self._twin.stop)
        for subject in self._subjects:
            subject.take_over(self._twin)
        self.answers.clear()
        self.facts = self._look()
        self._forced = False
        return True

    def _tell_facts(self) -> None:
        for listener in list(self._fact_listeners):
            listener()

    def _close_place(self, place: Place) -> None:
        if place in self._places:
            self._places.remove(place)
        runner.stop(place=place)

    # Checks

    def check(self, name: str, value: Any) -> Any:
        """The value of one part as it would be selected; raises what `select` would raise."""
        value = self._checked(name, value)
        if name == "channel" and value > (last := self._last_channel(self.selection.layer)):
            raise ValueError(f"channel: {value} is out of range, expected 0 to {last}")
        return value

    def _last_channel(self, layer: str | None) -> int:
        row = self.facts.layer(layer)
        return max(row.channels - 1, 0) if row else 0

    def _checked(self, name: str, value: Any) -> Any:
        return checked(name, value, self.facts, self.classes, len(self.inputs))
