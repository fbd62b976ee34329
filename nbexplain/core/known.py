"""Known: a model and its inputs, and what has been found out about them so far."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from nbexplain.core import target as targets
from nbexplain.core.ask import ask
from nbexplain.core.dataset.together import together
from nbexplain.core.explanation import Explanation
from nbexplain.core.hooks import Cancelled
from nbexplain.core.layers import without_gradient
from nbexplain.core.price import price_of
from nbexplain.core.question import Answers, Facts, Price, Question
from nbexplain.core.registry import METHODS, NAMES_OF_KINDS, SAMPLES
from nbexplain.core.subject import Subject
from nbexplain.core.subjects import Subjects
from nbexplain.core.table.labels import class_values, has_classes, tells_classes, without_classes
from nbexplain.core.twin import twin
from nbexplain.inputs import Array, Display, Key, Tabular, as_input
from nbexplain.inputs.source import Source
from nbexplain.inputs.table_same import refuse_other, same_table

_MOST_SCORES = 256  # of the inputs looked at last that the facts hold
_LONG = 1.0  # seconds: answers that take longer say before what they will cost
_MIXED = "the weights changed while this was computed: it mixes old and new ones"


class Known:
    """One twin, the inputs, what they told, and the answers that are kept.

    Parameters
    ----------
    model, preprocess, forward, scores, part, axes, classes, display
        As for `Session`.
    source
        Where the inputs come from.

    Attributes
    ----------
    facts
        What is known of the model as its weights are now.
    answers
        Question → Explanation.
    """

    def __init__(
        self,
        model: nn.Module,
        source: Source,
        *,
        preprocess: Callable[[Any], Any] | None,
        forward: Callable[[nn.Module, Any], Any] | None,
        scores: Callable[[Any], Tensor] | str | None,
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
        self._waiting: dict[int, tuple[Any, Array]] = {}  # what takes the place of an input at the next question
        self._replaced = 0
        self._tables: dict[int, int] = {}  # how often a row of another table took the place of an input
        self._weights = 0
        self._priced: set[Question] = set()  # without their targets
        self._best: dict[int, tuple[int, float]] = {}
        self._subjects = Subjects(source, self._wrapped, self._subject)
        self.answers = Answers()
        self.facts = self._look()

    @property
    def stop(self) -> Any:
        """The flag that cancels runs."""
        return self._twin.stop

    @property
    def inputs(self) -> Sequence[Array]:
        """The inputs, each wrapped when it is asked for."""
        return self._subjects.inputs

    def add(self, x: Any) -> int:
        """Take one more input; returns its number."""
        taken = self._wrapped(x)
        if "text" in (kinds := (taken.kind, self.facts.kind)) or "table" in kinds:  # no folder of images is read for it
            refuse_other(self._newest(0), taken, "x")
        return self._subjects.add(x, taken)

    def replace(self, number: int, x: Any) -> None:
        """Put another input in the place of one, as soon as nothing is computed with the old one."""
        taken, before = self._wrapped(x), self._newest(number)
        if taken.kind != before.kind:
            raise ValueError(f"x: expected {NAMES_OF_KINDS[before.kind]} as before, got {NAMES_OF_KINDS[taken.kind]}")
        refuse_other(before, taken, "x")
        if isinstance(before, Tabular) and isinstance(taken, Tabular) and not same_table(before, taken):
            self._tables[number] = self._tables.get(number, 0) + 1
        self._waiting[number] = x, taken

    def table_of(self, number: int) -> tuple[int | None, int]:
        """Of which input the background is that methods over many rows look at, and how often it was replaced.

        None stands for the first input, which most often has the same one.
        """
        own, of = self._newest(number), 0
        if isinstance(own, Tabular):
            of = next((n for n in range(number) if same_table(self._row(n), own)), number)
        return of or None, self._tables.get(of, 0)

    def _row(self, number: int) -> Tabular:
        """An input of a session of rows."""
        row = self._newest(number)
        assert isinstance(row, Tabular), "texts and rows stand beside others of their kind alone"
        return row

    def choose_part(self, part: Key | None) -> None:
        """Explain another part of every input, as soon as nothing is computed with the one before."""
        self._part = part
        self._unseen = True
        self._waiting = {number: (x, as_input(taken, part=part)) for number, (x, taken) in self._waiting.items()}

    def _newest(self, number: int) -> Array:
        """An input as it is, or as it will be when what waits has taken its place."""
        waiting = self._waiting.get(number)
        taken = waiting[1] if waiting is not None else self.inputs[number]
        return as_input(taken, part=self._part) if taken.parts is not None else taken

    def take_inputs(self) -> None:
        """In the worker: let the inputs that wait take their places."""
        if self._unseen:
            self._subjects.forget()
            self._replaced += 1
            self._best.clear()
        while self._waiting:
            number, (x, taken) = self._waiting.popitem()
            self._subjects.replace(number, x, taken)
            self._replaced += 1
            self._best.pop(number, None)
            scores = {n: found for n, found in self.facts.scores.items() if n != number}
            names = {n: words for n, words in self.facts.names.items() if n != number}
            refused = {n: error for n, error in self.facts.refused.items() if n != number}
            self.facts = dataclasses.replace(self.facts, scores=scores, names=names, refused=refused)
        if self._unseen:
            self.facts = self._look()
            self._unseen = False

    def _wrapped(self, x: Any) -> Array:
        taken = as_input(x, self._preprocess, self._part, self._display)
        if self._part is None:
            self._part = taken.part  # the same of all
        return taken

    def _subject(self, taken: Array) -> Subject:
        return Subject(self._twin, taken, **self._ways, whole=True)

    def best(self, numbers: Sequence[int]) -> Mapping[int, tuple[int, float]]:
        """In the worker: the class with the highest score, and that score, of some inputs; kept for the next time."""
        missing = [number for number in numbers if number not in self._best]
        for lead, part, batch in together(self._subjects, missing):
            with lead.undisturbed():
                highest = lead.evaluate(batch).max(1)
            for number, target, score in zip(part, highest.indices.tolist(), highest.values.tolist(), strict=True):
                self._best[number] = int(target), float(score)
        return {number: self._best[number] for number in numbers}

    def explained(self, question: Question) -> Iterator[Explanation]:
        """The kept answer to a question, or better and better new ones."""
        kept = self.answers.get(question)
        if kept is not None:
            yield kept
            return
        progressive, everything = METHODS[question.method].progressive, METHODS[question.method].over_inputs
        replaced = self._replaced
        for explanation in ask(
            self._subjects if everything else [self._subjects[question.input or 0]],
            question.method,
            target=question.target,
            layer=question.layer,
            channel=question.channel,
            cell=question.cell,
            params=dict(question.params),
        ):
            if everything and self._replaced != replaced:
                raise Cancelled  # an input is another one now: going on would mix both in one answer
            if progressive and explanation.progress >= 1 and self._twin.changed():
                explanation = dataclasses.replace(explanation, warnings=(*explanation.warnings, _MIXED))
            yield explanation

    def price(self, question: Question) -> Price | None:
        """What the answer will cost, where that is long.

        None for another target or another number of samples, which go on from what is kept, but of a callable.
        """
        chosen = METHODS[question.method]
        others = tuple((name, value) for name, value in question.params if name not in SAMPLES)
        asked = dataclasses.replace(question, target=None, params=others)
        told = asked in self._priced and not targets.is_function(question.target)
        if chosen.price is None or told or self.answers.get(question) is not None:
            return None
        self._priced.add(asked)
        subject = self._subjects[question.input or 0]
        params = chosen.check_params(dict(question.params), subject.input.kind, subject.places)
        with subject.undisturbed():
            return price_of(subject, chosen, question.target, params, least=_LONG)

    def look_at(self, number: int) -> bool:
        """Learn the scores of an input, and the layers where its size makes them others. True if this was news."""
        news = False
        subject = self._subjects[number]
        if number not in self.facts.scores:
            try:
                found = subject.scores()
            except Exception as error:
                self.facts = dataclasses.replace(self.facts, refused={**self.facts.refused, number: error})
                raise
            scores = {**self.facts.scores, number: found}
            names = {**self.facts.names, number: subject.names}
            refused = {n: error for n, error in self.facts.refused.items() if n != number}
            if len(scores) > _MOST_SCORES:
                oldest = next(iter(scores))
                del scores[oldest], names[oldest]
            self.facts = dataclasses.replace(self.facts, scores=scores, names=names, refused=refused)
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
        for subject in self._subjects.live():
            subject.take_over(self._twin)
        self._weights += 1
        self._best.clear()
        self.answers.clear()
        self._priced.clear()
        self.facts = self._look()
        self._forced = False
        return True

    def forget(self) -> None:
        """Take over the model as it is now at the next question, also where no change is noticed."""
        self._forced = True

    def close(self) -> None:
        """Give back what was kept."""
        self.answers.clear()
        self._subjects.close()

    def _look(self) -> Facts:
        subject = self._subjects[self._described]
        self._shape = subject.input.tensor.shape
        held = subject.record()  # one pass tells it all, also where it is too large to be kept
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
            {self._described: held.scores.detach()},
            subject.score_name,
            gradient,
            about.kind,
            parts=about.parts.choices if about.parts is not None else (),
            suggested=suggested.name if suggested else None,
            ends=ends,
            unfit={
                method.key: method.unfit(subject, None)
                for method in METHODS.values()
                if method.by_model and method.unfit is not None and not method.reason_for(about.kind)
            },
            places=subject.places,
            names={self._described: subject.names},
            first_target=targets.asked(subject.target(None)) if clear else (0,) * (subject.scores().ndim - 1),
            classes_last=subject.classes_last,
            is_clear=clear,
            independent=subject.independent,
            own_names=subject.reader.followed is not None,
            by_token=subject.by_token,
            class_values=tuple(class_values(subject)) if has_classes(subject) else None,
            without_classes=without_classes(subject),
            tells_classes=tells_classes(subject),
            open_labels=subject.open_labels,
            weights=self._weights,
            example=held.scores.detach(),
            example_names=subject.names,
        )
