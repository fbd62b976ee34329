"""What has to become of a prediction: another class, or a score on the other side of a boundary."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.dataset.rows import drawn, table_of
from nbexplain.core.explanation import Target
from nbexplain.core.model.region import Placed, Region
from nbexplain.core.predictor import Predictor
from nbexplain.core.subject import Subject
from nbexplain.core.table.every_score import first_scores, unscored
from nbexplain.core.table.labels import has_classes
from nbexplain.inputs import Tabular, Text
from nbexplain.inputs.table_masker import needed

_LEAST = 1e-9  # of a probability: the logarithm of less than that orders nothing ...
_LEAST_VOTES = 1e-3  # ... of shares of votes, as a forest's, that are 0 at times
_ROUNDED = 1e-3  # by so much a probability of single precision may be below 0 or above 1
_REMOVED = -1e9  # the score of a token that is no longer there
ROWS = 500  # of the background, whose scores tell where a boundary lies


class Goal:
    """The change that is looked for: the opposite of what the input itself gives.

    Parameters
    ----------
    subject, target
        What is explained.
    boundary
        The target's score that is to be crossed, or None.
    evaluations
        How many changed inputs may be tried, which tells how many rows of the background a mean may take.

    Attributes
    ----------
    boundary
        As it was given or chosen; None where the target's class is to become the predicted one, or not to be it any
        more.
    rises
        Whether the score of the target has to rise.
    words
        What is looked for, to be read.
    note
        How a boundary was chosen that nobody gave, or that the model's own predict is asked; or `""`.
    predicted
        The class that the model's own predict says of the input, where that is asked: where it does not choose the
        class with the highest score; else None.
    """

    def __init__(self, subject: Subject, target: Target, boundary: float | None, evaluations: int) -> None:
        clean = subject.scores()
        self._target, self.note = target, ""
        self._token, self._label = _at_tokens(subject, target)
        self._removes = subject.by_token and clean.ndim == 2  # tokens are the classes, and may be gone
        name = "score" if targets.is_function(target) else subject.score_name
        self._probability = name == "probability"
        self._least = _LEAST_VOTES if bool((clean == 0).any()) else _LEAST
        by_class = self._label is not None and has_classes(subject) and subject.score_name != "prediction"
        by_class = by_class and (_one_is_chosen(subject) or not subject.independent)
        if boundary is None and clean.ndim != 2 and not by_class:
            raise ValueError(
                f"boundary: the scores have shape {tuple(clean.shape[1:])}; give the score that is to be crossed, such "
                "as boundary=0.0"
            )
        if boundary is None and not by_class:
            boundary, self.note = _chosen(subject, target, name, evaluations)
        self.boundary, self._level = boundary, 0.0
        self._subject = subject
        self.predicted: int | None = None
        self.rises = not bool(self._holds(clean, None)[0])
        if boundary is None:
            tokens = subject.input.tokens if isinstance(subject.input, Text) else ()
            at = Region(target[1], target[:1]) if isinstance(target, tuple) else targets.asked(target)
            self._name = targets.name_of(at, subject.names, tokens)
            self.words = f"{self._name} is {'' if self.rises else 'no longer '}predicted"
            self._follow_if_seen(clean)
        else:
            self.words = f"the {name} is {'at least' if self.rises else 'below'} {boundary:.4g}"

    def _follow_if_seen(self, clean: Tensor) -> None:
        """Let predict decide where it was seen to choose another class than the highest score does."""
        module = self._subject.twin.module
        seen = isinstance(module, Predictor) and module.outputs is not None and module.outputs.contradicted
        said = self.choice(self._subject.input.tensor)
        if said is not None and (seen or said[0] != int(clean[0].argmax())):
            self.follow_predict()

    def follow_predict(self) -> None:
        """From now on the model's own predict says which class is predicted, not the highest score."""
        said = self.choice(self._subject.input.tensor)
        if said is None:
            raise ValueError(
                "model: its predict returned labels for other inputs, and none for the explained one; give the score "
                "that is to be crossed, such as boundary=0.5"
            )
        self.predicted, self.rises = int(said[0]), int(said[0]) != self._label
        self.words = f"{self._name} is {'' if self.rises else 'no longer '}predicted"
        told = any("counterfactuals by predict" in note for note in self._subject.warnings)
        self.note = "" if told else "the model's own predict says what is predicted, not the highest score"
        self._level = self._usual_level()

    def reached(self, scores: Tensor, chosen: np.ndarray | None = None) -> np.ndarray:
        """Whether scores (n, K, …), or else what `predict` chose (n,), are what is looked for, (n,) bool."""
        return np.asarray(self._holds(scores, chosen) == self.rises)

    def choice(self, batch: Tensor) -> np.ndarray | None:
        """The class (n,) that the model's own predict says of inputs; None where it has no say."""
        module = self._subject.twin.module
        if self.boundary is not None or not isinstance(module, Predictor) or self._subject.reader.own:
            return None
        return module.choice(self._subject.input.outside(batch))

    def _usual_level(self) -> float:
        """How far ahead of the best other class the target's score is where predict turns to it, by the background."""
        table = self._subject.input
        if not isinstance(table, Tabular) or table.background is None:
            return 0.0
        rows = table.background[drawn(table, ROWS, 0)]
        chosen = self.choice(torch.from_numpy(table.placed(rows)))
        if chosen is None:
            return 0.0
        ahead = self._ahead(first_scores(self._subject, ROWS))
        order = np.argsort(ahead)
        levels, yes = ahead[order], (chosen == self._label)[order]
        wrong = np.append(0, yes.cumsum()) + np.append((~yes)[::-1].cumsum()[::-1], 0)  # by how many rows lie below it
        ends = np.concatenate([levels[:1], (levels[1:] + levels[:-1]) / 2, levels[-1:]])
        return float(ends[int(wrong.argmin())])

    def toward(self, scores: Tensor) -> np.ndarray:
        """How far scores (n, K, …) are on the way, (n,): above 0 where they have arrived, in units that nearly add up.

        The score less that of the best other class, of probabilities their logarithms; or less the boundary. Where the
        model's own predict decides, less what it takes for that in the background, which only guides the search.
        """
        ahead = self._ahead(scores) - self._level
        return np.asarray(ahead if self.rises else -ahead)

    def _ahead(self, scores: Tensor) -> np.ndarray:
        if self.boundary is not None:
            return np.asarray(self.read(scores) - self.boundary)
        assert self._label is not None
        z = self._rows(scores)
        z = (z.clamp(min=self._least).log() if self._probability else z).nan_to_num(nan=_REMOVED)
        others = torch.cat([z[:, : self._label], z[:, self._label + 1 :]], 1)
        return np.asarray((z[:, self._label] - others.max(1).values).numpy())

    def read(self, scores: Tensor) -> np.ndarray:
        """The target's score (n,)."""
        read: np.ndarray = targets.score(scores, self._target).double().cpu().numpy()
        return read

    def kept(self, scores: Tensor) -> np.ndarray:
        """What an answer tells of scores (n, K, …): all classes (n, K), or the target's number (n, 1)."""
        whole = scores if scores.ndim == 2 else targets.score(scores, self._target)[:, None]
        kept: np.ndarray = whole.double().cpu().numpy()
        return kept

    def _holds(self, scores: Tensor, chosen: np.ndarray | None) -> np.ndarray:
        """(n,) whether the class is the predicted one, or the score not below the boundary."""
        if chosen is not None:
            return np.asarray(chosen == self._label)
        if self.boundary is not None:
            return np.asarray(self.read(scores) >= self.boundary)
        return np.asarray(self._rows(scores).nan_to_num(nan=-torch.inf).numpy().argmax(1) == self._label)

    def _rows(self, scores: Tensor) -> Tensor:
        """The scores (n, K) of the classes that are held against each other; NaN of a token that was removed."""
        at = self._target if isinstance(self._target, Placed) else None
        rows = at.of_all_classes(scores) if at else scores[:, self._token[0]] if self._token else scores
        return rows.double().cpu()  # numpy has no bfloat16

    def is_finite(self, scores: Tensor) -> bool:
        """Whether scores (n, K, …) tell how far they are: nothing is asked of tokens that may have been removed."""
        seen = self._rows(scores) if self.boundary is None and not self._removes else self.read(scores)
        return bool(np.isfinite(np.asarray(seen)).all())


def _at_tokens(subject: Subject, target: Target) -> tuple[tuple[int, ...], int | None]:
    """At which tokens a class is explained, () where scores are of the whole; and the class, None where it is none."""
    if isinstance(target, int):
        return (), target if subject.scores().ndim == 2 else None
    if not subject.by_token or subject.scores().ndim != 3 or subject.scores().shape[2] < 2:
        return (), None
    if isinstance(target, tuple):
        return (target[0],), target[1]
    places = targets.places_of(target)
    return (places, int(target.region.label)) if isinstance(target, Placed) and places else ((), None)


def _one_is_chosen(subject: Subject) -> bool:
    """Whether the model's own predict chooses one class, also of probabilities that do not add up to 1."""
    module = subject.twin.module
    outputs = module.outputs if isinstance(module, Predictor) and not subject.reader.own else None
    return outputs is not None and outputs.exclusive


def rows_scored(subject: Subject, boundary: float | None, evaluations: int) -> int:
    """How many rows of the background are scored at most, besides what is tried."""
    if not unscored(subject):
        return 0
    mean = boundary is None and not has_classes(subject)
    return _of_mean(subject, evaluations) if mean else min(ROWS, len(needed(table_of(subject))))


def _of_mean(subject: Subject, evaluations: int) -> int:
    """How many rows of the background a mean is taken of: all that are known, or do not cost much beside the search."""
    rows = len(needed(table_of(subject)))
    return rows if not unscored(subject) or rows <= max(ROWS, evaluations // 2) else ROWS


def _chosen(subject: Subject, target: Target, name: str, evaluations: int) -> tuple[float, str]:
    """A boundary of a score of this name where none was given, and how it came about."""
    if name == "probability":
        return 0.5, "the probability is to cross 0.5; give boundary= for another one"
    table, scores = subject.input, targets.score(subject.scores(), target).double()
    among = False
    if not subject.independent and isinstance(table, Tabular) and table.background is not None:
        among, scores = True, targets.score(first_scores(subject, ROWS), target).double()
    if subject.score_name == "probability" and _is_share(subject, target, scores):
        return 0.5, f"the {name}, which lies between 0 and 1, is to cross 0.5; give boundary= for another one"
    if not among:
        return 0.0, f"the {name} is to cross 0; give boundary= for another one"
    module = subject.twin.module
    regresses = isinstance(module, Predictor) and module.regresses
    if not regresses and float(scores.min()) < 0 < float(scores.max()):  # a decision function, for all that is known
        return 0.0, (
            f"the {name} is to cross 0, on both sides of which the background lies; give boundary= for another one"
        )
    rows, asked = len(needed(table_of(subject))), _of_mean(subject, evaluations)
    mean = float(targets.score(first_scores(subject, asked), target).double().mean())
    of = "the background" if asked == rows else f"{asked:,} of the {rows:,} rows of the background"
    return mean, f"the {name} is to cross {mean:.4g}, the mean of {of}; give boundary= for another one"


def _is_share(subject: Subject, target: Target, scores: Tensor) -> bool:
    """Whether what a function makes of probabilities lies between 0 and 1: here (n,), and where a class is certain."""
    clean = subject.scores()
    certain = targets.score(torch.eye(clean.shape[1]).to(clean), target).double()
    return all(bool(((found >= -_ROUNDED) & (found <= 1 + _ROUNDED)).all()) for found in (scores, certain))
