"""Subject: a model and an input; the only object that runs a model."""

from __future__ import annotations

import contextlib
import math
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core import hooks, layers, local
from nbexplain.core import target as targets
from nbexplain.core.call_size import Calls, CallSize
from nbexplain.core.choices import checked_classes, class_names, labels_of
from nbexplain.core.explanation import Target
from nbexplain.core.layers import Layer
from nbexplain.core.memory import STORE, options
from nbexplain.core.model import following, gradient_path
from nbexplain.core.model.estimator_calls import labels_of_method
from nbexplain.core.model.geometry import Asking
from nbexplain.core.model.layer_survey import LayerSurvey, axes_of_input, survey
from nbexplain.core.model.outputs import Reader
from nbexplain.core.model.region import by_class
from nbexplain.core.model.score_names import has_several_labels, name_of_scores
from nbexplain.core.model.token_targets import default_token, reads_ahead, token_names
from nbexplain.core.network import Network, Pass
from nbexplain.core.predictor import Predictor
from nbexplain.core.twin import Twin, twin
from nbexplain.inputs import Array, Key, Masker, Tabular, Text, as_input
from nbexplain.inputs.calling import lacks

_FORWARD_CHUNK = 8  # on two cores within 10 % of the best; larger is slower
_GRADIENT_CHUNK = 4
_MOST_ROWS = 1024  # of texts and tables, which are so small that most of a pass is not arithmetic ...
_ROW_BYTES = 16 * 2**20  # ... as long as no layer's output gets larger than this, ...
_CPU_BYTES = 2 * 2**20  # ... or than this on a processor, which asks the system anew for larger ones in each call
_MOST_OUTSIDE = 32_768  # rows in one call of a model outside torch, ...
_MANY_ROWS = 8192  # ... but no more than so many where larger calls are hardly quicker, ...
_MANY_NARROW = 16_384  # ... or so many of a data frame, or of ...
_FEW_COLUMNS = 64  # ... so few columns: to read them costs a model as much however many it gets


class NoGradient(ValueError):
    """No gradient of the score reaches what is asked for."""


class NoLayers(ValueError):
    """The model has no layers that can be looked into, or none that the method can use."""


class Subject:
    """A twin of the model with one input.

    Parameters
    ----------
    model
        A `torch.nn.Module`, or a `Twin` that several subjects share.
    x
        A picture, a tensor (1, …), or a dict, tuple or dataclass of tensors; see `as_input`.
    forward
        `forward(model, x)` for odd signatures.
    scores
        `scores(output)` → (N, K) for odd outputs, `detections(…)`, or `"sigmoid"`: each is that of a label of its own.
    preprocess
        The user's transform from what `x` is to what the model takes; see `as_input`.
    part
        Which of several inputs is explained: key of the dict, index of the tuple; see `explain`.
    axes
        Pattern of layer names → letters for the axes of their outputs, such as `{"encoder.*": "n t c"}`, where the
        network does not tell them: n input, c channels, z, y, x depth, rows, columns, t tokens or time, . neither.
    classes
        Names of the scores. Two, for a model that gives one number, make both classes of it: of a logit s the scores
        (−s, s), of a probability p that a sigmoid made (1 − p, p).
    whole
        Record every layer in the kept pass, so that each next layer and target is free (sessions). Otherwise only
        the layer asked for is recorded, and the graph begins there (a single `explain`).

    Raises
    ------
    TypeError, ValueError
        For a model that is no module, or an input that cannot be taken.
    """

    def __init__(
        self,
        model: nn.Module | Twin,
        x: Any,
        *,
        forward: Callable[[nn.Module, Any], Any] | None = None,
        scores: Callable[[Any], Tensor] | str | None = None,
        preprocess: Callable[[Any], Any] | None = None,
        part: Key | None = None,
        axes: Mapping[str, str] | None = None,
        classes: Sequence[str] | None = None,
        whole: bool = False,
    ) -> None:
        if axes is not None and not isinstance(axes, Mapping):
            raise TypeError(f"axes: expected {{layer name: 'n t c'}}, got {axes!r}")
        classes = class_names(classes)
        self._axes = dict(axes or {})
        seen = model if isinstance(model, Twin) else twin(model)
        self.input: Array = as_input(x, preprocess, part)
        _check_forward(forward, self.input, isinstance(seen.module, Predictor))
        self.reader = Reader(scores, classes, batched=self.input.batched)
        self._forward = forward
        self._network = Network(seen, self.input, forward, self.reader)
        self._classes = classes
        self._whole = whole
        self._key = object()
        weakref.finalize(self, STORE.drop_owner, self._key)
        self._calls = CallSize(_many_in_a_call(self.input))
        self._forget()

    def _forget(self) -> None:
        self.forget_kept()
        self._clean: Tensor | None = None
        self._held: weakref.ref[Pass] | None = None  # the last whole pass
        self._survey: LayerSurvey | None = None
        self._learned = False  # whether a whole pass has shown which outputs are overwritten
        self._several: set[str] = set()
        self._overwritten: frozenset[str] = frozenset()
        self._names: dict[str, nn.Module] | None = None
        self._score_name: str | None = None
        self._ends: dict[str | None, str] = {}
        self._one_each: bool | None = None
        self._calls.most = sys.maxsize
        self._ahead: list[bool | None] = []  # what `reads_ahead` told
        self.reader.forget()

    # The model as it is

    @property
    def _modules(self) -> dict[str, nn.Module]:
        if self._names is None:
            self._names = layers.module_names(self.twin.module)
        return self._names

    @property
    def twin(self) -> Twin:
        return self._network.twin

    @property
    def device(self) -> torch.device:
        return self._network.device

    @property
    def dtype(self) -> torch.dtype:
        """What is computed in: that of the model's parameters."""
        return self._network.dtype

    @property
    def place_axes(self) -> tuple[int, ...]:
        """Axes of the input's tensor along which its places lie; the others hold channels. Of a row, none."""
        if self.input.tensor.ndim != 3:
            return self.input.place_axes
        return tuple(axis for axis, role in enumerate(self.axes_of_input) if role == "t")

    @property
    def places(self) -> tuple[int, ...]:
        """How many places there are along each of `place_axes`: (H, W) of an image, (D, H, W) of a volume."""
        return tuple(self.input.tensor.shape[axis] for axis in self.place_axes)

    @property
    def pace(self) -> tuple[float, int]:
        """Seconds for each input of a forward pass, one of the last and largest, and how many these were."""
        return self._network.pace

    @property
    def passes(self) -> dict[str, int]:
        """Forward and backward passes so far, counted in inputs."""
        return self._network.passes

    @property
    def warnings(self) -> tuple[str, ...]:
        """What holds for every question to this subject."""
        notes = self.input.notes
        if isinstance(self.input, Tabular) and (lacking := self.input.lacking) and self.scores().isfinite().all():
            notes = tuple(note for note in notes if note not in lacking)  # the model takes it
        if not self.twin.copied:
            notes += (f"the model is explained in place, one run at a time: {self.twin.reason}",)
        return notes + self._network.notes

    def refresh(self) -> bool:
        """Look whether the user's weights, modules or hooks have changed; if so, take them over. True if they had."""
        if not self.twin.changed():
            return False
        self.take_over(twin(self.twin.original, self.twin.stop))
        return True

    def take_over(self, fresh: Twin) -> None:
        """Go on with a new twin, forgetting what was computed with the old one."""
        self._network.take_over(fresh)
        self._forget()

    def close(self) -> None:
        """Give back what is kept."""
        self._forget()

    # What a pass tells

    def record(self) -> Pass:
        """Run the pass from the input that gradients need, unless it is kept; its scores are the clean scores.

        As long as somebody holds what is returned, one that is too large to be kept serves for all that is asked.
        """
        return self._pass(None)

    def scores(self) -> Tensor:
        """The clean scores (1, K, …), detached."""
        if self._clean is None:
            if self._whole:
                self.record()
            else:
                with self.reader.clean():
                    self._clean = self._network.run(self.ready(self.input.tensor), grad=False)
        assert self._clean is not None
        return self._clean

    @property
    def score_name(self) -> str:
        """What the numbers are, as far as it can be known; see `name_of_scores`."""
        if self._score_name is None:
            clean = by_class(self.scores(), self.classes_last)
            self._score_name = name_of_scores(clean, self.reader, self.twin.module, self._sigmoids)
        return self._score_name

    def _sigmoids(self) -> bool:
        """Whether sigmoids made the scores: one more pass, where they might."""
        if self.reader.sigmoid is None:
            with self.reader.watching():
                self._network.run(self.ready(self.input.tensor), grad=False)
        return bool(self.reader.sigmoid)

    @property
    def independent(self) -> bool:
        """Whether each class is told by its own score: by a probability, which need not add up to 1 with the others,
        or by a logit, of a Hugging Face model whose `problem_type` says so."""
        clean = by_class(self.scores(), self.classes_last)
        if clean.shape[1] < 2 or self.reader.both:
            return False
        if self.reader.by_label:
            return True
        shares = targets.are_probabilities(clean) or targets.are_log_probabilities(clean)
        if has_several_labels(self.twin.module):
            return not (self.reader.own and shares)  # without own scores, it is chance that they add up to 1
        return self.score_name == "probability" and not shares

    @property
    def classes_last(self) -> bool:
        """Whether the scores are (N, …, K), a row for each token or time step, and not (N, K, …)."""
        return targets.classes_last(self.scores(), self.input.as_given(self.input.tensor))

    @property
    def is_clear(self) -> bool:
        """Whether it can be told which axis of the scores the classes are on."""
        return targets.is_clear(self.scores(), self.input.as_given(self.input.tensor))

    @property
    def by_token(self) -> bool:
        """Whether each token of a text has scores of its own, (1, L, K), or one, (1, L): tried with a token less."""
        if not isinstance(self.input, Text):
            return False
        scores, length = self.scores(), len(self.input.ids)
        if scores.ndim != 2 or scores.shape[1] != length or isinstance(self.twin.module, Predictor):
            return scores.ndim == 3 and self.classes_last
        if self._one_each is None:  # it may have as many classes as the text has tokens
            shorter = self.input.tensor[:, : length - 1] if length > 2 else self.input.tensor[:, [0, *range(length)]]
            try:
                self._one_each = self.evaluate(shorter).shape[1:] == shorter.shape[1:]
            except Exception:  # it takes no other length, so no token can be removed either
                self._one_each = False
        return self._one_each

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the scores: the user's, those of the model's own labels, or invented ones.

        Raises
        ------
        ValueError
            If there are not as many as scores.
        """
        if self.reader.followed is not None:
            self.scores()
            return self.reader.followed.names(self._classes)
        scores, labels = by_class(self.scores(), self.classes_last), self._labels()
        named = labels is not None and len(labels) == scores.shape[1]
        if self._classes is None and not named and self.by_token and isinstance(self.input, Text):
            return token_names(self.input, self.twin.module, self.scores())
        own = self.twin.module.order if isinstance(self.twin.module, Predictor) else "model.config.id2label"
        if self._forward is not None and self._classes is not None:
            labels = None  # what it returns may be in another order
        return checked_classes(self._classes, scores, labels, own)

    def _labels(self) -> list[Any] | None:
        """What the model calls its scores; None where `scores` puts others in their place."""
        module, count = self.twin.module, by_class(self.scores(), self.classes_last).shape[1]
        if not self.reader.in_order:
            return None
        if isinstance(module, Predictor):
            labels = labels_of_method(module.estimator, count) if module.names is None else module.names
            return None if labels is None else list(labels)
        return labels_of(self.twin.original)

    def has_gradient(self, target: Target | None = None) -> bool:
        """Whether a gradient of the scores, or the target, reaches the input: as the graph tells, or tried in doubt."""
        kept = self._pass(None)
        with self._network.computing(grad=True):
            score = kept.scores if target is None else targets.score(kept.scores, target)
        if not (kept.input.requires_grad and layers.Reach(score)(kept.input)):
            return False
        doubtful = hooks.own_functions(score) or (self._survey is not None and self._survey.raised)
        return self.gets_gradient(target=target) if doubtful else True

    def gets_gradient(self, layer: Layer | None = None, target: Target | None = None) -> bool:
        """Whether a gradient of the target, or of what is explained by default, arrives at the input, or at a layer.

        Tried: what stands in the graph may still hand on none, or raise.
        """
        key = ("gets gradient", layer.name if layer else None, targets.key_of(target))
        held: bool | None = self.kept(key)
        if held is not None:
            return held
        explained = target
        if target is None:
            with contextlib.suppress(TypeError, ValueError):  # no score comes first: any of them will do
                explained = self.target(None)
        try:
            known = self._gradient(explained, layer, again=True) is not None
        except NoGradient:
            known = False
        self.keep(key, known, 64)
        return known

    def target(self, target: Any) -> Target:
        """A checked target; None stands for the class with the highest score, or what else is looked at first.

        Of a map of scores that is `targets.default`, of the scores of a text's tokens `default_token`.
        """
        named = self._classes is not None or (self.reader.followed is None and self._labels() is not None)
        at_token = isinstance(target, tuple) and any(isinstance(part, str) for part in target)
        names = self.names if named or at_token else ()
        if target is None and self.by_token and isinstance(self.input, Text) and self.scores().ndim == 3:
            target = default_token(self.input, self.twin.module, self.scores(), self._reads_ahead, names)
        return targets.resolve(
            target,
            self.scores(),
            last=self.classes_last,
            known=self.is_clear,
            names=names,
            of=self.open_labels,
            called=lambda: self.names,
        )

    @property
    def open_labels(self) -> tuple[Any, ...]:
        """The labels that a model returned for the input itself, where it may return others; else none."""
        self.scores()  # by which it learns them
        outputs = self.twin.module.outputs if isinstance(self.twin.module, Predictor) else None
        return outputs.labels or () if outputs is not None and outputs.alone else ()

    def _reads_ahead(self) -> bool | None:
        """Whether a token's scores hang on what stands behind it; tried once."""
        if not self._ahead:
            assert isinstance(self.input, Text), "asked of texts only"
            self._ahead.append(reads_ahead(self.input, self.scores(), self.evaluate))
        return self._ahead[0]

    def score(self, target: Target) -> float:
        """The number that is explained."""
        return float(targets.score(self.scores(), target))

    def layers(self) -> tuple[Layer, ...]:
        """Every layer, tried once on this input, in the order in which they finish."""
        return self._surveyed().rows

    def suggested(self) -> Layer | None:
        """The layer to begin a CAM with: the last with a grid whose map is not empty for the highest class."""
        return self._surveyed().suggested

    def _surveyed(self) -> LayerSurvey:
        if self._survey is None:
            kept = self._whole_pass(frozenset())
            self._survey = survey(self._network, self._modules, kept, self._overwritten, self._axes)
        return self._survey

    @property
    def axes_of_input(self) -> tuple[str, ...]:
        """The role of each axis of the explained tensor (1, …): `"n"`, `"c"` channels, `"z"`, `"y"`, `"x"`, `"t"` time.

        A signal is (1, channels, time) or (1, time, channels): the network tells which.
        """
        known = axes_of_input(self.input)
        if known is None and _has_slopes(self.input.tensor):
            known = self._surveyed().input_axes
        return known or ("n", "c", "t")

    def layer(self, name: str) -> Layer:
        """The layer with this name. `name@2` is the second call; without a number it is the last.

        Raises
        ------
        ValueError
            If there is no such layer (with the nearest names), or it cannot be used (with the reason).
        """
        if not isinstance(name, str):
            raise TypeError(f"layer: expected a dotted module name, got {name!r}")
        modules = self._modules
        if not modules and isinstance(self.twin.module, torch.jit.ScriptModule):
            raise NoLayers(f"layer: {name!r} cannot be looked into, since the model is a ScriptModule")
        plain, call = layers.split(layers.unprefixed(name, modules))
        if layers.plain_name(plain, modules) not in modules:
            raise ValueError(f"layer: there is no {name!r} in this model; {layers.nearest(name, modules)}")
        rows = [row for row in self._rows(plain, call) if layers.split(row.name)[0] == plain]
        if not rows:
            raise ValueError(f"layer: {name!r} is not called for this input, or returns no tensor")
        if call is not None and call >= len(rows):
            raise ValueError(f"layer: {name!r} asks for call {call + 1}, but it is called {len(rows)} times")
        row = rows[-1 if call is None else call]
        if not row.usable:
            raise ValueError(f"layer: {name!r} cannot be used: {row.reason}")
        return row

    def _rows(self, name: str, call: int | None) -> Sequence[Layer]:
        """The calls of one module, without asking the network where the module's type tells enough."""
        plain = self._network.plain and self.input.alone and not self._axes
        if self._survey is None and plain and not self._whole and name in self._modules:
            records = self._pass((name, call)).of_one_input()
            graph = {c for c in records.order if records.calls[c[0]][c[1]].requires_grad}
            rows = layers.describe(
                records, self._modules, Asking(None, None), axes={}, gradient=graph, depends=set(records.order)
            )
            found = [row for row in rows if layers.split(row.name)[0] == name]
            if len(found) == 1 and not found[0].note:
                return found
        return self.layers()

    def activation(self, layer: Layer) -> Tensor:
        """The output (1, …) of a layer, detached."""
        kept = self._pass(layer.key)
        return kept.one(kept.output(layer).detach())

    def gradient(self, target: Target, layer: Layer | None = None) -> Tensor:
        """The gradient of the score with respect to a layer's output, or to the input: one backward pass.

        Raises
        ------
        ValueError
            If no gradient reaches it.
        """
        again = self.twin.watched  # a session asks the same pass again; for one `explain` memory is given back at once
        gradient = self._gradient(target, layer, again=again)
        if not again:
            STORE.drop((self._key, "pass"))
        if gradient is None:
            raise self.no_gradient(layer)
        self.passes["backward"] += 1
        return gradient

    def _gradient(self, target: Target | None, layer: Layer | None, *, again: bool) -> Tensor | None:
        """The gradient, or None where none arrives; of the sum of all scores for no target. `again`: keep the graph.

        Raises
        ------
        NoGradient
            If the backward pass raises.
        """
        kept = self._pass(layer.key if layer else None)
        wrt = kept.output(layer) if layer else kept.input
        gradient: Tensor | None = None
        with self._network.computing(grad=True):
            score = kept.scores if target is None else targets.score(kept.scores, target)
            if score.requires_grad and wrt.requires_grad:
                try:
                    (gradient,) = torch.autograd.grad(score.sum(), wrt, retain_graph=again, allow_unused=True)
                except torch.cuda.OutOfMemoryError:
                    raise
                except Exception as error:
                    self._held = None
                    for place in ("pass", "pass from a layer"):  # half of the graph may be gone
                        STORE.drop((self._key, place))
                    if "is not implemented" in str(error):
                        raise self.no_gradient(layer) from error
                    if "inplace" not in str(error) or self._network.cautious:
                        self._ends[layer.name if layer else None] = gradient_path.raised(error)
                        raise self.no_gradient(layer) from error
                    # the model writes over what its own gradient needs: without modules that do, it may work
                    self._network.cautious = True
                    return self._gradient(target, layer, again=again)
        return kept.one(gradient) if layer and gradient is not None else gradient

    def no_gradient(self, layer: Layer | None = None) -> NoGradient:
        """The error that says that no gradient reaches a layer, or the input, and why."""
        if layer is None and not _has_slopes(self.input.tensor):
            way = "x.float(), or a layer" if self.input.kind == "picture" else "a layer behind the embedding"
            if self.input.parts is not None and self.input.parts.others:
                way += f", or {self.input.parts.others} to have another input explained"
            return NoGradient(f"x: no gradient reaches the input, which holds integers: use {way}")
        place = f"layer {layer.name!r}" if layer else "the input"
        return NoGradient(f"no gradient of the score reaches {place}: {self.gradient_end(layer)}")

    def gradient_end(self, layer: Layer | None = None) -> str:
        """Why no gradient of the scores reaches a layer, or the input; found by one more pass."""
        key = layer.name if layer else None
        if key not in self._ends:
            if layer is None and not _has_slopes(self.input.tensor):
                self._ends[key] = "it holds integers"
            else:
                place = (self.module(layer), layer.call) if layer else None
                try:
                    self._ends[key] = gradient_path.reason(self._network, place)
                except Exception as error:  # the model does not run while its calls are followed; the rest goes on
                    self._ends[key] = f"where it ends could not be followed ({type(error).__name__}: {error})"
        return self._ends[key]

    # Up to a layer, and with a part of it switched off

    def catch(self, layer: Layer, batch: Tensor) -> hooks.Caught:
        """What one layer takes and returns for a batch (N, …), by a pass that ends there."""
        if self.reader.followed is not None:
            self.scores()  # what is followed must be known first
        if len(batch) > 1 and not self.takes_batches():
            return hooks.Caught.together([self.catch(layer, one) for one in batch.split(1)])
        before = self.passes["forward"]
        with hooks.caught(self.module(layer), layer.call) as caught:
            self._network.run(self.ready(batch), grad=False)
        if self.passes["forward"] == before:
            self.passes["forward"] += len(batch)
        if not self.input.batched and caught.returned is not None:
            caught.returned = caught.returned[None]
        elif caught.returned is not None and not _has_inputs(caught.returned, layer, len(batch)):
            return hooks.Caught.together([self.catch(layer, one) for one in batch.split(1)])
        return caught

    def ablated(self, layer: Layer, keep: Tensor) -> Tensor:
        """Scores (n, K, …) of the input, for each row of `keep` (n, channels) with the other channels set to zero."""
        try:
            return self._ablated(layer, keep, self.chunk() if self.input.batched else 1)
        except hooks.OneByOne:
            return self._ablated(layer, keep, 1)

    def _ablated(self, layer: Layer, keep: Tensor, size: int) -> Tensor:
        x, scores = self.ready(self.input.tensor), []
        for part in keep.to(self.device).split(size):

            def change(output: Tensor, part: Tensor = part) -> Tensor:
                if self.input.batched and not _has_inputs(output, layer, len(part)):
                    raise hooks.OneByOne
                batched = self.input.batched
                mask = layer.geometry.over_channels(part, output.shape if batched else (1, *output.shape))
                return torch.where(mask if batched else mask[0], output, 0)

            with self._replacing(layer, change):
                scores.append(self._network.run(self.ready(x.expand(len(part), *x.shape[1:])), grad=False))
        return torch.cat(scores)

    def _replacing(self, layer: Layer, change: following.Change) -> AbstractContextManager[None]:
        """A pass in which a layer returns something else, and all that is made of it follows."""
        name, _ = layer.key
        base, module = layers.plain_name(name, self._modules), self.module(layer)
        if name == base and base not in self._several:
            return hooks.replaced(module, layer.call, change)
        made = self.kept(("made", layer.name))
        if made is None:
            watch = following.Watch()
            with hooks.recorded({base: module}) as records, hooks.inside(module, layer.call, watch):
                self._network.run(self.ready(self.input.tensor), grad=False)
            made = watch.made(records.calls[name][layer.call], records.versions[name][layer.call])
            if made is None:
                raise ValueError(
                    f"layer: {layer.name!r} returns several tensors, and where this one is made inside it is not seen, "
                    "so what is made of it could not follow; choose a layer inside it"
                )
            self.keep(("made", layer.name), made, 64)
        return hooks.inside(module, layer.call, following.Replace(made, change))

    def module(self, layer: Layer) -> nn.Module:
        """The twin's module of a layer."""
        return self._modules[layers.plain_name(layer.key[0], self._modules)]

    # Many inputs

    def evaluate(self, batch: Tensor, target: Target | None = None, *, hold: bool = True) -> Tensor:
        """Scores (N, K, …) of many inputs (N, …), or the target's score (N,), without gradients and in chunks.

        Without `hold`, which is for inputs whose scores nobody reads, none is asked alone as well.
        """
        found = []
        for part in self._parts(batch):
            scores = self._run_part(part)
            if hold:
                scores = self._network.hold(part, scores)
            found.append(scores if target is None else targets.score(scores, target))
        return torch.cat(found)

    def _run_part(self, part: Tensor) -> Tensor:
        """Scores (n, K, …) of inputs in one call; in smaller ones from now on, where the model refuses so many.

        What it raises where it does not take one of them, in whatever company, is what it raised at first.
        """
        try:
            return self._network.run_batch(self.ready(part))
        except Exception as error:
            raised = error.__cause__ not in (None, error)  # by the model; else it is what it returned that is wrong
            if not raised or len(part) < 2 or not isinstance(self.twin.module, Predictor):
                raise
            found = self._in_smaller(part)
            if found is None:
                raise
            return found

    def _in_smaller(self, part: Tensor) -> Tensor | None:
        """Scores (n, K, …) of inputs that the model does not take together; None if it is one of them that it refuses.

        The size of the calls that it takes is remembered.
        """
        size = len(part)
        found: list[Tensor] = []
        try:
            self._network.run_batch(self.ready(part[:1]))  # a model that takes none is not asked further
            with contextlib.suppress(Exception):  # it may have failed by chance
                return self._network.run_batch(self.ready(part))
            while size > 1 and not found:
                size = -(-size // 2)
                with contextlib.suppress(Exception):
                    found.append(self._network.run_batch(self.ready(part[:size])))
            if found:
                found += [self._network.run_batch(self.ready(one)) for one in part[size:].split(size)]
        except Exception:  # not because of how many there are
            return None
        if found:
            self._calls.most = size
        return torch.cat(found) if found else None

    def _parts(self, batch: Tensor) -> Iterator[Tensor]:
        """A batch in chunks; rows for a model outside torch, of which each call costs by itself, in longer ones.

        They grow as long as a call is so short that a person who stops it does not wait.
        """
        if len(batch) == 1:
            yield batch
            return
        start = 0
        while start < len(batch):
            calls = self.calls(batch.shape[-1])
            size, begun = calls.size, time.perf_counter()
            yield batch[start : start + size]
            start += size
            if start <= len(batch) and size <= self._calls.most:
                calls.took(size, time.perf_counter() - begun)

    def calls(self, width: int) -> Calls:
        """How many inputs, of so many numbers each, the next calls of the model take.

        A slow model outside torch gets fewer at a time, as it can be stopped between two calls only.
        """
        chunk = least = self.chunk()
        if isinstance(self.twin.module, Predictor):
            least = 1
            if not self._calls.size:
                self._calls.begin(chunk, *self.pace)
        most = min(chunk, self._calls.most)
        if most > 1 and self.input.kind == "table":
            each = max(8 * width, (self._network.survey or hooks.Survey()).largest)
            room = min(self._layer_bytes // each, options.memory_budget // (4 * each))
            most = max(most, min(_MOST_OUTSIDE, room, self._calls.most))
        return Calls(self._calls, least, most)

    def calling(self) -> AbstractContextManager[Callable[[Any, int], Tensor]]:
        """For many short calls: what gives the scores (N, K, …) of so many inputs.

        They are a batch that is `ready`, or made for a model outside torch. What the model raises is left as it is.
        Entered for a step, never across a yield.
        """
        return self._network.calling()

    def takes_batches(self) -> bool:
        """Whether several inputs go through the model at once as each would alone; else they are run one by one."""
        return self._network.takes_batches()

    def masker(self, **options: Any) -> Masker:
        """What can be hidden of the input, on the model's device; see the `masker` of its kind."""
        return self.input.masker(**options, ready=self.ready)

    def hidden(
        self, masker: Masker, keep: np.ndarray, read: Callable[[Tensor], Tensor] = lambda scores: scores
    ) -> Tensor:
        """What is `read` of the scores (N, K, …) of the input, for each row of `keep` (n, features) with others hidden.

        Where several inputs stand in for one row, the mean of what is read of each.
        """
        count = len(masker.weights)
        weights = torch.from_numpy(masker.weights)
        step = max(self.chunk() // count, 1)
        scores: Tensor | None = None
        for start in range(0, len(keep), step):
            for rows, batch in self._network.padded(masker.batches(keep[start : start + step])):
                part = self.evaluate(batch)
                if self.by_token and isinstance(self.input, Text):
                    part = self.input.put_back(part, batch.to(part.device))
                part = read(part)
                if count > 1:  # whole numbers and half precision have no room for a mean
                    part = torch.einsum("nm...,m->n...", part.cpu().double().unflatten(0, (len(rows), count)), weights)
                if scores is None:
                    scores = part.new_empty(len(keep), *part.shape[1:])
                scores[start + torch.from_numpy(rows).to(part.device)] = part
        assert scores is not None, "keep has rows"
        return scores

    def clean_parts(self, rectangle: local.Rectangle) -> dict[local.Path, Tensor]:
        """What `evaluate_changed` needs for rectangles of this size, from one pass; empty where nothing is gained."""
        self.scores()
        return self._network.clean_parts(rectangle)

    def evaluate_changed(
        self, batch: Tensor, rectangles: Sequence[local.Rectangle], clean: dict[local.Path, Tensor]
    ) -> Tensor:
        """Scores (N, K, …) of pictures (N, C, H, W) that differ from the input in one rectangle each.

        Parameters
        ----------
        rectangles
            Rows and columns, half open.
        clean
            What `clean_parts` returned: near the input, only what the rectangles change is computed.
        """
        size = self.chunk()
        scores = []
        for start in range(0, len(batch), size):
            change = local.Change(clean, rectangles[start : start + size]) if clean else None
            part = batch[start : start + size]
            scores.append(self._network.hold(part, self._network.run_batch(self.ready(part), change)))
        return torch.cat(scores)

    def gradients(self, batch: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """The target's score (N,) and its gradient (N, …) for many inputs, in chunks."""
        if not _has_slopes(batch):
            raise self.no_gradient()
        values, gradients = [], []
        for part in batch.split(self.chunk(gradients=True)):
            x = self.ready(part).detach().requires_grad_()
            with self._network.computing(grad=True):
                score = targets.score(self._network.run(x, grad=True), target)
                if not score.requires_grad:
                    raise self.no_gradient()
                hooks.cancellable_graph(score, self.twin.stop)
                try:
                    (gradient,) = torch.autograd.grad(score.sum(), x, allow_unused=True)
                except torch.cuda.OutOfMemoryError:
                    raise
                except Exception as error:
                    self._ends[None] = gradient_path.raised(error)
                    raise self.no_gradient() from error
                if gradient is None:
                    raise self.no_gradient()
                gradients.append(gradient)
            values.append(score.detach())
            self.passes["backward"] += len(part)
        return torch.cat(values), torch.cat(gradients)

    def scores_in(self, copy: Twin, batch: Tensor) -> Tensor:
        """Scores (N, K, …) of inputs as another twin of the model has them, in the grad mode of the moment."""
        return self._network.run_in(copy, self.ready(batch))

    def chunk(self, *, gradients: bool = False) -> int:
        """How many inputs go through the model at a time: 8 (4 with gradients), or fewer under the memory budget.

        Of texts and rows of tables more, where they are small.
        """
        self.scores()
        seen = self._network.survey or hooks.Survey()
        needed = seen.total if gradients else 4 * seen.largest
        most = _GRADIENT_CHUNK if gradients else _FORWARD_CHUNK
        if self.input.kind in ("text", "table"):
            each = max(seen.total if gradients else seen.largest, 1)
            most = max(most, min(_MOST_ROWS, self._layer_bytes // each))
        size = max(1, min(most, options.memory_budget // max(needed, 1)))
        return size if size > 1 and self._network.takes_batches(size) else 1

    @property
    def _layer_bytes(self) -> int:
        """How large a layer's output may get where many small inputs go through the model at once."""
        inside = not isinstance(self.twin.module, Predictor)
        return _CPU_BYTES if inside and self.device.type == "cpu" else _ROW_BYTES

    def kept(self, key: Any) -> Any | None:
        """What `keep` was given under this key, as long as the weights stay and the memory lasts; else None."""
        return STORE.get((self._key, key))

    def keep(self, key: Any, value: Any, nbytes: int) -> None:
        """Keep something computed with this model and input, such as samples that the next target can use again."""
        STORE.put((self._key, key), value, nbytes)

    def forget_kept(self) -> None:
        """Let go of all that was kept."""
        STORE.drop_owner(self._key)

    def forget_of(self, target: Target) -> None:
        """Let go of what was kept of a target."""
        STORE.drop_holding(self._key, targets.key_of(target))

    def ready(self, x: Tensor) -> Tensor:
        """`x` on the model's device and in its dtype."""
        return self._network.ready(x)

    def undisturbed(self) -> AbstractContextManager[None]:
        """Nothing of the caller's grad, inference and autocast modes; entered for a step, never across a yield."""
        return self._network.undisturbed()

    # Running

    def _pass(self, layer: tuple[str, int | None] | None) -> Pass:
        """The kept pass if it tells what is asked, else a new one that does."""
        name = layer[0] if layer else None
        place, size = "pass", None
        if self._whole:
            # learns which outputs are overwritten in place; held, since it may serve again below
            first = None if self._learned else self._whole_pass(frozenset())
            if layer is None or (self._network.survey or hooks.Survey()).total <= options.memory_budget:
                return self._whole_pass(self._overwritten & {name})
            del first
            # too large to be kept: what comes after the layer may not be
            place, size = "pass from a layer", self._bytes_from(layer[0])
        kept: Pass | None = STORE.get((self._key, place))
        if kept is not None and (layer is None or name in kept.records.calls):
            untouched = name in kept.separate or name not in kept.records.overwritten()
            if kept.leaf == layer or (kept.leaf is None and untouched):
                return kept
        if name is None:
            return self._new_pass({}, frozenset(), None)
        base = layers.plain_name(name, self._modules)
        inside = {n: m for n, m in self._modules.items() if n == base or n.startswith(f"{base}.")}
        if name == base and base not in self._several:
            kept = self._new_pass(inside, frozenset(), layer, place, size)
            if base not in kept.records.several:
                return kept
        # in a graph from the input all that is made of it follows
        return self._new_pass(inside, frozenset({name}), None, place)

    def _bytes_from(self, name: str) -> int:
        """About what the outputs of a layer and of all that end after it take."""
        rows = self.layers()
        first = next((at for at, row in enumerate(rows) if layers.split(row.name)[0] == name), 0)
        return sum(math.prod(row.shape) for row in rows[first:]) * self.dtype.itemsize

    def _whole_pass(self, separate: frozenset[str]) -> Pass:
        """The kept pass from the input with all layers recorded, in which `separate` handed on clones."""
        kept: Pass | None = STORE.get((self._key, "pass"))
        if kept is None and self._held is not None:
            kept = self._held()
        if kept is not None and separate <= kept.separate and kept.leaf is None and self._whole:
            return kept
        if kept is not None:
            separate |= kept.separate
        kept = self._new_pass(self._modules, separate, None)
        self._held = weakref.ref(kept)
        self._overwritten |= kept.records.overwritten()
        self._learned = True
        return kept

    def _new_pass(
        self,
        modules: dict[str, nn.Module],
        separate: frozenset[str],
        leaf: tuple[str, int | None] | None,
        place: str = "pass",
        size: int | None = None,
    ) -> Pass:
        with self.reader.clean():
            kept = self._network.recorded(modules, separate, leaf)
        self._clean = kept.scores.detach()
        self._several |= kept.records.several
        STORE.put((self._key, place), kept, (self._network.survey or hooks.Survey()).total if size is None else size)
        return kept


def _many_in_a_call(given: Array) -> int:
    """How many inputs a call may grow to while it is quick."""
    narrow = isinstance(given, Tabular) and (given.framed or given.tensor.shape[-1] <= _FEW_COLUMNS)
    return _MANY_NARROW if narrow else _MANY_ROWS


def _check_forward(forward: Any, given: Array, outside: bool) -> None:
    """Check that it can be called as it will be."""
    if forward is None:
        return
    rows = {"table": "rows", "text": "texts"}.get(given.kind, "x") if outside else "x"
    if not callable(forward):
        raise TypeError(
            f"forward: expected a function of the model and its input, forward(model, {rows}), got {forward!r}"
        )
    alone = given.parts is None and getattr(given, "encode", None) is None  # else more than one may be handed over
    if alone and (why := lacks(forward, 2)):
        raise TypeError(f"forward: it is called as forward(model, {rows}), and cannot be: {why}")


def _has_inputs(output: Tensor, layer: Layer, count: int) -> bool:
    """Whether what a layer returned is of so many inputs."""
    return count == 1 or output.shape[layer.axes.index("n")] == count


def _has_slopes(tensor: Tensor) -> bool:
    """Whether there can be a gradient with respect to it."""
    return tensor.is_floating_point() or tensor.is_complex()
