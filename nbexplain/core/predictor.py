"""Predictor: a model that is no torch module (scikit-learn's, or any callable), as a module that torch can run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core.called import plain_name
from nbexplain.core.formatting import told_apart
from nbexplain.core.model import estimator_outputs as outputs
from nbexplain.core.model import one_by_one
from nbexplain.core.model.answer_forms import as_plain
from nbexplain.core.model.asked_in_parts import answered
from nbexplain.core.model.estimator_answers import NoLabel, as_array, precision_of
from nbexplain.core.model.estimator_calls import (
    NO_OBJECTIVE,
    classes_of,
    comes_from,
    count_of,
    first_that_answers,
    is_booster,
    is_pipeline,
    kind_of,
    labels_of_predict,
    last_step,
    may_tell_two,
    objective_of,
    own_choice,
    pipeline_function,
    pipeline_labels,
    same_labels,
    unlike_labels,
    ways_to_ask,
)
from nbexplain.core.model.estimator_outputs import Outputs
from nbexplain.core.model.estimator_state import Attributes, State
from nbexplain.core.model.own_columns import order_note
from nbexplain.core.model.trees.reading import unwrapped
from nbexplain.inputs import Array, Tabular
from nbexplain.inputs.table_column import key_among
from nbexplain.inputs.table_times import kept_as_times

_TRIED = 100  # background rows on which scores are held against `predict` ...
_TRIED_FOR_LABELS = 10_000  # ... those that tell which labels there are
_TRIED_FOR_SHARES = 3  # ... and those that tell whether scores add up to 1, few as the model may be slow
_OF_SHARES = (
    "the model predicts numbers of 0 and more that add up to 1, which are explained as numbers; if they are "
    "probabilities of classes, give a name for each: classes=[…]"
)
_OF_OUTLIERS = (
    "its score tells outliers and is no prediction; two names make classes of it: classes=('outlier', 'inlier')"
)


class Predictor(nn.Module):
    """What `predict_proba`, `decision_function`, `predict` or a callable says, as scores (N, K).

    The first of them that answers. What the numbers are is tried on the background: held against the estimator's own
    `predict`, not assumed. A decision function of two classes is one number d: the scores are (−d, d), those of a
    probability p (1 − p, p). A classifier or a clustering with `predict` alone, and a callable that returns labels, has
    the score 1 for the class that it chooses and 0 for the others. Several outputs stand side by side.

    It is handed what the input calls `outside`: rows as an array or a data frame, texts as a list of strings, pictures
    as an array (N, C, H, W). No gradient goes through it, and it has no layers.

    Parameters
    ----------
    model
        An object with one of these, a callable, a `Booster`, or a text-classification pipeline of Hugging Face.

    Attributes
    ----------
    way
        Which of them is asked: `"predict_proba"`, `"decision_function"`, `"predict"`, `"call"`; `"forward"` for the
        user's own call.
    outputs
        What the scores are; None before the first pass.
    precision
        In which numbers it was seen to compute: the finest that it has returned.

    Raises
    ------
    TypeError
        If it is none of these.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.estimator = model
        self._attributes = Attributes(model)
        self._calls = ways_to_ask(model)
        self.way = self._calls[0][0]
        self.outputs: Outputs | None = None
        self.by_label = False
        self.precision = torch.bfloat16
        self._given: Array | None = None
        self._classes: tuple[str, ...] | None = None  # the user's
        self._shape: tuple[int, ...] | None = None  # of the scores of one input, as they came first
        self._columns: tuple[str, ...] = ()  # of the data frame that came first
        self._labels: np.ndarray | list[np.ndarray] | None = None  # its `classes_` then
        self._chosen: np.ndarray | None = None  # what `predict` returned for the rows that told what the scores are

    def __deepcopy__(self, memo: dict[int, Any]) -> Predictor:
        new = Predictor(self.estimator)  # the fitted model is shared, as weights are
        new._attributes = self._attributes
        return new

    def meet(self, given: Array, classes: Sequence[str] | None, by_label: bool = False) -> None:
        """The input whose background tells what the scores are, and the user's names for them.

        `by_label` where the user says that each is that of a label of its own.
        """
        if self.outputs is None:
            self.by_label = by_label
            self._given, self._classes = given, None if classes is None else tuple(classes)

    def forward(self, x: Any, way: Callable[[Any, Any], Any] | None = None) -> Tensor:
        """Scores (N, K) as float64; `way(model, x)` is the user's own call of the estimator."""
        with self._attributes.watched(count_of(x)):
            return self._scores(x, way)

    def _scores(self, x: Any, way: Callable[[Any, Any], Any] | None) -> Tensor:
        if way is not None and self.way != "forward":
            self.way, self._calls, self.outputs = "forward", [("forward", partial(way, self.estimator))], None
        if self.outputs is None:
            number, answer = first_that_answers(self._calls, x)
            self.way, self._calls = self._calls[number][0], self._calls[number:]
            self.outputs = self._learn(x, answer)
            if self.by_label:
                self.outputs = self._each_by_itself(self.outputs, x, answer)
        else:
            answer = self._calls[0][1](x)
        said, _, columns = as_array(answer, count_of(x), x, self._call, self._calls[0][1])
        if self.precision != torch.float64:  # nothing is finer
            self.precision = min(self.precision, precision_of(answer, said), key=lambda dtype: torch.finfo(dtype).eps)
        self._check_same(columns)
        said = self._in_order(said, columns)
        scores = self.outputs.scores(said)
        self._shape = self._shape or scores.shape[1:]
        if scores.shape[1:] != self._shape:
            raise ValueError(
                f"model: it returned {scores.shape[1]} scores for each input, and {self._shape[0]} at the call before"
            )
        return torch.from_numpy(scores)

    def answer(self, x: Any) -> Any:
        """What the estimator says of some inputs, of which nothing is learnt: to learn it asks for the row, too."""
        return first_that_answers(self._calls, x)[1]

    def one_by_one(self, x: Any) -> str:
        """How a model that raised on these inputs would answer, as far as it was not asked before; or `""`.

        `""` too for one that answers when it is asked again as before: it was not how it was asked.
        """
        if self.outputs is not None or self.way == "forward" or self._answers(x):
            return ""
        way = self._another_way(x)
        return "" if way and self._answers(x) else way

    def _answers(self, x: Any) -> bool:
        try:
            self._calls[0][1](x)
        except Exception:  # what it raises is known
            return False
        return True

    def _another_way(self, x: Any) -> str:
        if isinstance(x, list) and isinstance(x[0], tuple) and not is_pipeline(self.estimator):
            return one_by_one.of_pairs(self._calls[0][1], self._call, x)
        if self.way != "call" and not isinstance(x, list):
            return ""
        return one_by_one.tried(self._calls[0][1], self._call, x)

    @property
    def _call(self) -> str:
        """What is called, in words."""
        return "model" if self.way in ("call", "forward") else f"model.{self.way}"

    def _check_same(self, columns: tuple[str, ...]) -> None:
        """Check that what it returns means what it meant at the call before."""
        if columns != self._columns:
            before, now = (", ".join(map(repr, names)) or "none" for names in (self._columns, columns))
            same = sorted(columns) == sorted(self._columns)
            way = f"; try lambda inputs: {self._call}(inputs)[{list(self._columns)}]" if same else ""
            raise ValueError(f"model: its columns are {now}, and were {before} at the call before{way}")
        labels = classes_of(self.estimator)
        if not same_labels(labels, self._labels):
            raise ValueError(f"model: its classes_ are {labels} now, and were {self._labels} at the call before")

    def _in_order(self, said: np.ndarray, columns: tuple[str, ...]) -> np.ndarray:
        """What it returned, in the order of its `classes_` where the columns of a frame are called like these."""
        if not columns:
            return said
        labels = [str(label) for label in self._labels] if isinstance(self._labels, np.ndarray) else []
        if self.way == "predict":
            return said
        for called in (str, plain_name):  # a column 20 is that of the label 20.0, where none is called so as it stands
            known, wanted = [called(name) for name in columns], [called(label) for label in labels]
            if sorted(known) == sorted(wanted) and len(set(known)) == len(known):
                return said[:, [known.index(label) for label in wanted]]
        return said

    @property
    def names(self) -> tuple[Any, ...] | None:
        """What the estimator calls its scores (K,), or None."""
        return None if self.outputs is None else self.outputs.names

    @property
    def order(self) -> str:
        """What the order of its scores is that of, in words."""
        if is_pipeline(self.estimator):
            return "model.model.config.id2label"
        if self._columns and self.names == self._columns:
            return "that of the columns that it returns"
        own = getattr(self.estimator, "__self__", self.estimator)  # of a method, such as model.predict_proba
        return "that of its own labels" if classes_of(own) is None else "model.classes_"

    @property
    def classes(self) -> np.ndarray | None:
        """The labels (K,) of the classes of which one is chosen, in the order of the scores, or None."""
        if self.outputs is None or not self.outputs.exclusive:
            return None
        known = self.outputs.names if self.outputs.labels is None else self.outputs.labels
        return None if known is None else kept_as_times(as_plain(known))

    def choice(self, x: Any) -> np.ndarray | None:
        """(n,) the class that `predict` chooses for each of some inputs, as a number, −1 for none of these classes.

        None where it has no say besides the scores: it returned none of these classes for the rows that were tried.
        """
        labels = self.classes
        if labels is None or self._chosen is None or not outputs.are_among(self._chosen, labels).any():
            return None
        said = own_choice(self.estimator, x)
        if said is None or said.ndim != 1:
            return None
        key = key_among(labels.tolist())
        places = {key(label): place for place, label in enumerate(labels.tolist())}
        return np.array([places.get(key(label), -1) for label in said.tolist()])

    @property
    def regresses(self) -> bool:
        """Whether the scores are predictions of numbers, not scores of classes."""
        return self.outputs is not None and self.outputs.quantity == "prediction"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the scores must know."""
        if self.outputs is None:
            return ()
        names = self._given.names if isinstance(self._given, Tabular) else ()
        own = unwrapped(self.estimator) if comes_from(self.estimator, "sklearn") else self.estimator
        return self.outputs.notes + order_note(own, names)

    def state(self) -> State:
        """What a fit changes in the estimator, and in what it holds; see `Attributes`."""
        return self._attributes.state()

    # What the scores are

    def _sample(self, most: int) -> Any | None:
        """Some background rows as the model takes them, or None."""
        rows = self._sampled(most)
        return None if rows is None or self._given is None else self._given.outside(torch.from_numpy(rows))

    def _sampled(self, most: int) -> np.ndarray | None:
        """Some rows (n, F) of the background, or None without one."""
        rows = self._given.background if isinstance(self._given, Tabular) else None
        return None if rows is None else rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:most])]

    def _learn(self, x: Any, answer: Any) -> Outputs:
        said, widths, names = as_array(answer, count_of(x), x, self._call, self._calls[0][1])
        self._columns, self._labels = names, classes_of(self.estimator)
        said = self._in_order(said, names)
        if (
            self.way not in ("call", "forward") or said.dtype.kind != "f" or np.isnan(said).all()
        ):  # floats of a callable need no check: there is nothing to ask
            x, said = self._tried(_TRIED) or (x, said)
        if is_pipeline(self.estimator):
            told = pipeline_labels(self.estimator)
            made, problem = pipeline_function(self.estimator), self.estimator.model.config.problem_type
            quantity = "probability" if made != "none" else "prediction" if problem == "regression" else "score"
            single = made == "softmax" and said.shape[1] > 1
            return Outputs(outputs.numbers, told_apart(told), quantity, exclusive=single)
        if self.way in ("call", "forward"):
            return self._of_callable(said, names)
        model, kind = self.estimator, kind_of(self.estimator)
        labels = classes_of(model)
        if self.way == "predict":
            return self._of_predictions(said, names, labels, kind)
        if widths or isinstance(labels, list):
            return self._of_several(said, widths, labels)
        self._chosen = chosen = own_choice(model, x)
        pairs = getattr(last_step(model), "decision_function_shape", "") == "ovo"
        clusters = kind in ("clusterer", "density_estimator") and labels is None and self.way == "predict_proba"
        if (clusters or kind == "outlier_detector") and outputs.numbers(said).shape[1] == 1:
            chosen = None  # outliers and inliers are no classes until they are named, a single cluster is not chosen
        found = outputs.of_classes(self.way, said, labels, chosen, pairs=pairs, told=self._classes)
        if clusters and found.quantity == "probability":
            return outputs.of_clusters(said, found)
        if found.names is None and self._tells_two and outputs.numbers(said).shape[1] == 1:
            margin, own = self.way == "decision_function", outputs.OUTLIERS if kind == "outlier_detector" else None
            two = outputs.of_two(said, margin=margin, labels=own)
            return dataclasses.replace(two, notes=outputs.beside_predict(chosen))
        if kind == "outlier_detector":
            return dataclasses.replace(found, undecided=_OF_OUTLIERS)
        return found

    def _each_by_itself(self, found: Outputs, x: Any, answer: Any) -> Outputs:
        """Scores each of which is that of a label of its own."""
        said = as_array(answer, count_of(x), x, self._call, self._calls[0][1])[0]
        return outputs.of_each_label(found, self._telling(said), self._call)

    def _of_callable(self, said: np.ndarray, names: tuple[str, ...]) -> Outputs:
        if (found := self._as_told(said)) is not None:
            return found
        if (said.ndim == 1 or said.shape[1] == 1) and (labels := outputs.labels_in(said)) is not None:
            return self._of_labels(labels)
        found = outputs.of_numbers(said, names)
        others = self._tried(_TRIED_FOR_SHARES) if outputs.add_up(said) else None
        by_chance = others is not None and not outputs.add_up(others[1])
        return Outputs(found.scores, found.names, notes=outputs.perhaps_labels(said), by_chance=by_chance)

    @property
    def _tells_two(self) -> bool:
        return self._classes is not None and len(self._classes) == 2

    def _as_told(self, said: np.ndarray) -> Outputs | None:
        """Of one label or number (N,) for each input, where the user has named its classes; else None."""
        told = self._classes
        if told is None or len(told) < 2 or (said.ndim == 2 and said.shape[1] > 1):
            return None
        if said.dtype.kind in "USO" and set(said.ravel().tolist()) <= set(told):
            if twice := [name for name in told if told.count(name) > 1]:
                raise ValueError(
                    f"classes: {twice[0]!r} is there twice, and the model returns the labels themselves; name each once"
                )
            return outputs.of_labels(told)
        own = labels_of_predict(self.estimator)
        if own is not None and outputs.renames(own, told) and outputs.are_among(said.ravel(), own).all():
            return outputs.of_labels(own, told)
        if said.dtype.kind not in "fiub":
            return None
        some = self._telling(said) if said.dtype.kind == "f" else said
        if self._tells_two and said.dtype.kind == "f" and not outputs.are_called(some, told) and outputs.tell_two(some):
            return outputs.of_two(some, labels=outputs.two_told(some))
        if not outputs.are_whole(some) and not outputs.are_called(some, told):
            return None
        tried = self._tried(_TRIED_FOR_LABELS)
        seen = said.ravel() if tried is None else np.append(said, tried[1])
        labels = outputs.labels_named(seen, self._right(), told, self._call, alone=tried is None)
        return outputs.of_labels(labels, told)

    def _right(self) -> list[Any]:
        """The right labels of the background's rows, where it has any."""
        table = self._given if isinstance(self._given, Tabular) else None
        return [] if table is None or table.labels is None else table.labels.tolist()

    def _telling(self, said: np.ndarray) -> np.ndarray:
        """The numbers that tell what they are: those of background rows, or else those `said` of the input."""
        tried = self._tried(_TRIED)
        return said if tried is None or not outputs.tells(tried[1]).any() else tried[1]

    def _as_shares(self, said: np.ndarray, names: tuple[str, ...]) -> Outputs | None:
        """Of numbers (N, K) that add up to 1: probabilities, where the user has named K classes; else None."""
        if said.ndim != 2 or said.shape[1] < 2 or said.dtype.kind != "f":
            return None
        if not outputs.add_up(self._telling(said)):
            return None
        if self._classes is not None and len(self._classes) == said.shape[1]:
            return Outputs(outputs.numbers, quantity="probability", exclusive=True)
        return dataclasses.replace(outputs.of_numbers(said, names, regresses=True), notes=(_OF_SHARES,))

    def _of_predictions(
        self, said: np.ndarray, names: tuple[str, ...], labels: np.ndarray | list[np.ndarray] | None, kind: str
    ) -> Outputs:
        model, is_number = self.estimator, said.dtype.kind in "fiu"
        named_two = self._tells_two and is_number and outputs.numbers(said).shape[1] == 1
        why = unlike_labels(model, kind) if is_number else ""
        if why:
            two = may_tell_two(model, kind)
            if two and named_two:
                return outputs.of_two(said, margin=True)
            if two or not named_two:
                return dataclasses.replace(outputs.of_numbers(said, names, regresses=not two), undecided=why)
        if is_booster(model, "xgboost") or is_booster(model, "lightgbm"):
            boosted = _of_booster(said, objective_of(model), self._classes)
            if named_two and boosted.quantity == "prediction":
                raise ValueError(_two_of_a_number(model, why))
            return boosted
        if isinstance(labels, list) and said.ndim == 2 and said.shape[1] == len(labels):
            parts = [outputs.of_labels(own) for own in labels]
            return outputs.of_several(parts, [1] * len(labels), labels, "score", "predict")
        if isinstance(labels, np.ndarray) and len(labels):
            column = said.ravel() if said.ndim == 1 or said.shape[1] == 1 else None
            if column is not None and np.isin(column, labels).all():
                return outputs.of_labels(labels)
            if said.dtype.kind == "f" or (said.ndim == 2 and said.shape[1] == len(labels)):  # raw values, not labels
                return outputs.of_classes("predict", said, labels, own_choice(model, self._sample(_TRIED), raw=True))
        if kind == "clusterer":
            own = getattr(last_step(model), "labels_", None)
            found = np.unique(said if own is None else np.append(np.asarray(own), said))
            return outputs.of_labels(found, [f"cluster {label}" for label in found.tolist()], kind="cluster")
        if kind != "regressor" and (as_told := self._as_told(said) or self._as_shares(said, names)) is not None:
            return as_told
        if (found_labels := outputs.labels_in(said)) is not None:
            return self._of_labels(found_labels)
        if kind == "regressor" and named_two:
            raise ValueError(_two_of_a_number(model, why))
        regresses = kind != "outlier_detector" and said.dtype.kind != "b"
        return outputs.of_numbers(said, names, regresses=regresses)

    def _of_several(
        self, said: np.ndarray, widths: tuple[int, ...], labels: np.ndarray | list[np.ndarray] | None
    ) -> Outputs:
        """Several outputs: a table of each, or a column of each that says how probable its last label is."""
        if not widths and isinstance(labels, list) and said.shape[1] == len(labels):  # a chain
            names = tuple(f"output {number}: {own[-1]}" for number, own in enumerate(labels))
            quantity = "probability" if self.way == "predict_proba" else "score"
            in_columns = outputs.of_labels_in_columns(self.way, len(names))
            return dataclasses.replace(in_columns, names=names, quantity=quantity)
        if not widths:
            return Outputs(outputs.numbers)
        own_labels = labels if isinstance(labels, list) and [len(own) for own in labels] == list(widths) else None
        parts = [Outputs(outputs.numbers)] * len(widths)
        quantity = "probability" if self.way == "predict_proba" else "score"
        return outputs.of_several(parts, widths, own_labels, quantity, self.way)

    def _of_labels(self, found: list[Any]) -> Outputs:
        """Of the labels that the model returns, for the whole background where there is one, or else those `found`."""
        tried = self._tried(_TRIED_FOR_LABELS)
        found = found if tried is None else outputs.labels_in(tried[1]) or found
        told = self._classes
        named = None if told is None or len(told) < 2 else outputs.labels_among(found, told)
        labels = outputs.with_right_ones(found, self._right()) if named is None else named
        return outputs.of_labels(labels, alone=not isinstance(self._given, Tabular), kind="label")

    def _tried(self, most: int) -> tuple[Any, np.ndarray] | None:
        """Some background rows, and what the model says of them; None without any, or if it takes none of them.

        Where it does not take all of them together, those that it takes: see `answered`.

        Raises
        ------
        Exception
            Of the model, if it fails on the explained input too, which it took before, as a server that is away does:
            so that nothing is learnt for good from what happened to answer.
        """
        rows = self._sampled(most)
        if rows is None or self._given is None:
            return None

        def ask(some: np.ndarray) -> np.ndarray:
            sample = outside(torch.from_numpy(some))
            said, _, columns = as_array(self._calls[0][1](sample), count_of(sample), sample)
            return self._in_order(said, columns)

        outside = self._given.outside
        for _ in range(2 if np.isfinite(rows).all() else 1):  # it may have failed by chance
            try:
                said = ask(rows)
            except NoLabel:  # which the explained input may have
                raise
            except Exception:  # such as of rows with NaN, which a method that asks for them will name
                said = None
            if said is not None:
                return outside(torch.from_numpy(rows)), said
        self._calls[0][1](outside(self._given.tensor))
        found = answered(ask, rows)
        self._calls[0][1](outside(self._given.tensor))
        return None if found is None else (outside(torch.from_numpy(found[0])), found[1])


def _two_of_a_number(model: Any, why: str) -> str:
    """What is said of two names for a predicted number; `why` labels are unlike it, if they are."""
    function = "lambda rows: model.predict(xgboost.DMatrix(rows))" if is_booster(model, "xgboost") else "model.predict"
    way = why or f"if it is the score of a class, ask the function: explain({function}, …, classes=(first, second))"
    return f"classes: two names, and the model predicts a number; give one name for it, classes=('price',); {way}"


def _of_booster(said: np.ndarray, objective: str, told: Sequence[str] | None) -> Outputs:
    """Of a `Booster` of xgboost or lightgbm, by what it was trained for, or else by the user's names of classes."""
    if objective in ("binary:logistic", "binary", "cross_entropy"):
        return outputs.of_classes("predict_proba", said, np.arange(2), None)
    if objective in ("binary:logitraw", "binary:hinge"):
        return outputs.of_classes("decision_function", said, np.arange(2), None)
    if objective.startswith("multi") and said.ndim == 2:
        way = "decision_function" if objective == "multi:softmax" else "predict_proba"
        return outputs.of_classes(way, said, np.arange(said.shape[1]), None)
    own = objective in NO_OBJECTIVE
    if own and told is not None and len(told) == max(2, outputs.numbers(said).shape[1]):
        return outputs.of_raw(said, np.arange(len(told)))
    return outputs.of_numbers(said, regresses=not own)
