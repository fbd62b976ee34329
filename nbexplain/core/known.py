"""Known: a model and its inputs, and what has been found out about them so far."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from nbexplain.core import target as targets
from nbexplain.core.ask import ask
from nbexplain.core.explanation import Explanation
from nbexplain.core.question import Answers, Facts, Question
from nbexplain.core.registry import METHODS, NAMES_OF_KINDS
from nbexplain.core.subject import Subject
from nbexplain.core.twin import twin
from nbexplain.inputs import Array, as_input

_MIXED = "the weights changed while this was computed: it mixes old and new ones"


class Known:
    """One twin with a subject for each input, what they told, and the answers that are kept.

    Parameters
    ----------
    model, inputs, preprocess, forward, scores, classes
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
        classes: Sequence[str] | None = None,
    ) -> None:
        self._twin = twin(model)
        self._preprocess, self._forward, self._scores, self._classes = preprocess, forward, scores, classes
        self._forced = False
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
        if taken.kind != self.inputs[number].kind:
            before, now = (NAMES_OF_KINDS[kind] for kind in (self.inputs[number].kind, taken.kind))
            raise ValueError(f"x: expected {before} as before, got {now}")
        self._waiting[number] = taken, subject

    def take_inputs(self) -> None:
        """In the worker: let the inputs that wait take their places."""
        while self._waiting:
            number, (taken, subject) = self._waiting.popitem()
            self._subjects[number].close()
            self._subjects[number], self.inputs[number] = subject, taken
            if subject.twin is not self._twin:  # the weights have changed since it was wrapped
                subject.take_over(self._twin)
            left = {n: scores for n, scores in self.facts.scores.items() if n != number}
            self.facts = dataclasses.replace(self.facts, scores=left)

    def _wrapped(self, x: Any) -> tuple[Array, Subject]:
        taken = as_input(x, self._preprocess)
        return taken, Subject(
            self._twin, taken, forward=self._forward, scores=self._scores, classes=self._classes, whole=True
        )

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
            self.facts = dataclasses.replace(self.facts, layers=subject.layers())
            self._described, self._shape = number, subject.input.tensor.shape
            news = True
        return news

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
        return Facts(
            subject.layers(),
            {self._described: subject.scores()},
            subject.score_name,
            subject.has_gradient(),
            subject.input.kind,
            names={self._described: subject.names},
            first_target=targets.asked(subject.target(None))
            if subject.is_clear
            else (0,) * (subject.scores().ndim - 1),
            classes_last=subject.classes_last,
            is_clear=subject.is_clear,
            independent=subject.independent,
            own_names=subject.reader.followed is not None,
            both=subject.reader.both,
            by_token=subject.by_token,
        )
