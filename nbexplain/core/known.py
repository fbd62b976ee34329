"""Known: a model and its inputs, and what has been found out about them so far."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from nbexplain.core import target as targets
from nbexplain.core.ask import ask
from nbexplain.core.explanation import Explanation
from nbexplain.core.layers import without_gradient
from nbexplain.core.question import Answers, Facts, Question
from nbexplain.core.registry import METHODS, NAMES_OF_KINDS
from nbexplain.core.subject import Subject
from nbexplain.core.twin import twin
from nbexplain.inputs import Array, Display, Key, as_input

_MIXED = "the weights changed while this was computed: it mixes old and new ones"


class Known:
    """One twin with a subject for each input, what they told, and the answers that are kept.

    Parameters
    ----------
    model, inputs, preprocess, forward, scores, part, axes, classes, display
        As for `Session`; `inputs` is a list.

    Attributes
    ----------
    inputs
        The inputs, wrapped.
    facts
        What is known of the model as its weights are now.
    answers
        Question → Explanation.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Sequence[Any],
        *,
        preprocess: Callable[[Any], Any] | None,
        forward: Callable[[nn.Module, Any], Any] | None,
        scores: Callable[[Any], Tensor] | None,
        part: Key | None = None,
        axes: Mapping[str, str] | None = None,
        classes: Sequence[str] | None = None,
        display: Display | None = None,
    ) -> None:
        self._twin = twin(model)
        self._preprocess, self._part, self._display = preprocess, part, display
        self._ways: dict[str, Any] = {"forward": forward, "scores": scores, "axes": axes, "classes": classes}
        self._forced = False
        self._unseen = False  # whether another part is explained than the facts are about
        self._described = 0  # the input whose layers the facts hold, and its shape
        self._shape: Any = None
        self.inputs: list[Array] = []
        self._waiting: dict[int, tuple[Array, Subject]] = {}  # what takes the place of an input at the next question
        self._subjects: list[Subject] = []
        for x in inputs:
            self.add(x)
        self.answers = Answers()
        self.facts = self._look()

    @property
    def stop(self) -> Any:
        """The flag that cancels runs."""
        return self._twin.stop

    def add(self, x: Any) -> int:
        """Take one more input; returns its number."""
        taken, subject = self._wrapped(x)
        self._subjects.append(subject)
        self.inputs.append(taken)
        return len(self.inputs) - 1

    def replace(self, number: int, x: Any) -> None:
        """Put another input in the place of one, as soon as nothing is computed with the old one."""
        taken, subject = self._wrapped(x)
        if taken.kind != (expected := self._newest(number).kind):
            before, now = (NAMES_OF_KINDS[kind] for kind in (expected, taken.kind))
            raise ValueError(f"x: expected {before} as before, got {now}")
        self._waiting[number] = taken, subject

    def choose_part(self, part: Key | None) -> None:
        """Explain another part of every input, as soon as nothing is computed with the one before."""
        wrapped = [as_input(self._newest(number), part=part) for number in range(len(self.inputs))]
        self._part = part
        self._waiting = {number: (taken, self._subject(taken)) for number, taken in enumerate(wrapped)}

    def _newest(self, number: int) -> Array:
        """An input as it is, or as it will be when what waits has taken its place."""
        waiting = self._waiting.get(number)
        return waiting[0] if waiting is not None else self.inputs[number]

    def take_inputs(self) -> None:
        """In the worker: let the inputs that wait take their places."""
        while self._waiting:
            number, (taken, subject) = self._waiting.popitem()
            self._unseen |= taken.part != self.inputs[number].part
            self._subjects[number].close()
            self._subjects[number], self.inputs[number] = subject, taken
            if subject.twin is not self._twin:  # the weights have changed since it was wrapped
                subject.take_over(self._twin)
            left = {n: scores for n, scores in self.facts.scores.items() if n != number}
            self.facts = dataclasses.replace(self.facts, scores=left)
        if self._unseen:
            self.facts = self._look()
            self._unseen = False

    def _wrapped(self, x: Any) -> tuple[Array, Subject]:
        taken = as_input(x, self._preprocess, self._part, self._display)
        if self.inputs and self._part is None:
            taken = as_input(taken, part=self.inputs[0].part)  # the same of all
        return taken, self._subject(taken)

    def _subject(self, taken: Array) -> Subject:
        return Subject(self._twin, taken, **self._ways, whole=True)

    def explained(self, question: Question) -> Iterator[Explanation]:
        """The kept answer to a question, or better and better new ones."""
        kept = self.answers.get(question)
        if kept is not None:
            yield kept
            return
        progressive = METHODS[question.method].progressive
        everything = question.input is None
        subjects = self._subjects if everything else [self._subjects[question.input or 0]]
        for explanation in ask(
            list(subjects),
            question.method,
            target=question.target,
            layer=question.layer,
            channel=question.channel,
            cell=question.cell,
            params=dict(question.params),
        ):
            if progressive and explanation.progress >= 1 and self._twin.changed():
                explanation = dataclasses.replace(explanation, warnings=(*explanation.warnings, _MIXED))
            yield explanation

    def look_at(self, number: int) -> bool:
        """Learn the scores of an input, and the layers where its size makes them others. True if this was news."""
        news = False
        subject = self._subjects[number]
        if number not in self.facts.scores:
            self.facts = dataclasses.replace(
                self.facts,
                scores={**self.facts.scores, number: subject.scores()},
                names={**self.facts.names, number: subject.names},
            )
            news = True
        if subject.input.tensor.shape != self._shape:
            suggested = subject.suggested()
            self.facts = dataclasses.replace(
                self.facts,
                layers=subject.layers(),
                suggested=suggested.name if suggested else None,
                places=subject.places,
            )
            self._described, self._shape = number, subject.input.tensor.shape
            news = True
        return news

    def places(self, number: int) -> tuple[int, ...]:
        """How many places an input has along each of its axes."""
        return self._subjects[number].places

    def take_weights(self) -> bool:
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

    def forget(self) -> None:
        """Take over the model as it is now at the next question, also where no change is noticed."""
        self._forced = True

    def close(self) -> None:
        """Give back what was kept."""
        self.answers.clear()
        for subject in self._subjects:
            subject.close()

    def _look(self) -> Facts:
        subject = self._subjects[self._described]
        self._shape = subject.input.tensor.shape
        about, suggested = subject.input, subject.suggested()
        rows, gradient = subject.layers(), subject.has_gradient()
        ends: dict[str | None, str] = {}
        if not gradient:
            ends[None] = subject.gradient_end()
        if suggested is None and (behind := without_gradient(rows, grid=True)):
            ends[behind.name] = subject.gradient_end(behind)
        clear = subject.is_clear
        return Facts(
            rows,
            {self._described: subject.scores()},
            subject.score_name,
            gradient,
            about.kind,
            parts=about.parts.choices if about.parts is not None else (),
            suggested=suggested.name if suggested else None,
            ends=ends,
            places=subject.places,
            names={self._described: subject.names},
            first_target=targets.asked(subject.target(None)) if clear else (0,) * (subject.scores().ndim - 1),
            classes_last=subject.classes_last,
            is_clear=clear,
            independent=subject.independent,
            own_names=subject.reader.followed is not None,
            both=subject.reader.both,
            by_token=subject.by_token,
        )
