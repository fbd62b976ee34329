"""Subject: a model and an input; the only object that runs a model."""

from __future__ import annotations

import dataclasses
import math
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core import hooks, layers, local
from nbexplain.core import target as targets
from nbexplain.core.explanation import Target
from nbexplain.core.layers import Layer
from nbexplain.core.memory import STORE, options
from nbexplain.core.network import Network, Pass
from nbexplain.core.predictor import Predictor
from nbexplain.core.twin import Twin, twin
from nbexplain.inputs import Array, Masker, as_input

_FORWARD_CHUNK = 8  # on two cores within 10 % of the best; larger is slower
_GRADIENT_CHUNK = 4
_MOST_ROWS = 1024  # of texts and tables, which are so small that most of a pass is not arithmetic ...
_ROW_BYTES = 16 * 2**20  # ... as long as no layer's output gets larger than this


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
        A picture, a tensor (1, …), or a dict or tuple of tensors; see `nbexplain.inputs`.
    forward
        `forward(model, x)` for odd signatures.
    scores
        `scores(output)` → (N, K) for odd outputs.
    preprocess
        The user's transform from picture to tensor.
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
        scores: Callable[[Any], Tensor] | None = None,
        preprocess: Callable[[Any], Any] | None = None,
        whole: bool = False,
    ) -> None:
        seen = model if isinstance(model, Twin) else twin(model)
        self.input: Array = as_input(x, preprocess)
        self._network = Network(seen, self.input, forward, scores or targets.scores_of)
        self._own_scores = scores is not None
        self._whole = whole
        self._key = object()
        weakref.finalize(self, STORE.drop_owner, self._key)
        self._forget()

    def _forget(self) -> None:
        STORE.drop_owner(self._key)
        self._clean: Tensor | None = None
        self._held: weakref.ref[Pass] | None = None  # the last whole pass
        self._layers: tuple[Layer, ...] | None = None
        self._overwritten: frozenset[str] = frozenset()
        self._names: dict[str, nn.Module] | None = None
        self._score_name: str | None = None

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
    def passes(self) -> dict[str, int]:
        """Forward and backward passes so far, counted in inputs."""
        return self._network.passes

    @property
    def warnings(self) -> tuple[str, ...]:
        """What holds for every question to this subject."""
        notes = self.input.notes
        if not self.twin.copied:
            notes += (f"the model is explained in place, one run at a time: {self.twin.reason}",)
        return notes

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
                self._clean = self._network.run(self.ready(self.input.tensor), grad=False)
        assert self._clean is not None
        return self._clean

    @property
    def score_name(self) -> str:
        """`"probability"` where scores add up to 1, else `"logit"`; `"score"` for one's own, and for other numbers.

        Such as those of a regression, and of a decision function, of which no softmax makes probabilities.
        """
        if self._score_name is None:
            clean, module = self.scores(), self.twin.module
            told = self._own_scores or (isinstance(module, Predictor) and module.way != "call")
            plain = not told and clean.ndim == 2 and clean.shape[1] > 1
            kinds = {False: "logit" if plain else "score", True: "probability"}
            self._score_name = kinds[targets.are_probabilities(clean)]
        return self._score_name

    def has_gradient(self) -> bool:
        """Whether a gradient of the scores reaches the input."""
        kept = self._pass(None)
        return kept.input.requires_grad and layers.Reach(kept.scores)(kept.input)

    def target(self, target: Any) -> Target:
        """A checked target; None stands for the class with the highest score."""
        return targets.resolve(target, self.scores())

    def score(self, target: Target) -> float:
        """The number that is explained."""
        return float(targets.score(self.scores(), target))

    def layers(self) -> tuple[Layer, ...]:
        """Every layer, tried once on this input, in the order in which they finish."""
        if self._layers is None:
            kept = self._whole_pass(frozenset())
            reached = layers.Reach(kept.scores)
            rows = []
            for name, calls in kept.records.calls.items():
                for call, output in enumerate(calls):
                    row = layers.describe(name, self._modules[name], calls, call, self.input.tensor.shape)
                    gradient = name in self._overwritten or reached(output)
                    rows.append(dataclasses.replace(row, gradient=gradient))
            for name in (n for n in self._modules if n not in kept.records.calls):
                reason = "it is not called for this input, or returns no tensor"
                rows.append(Layer(name, type(self._modules[name]).__name__, reason=reason))
            self._layers = tuple(rows)
        return self._layers

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
        if plain not in modules:
            raise ValueError(f"layer: there is no {name!r} in this model; {layers.nearest(name, modules)}")
        if self._whole or self._layers is not None:
            alike = (row for row in self.layers() if row.name.startswith(plain))
            rows = [row for row in alike if layers.split(row.name)[0] == plain]
        else:
            calls = self._pass((plain, call)).records.calls.get(plain, [])
            rows = [
                layers.describe(plain, modules[plain], calls, n, self.input.tensor.shape) for n in range(len(calls))
            ]
        if not rows:
            raise ValueError(f"layer: {name!r} is not called for this input, or returns no tensor")
        if call is not None and call >= len(rows):
            raise ValueError(f"layer: {name!r} asks for call {call + 1}, but it is called {len(rows)} times")
        row = rows[-1 if call is None else call]
        if not row.usable:
            raise ValueError(f"layer: {name!r} cannot be used: {row.reason}")
        return row

    def activation(self, layer: Layer) -> Tensor:
        """The output (1, …) of a layer, detached."""
        return self._output(layer, self._pass(layers.split(layer.name))).detach()

    def gradient(self, target: Target, layer: Layer | None = None) -> Tensor:
        """The gradient of the score with respect to a layer's output, or to the input: one backward pass.

        Raises
        ------
        ValueError
            If no gradient reaches it.
        """
        kept = self._pass(layers.split(layer.name) if layer else None)
        wrt = self._output(layer, kept) if layer else kept.input
        gradient: Tensor | None = None
        again = self.twin.watched  # a session asks the same pass again; for one `explain` memory is given back at once
        with self._network.computing(grad=True):
            score = targets.score(kept.scores, target)
            if score.requires_grad and wrt.requires_grad:
                try:
                    (gradient,) = torch.autograd.grad(score.sum(), wrt, retain_graph=again, allow_unused=True)
                except RuntimeError as error:
                    if "inplace" not in str(error) or self._network.cautious:
                        raise
                    self._network.cautious = (
                        True  # the model writes over what its own gradient needs: without, it works
                    )
                    self._held = None
                    for place in ("pass", "pass from a layer"):
                        STORE.drop((self._key, place))
                    return self.gradient(target, layer)
        if not again:
            STORE.drop((self._key, "pass"))
        if gradient is None:
            raise self._no_gradient(f"layer {layer.name!r}" if layer else "the input")
        self.passes["backward"] += 1
        return gradient

    def _no_gradient(self, place: str) -> NoGradient:
        if place == "the input" and not self.input.tensor.is_floating_point():
            return NoGradient("no gradient reaches the input, which holds integers: use a layer behind the embedding")
        return NoGradient(
            f"no gradient of the score reaches {place}: the model cuts it (int8, no_grad, detach, rounding), or the "
            "score does not depend on it"
        )

    # Up to a layer, and with a part of it switched off

    def catch(self, layer: Layer, batch: Tensor) -> hooks.Caught:
        """What one layer takes and returns for a batch (N, …), by a pass that ends there."""
        before = self.passes["forward"]
        with hooks.caught(self.module(layer), layer.call) as caught:
            self._network.run(self.ready(batch), grad=False)
        if self.passes["forward"] == before:
            self.passes["forward"] += len(batch)
        return caught

    def ablated(self, layer: Layer, keep: Tensor) -> Tensor:
        """Scores (n, K, …) of the input, for each row of `keep` (n, channels) with the other channels set to zero."""
        assert layer.channel_axis is not None
        x, scores = self.ready(self.input.tensor), []
        for part in keep.to(self.device).split(self.chunk()):
            with hooks.switched_off(self.module(layer), layer.call, part, layer.channel_axis):
                scores.append(self._network.run(self.ready(x.expand(len(part), *x.shape[1:])), grad=False))
        return torch.cat(scores)

    def module(self, layer: Layer) -> nn.Module:
        """The twin's module of a layer."""
        return self._modules[layers.split(layer.name)[0]]

    # Many inputs

    def evaluate(self, batch: Tensor, target: Target | None = None) -> Tensor:
        """Scores (N, K, …) of many inputs (N, …), or the target's score (N,), without gradients and in chunks."""
        scores = torch.cat([self._network.run_batch(self.ready(part)) for part in batch.split(self.chunk())])
        return scores if target is None else targets.score(scores, target)

    def masker(self, **options: Any) -> Masker:
        """What can be hidden of the input, on the model's device; see the `masker` of its kind."""
        return self.input.masker(**options, ready=self.ready)

    def hidden(self, masker: Masker, keep: np.ndarray) -> Tensor:
        """Scores (n, K, …) of the input, for each row of `keep` (n, features) with the other features hidden.

        Where several inputs stand in for one row, the mean of their scores.
        """
        count = len(masker.weights)
        weights = torch.from_numpy(masker.weights)
        step = max(self.chunk() // count, 1)
        scores: Tensor | None = None
        for start in range(0, len(keep), step):
            for rows, batch in masker.batches(keep[start : start + step]):
                part = self.evaluate(batch)
                if count > 1:
                    part = torch.einsum("nm...,m->n...", part.unflatten(0, (len(rows), count)), weights.to(part))
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
            scores.append(self._network.run_batch(self.ready(batch[start : start + size]), change))
        return torch.cat(scores)

    def gradients(self, batch: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """The target's score (N,) and its gradient (N, …) for many inputs, in chunks."""
        values, gradients = [], []
        for part in batch.split(self.chunk(gradients=True)):
            x = self.ready(part).detach().requires_grad_()
            with self._network.computing(grad=True):
                score = targets.score(self._network.run(x, grad=True), target)
                if not score.requires_grad:
                    raise self._no_gradient("the input")
                hooks.cancellable_graph(score, self.twin.stop)
                gradients.append(torch.autograd.grad(score.sum(), x)[0])
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
            most = max(most, min(_MOST_ROWS, _ROW_BYTES // max(seen.total if gradients else seen.largest, 1)))
        return max(1, min(most, options.memory_budget // max(needed, 1)))

    def kept(self, key: Any) -> Any | None:
        """What `keep` was given under this key, as long as the weights stay and the memory lasts; else None."""
        return STORE.get((self._key, key))

    def keep(self, key: Any, value: Any, nbytes: int) -> None:
        """Keep something computed with this model and input, such as samples that the next target can use again."""
        STORE.put((self._key, key), value, nbytes)

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
            first = None if self._layers else self._whole_pass(frozenset())  # held, since it may serve again below
            self.layers()  # which learns which outputs are overwritten in place
            if layer is None or (self._network.survey or hooks.Survey()).total <= options.memory_budget:
                return self._whole_pass(self._overwritten & {name})
            del first
            # too large to be kept: what comes after the layer may not be
            place, size = "pass from a layer", self._bytes_from(layer[0])
        kept: Pass | None = STORE.get((self._key, place))
        if kept is not None and kept.leaf == layer and (layer is None or name in kept.records.calls):
            return kept
        modules = {name: self._modules[name]} if name else {}
        return self._new_pass(modules, frozenset(), layer, place, size)

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
        return kept

    def _new_pass(
        self,
        modules: dict[str, nn.Module],
        separate: frozenset[str],
        leaf: tuple[str, int | None] | None,
        place: str = "pass",
        size: int | None = None,
    ) -> Pass:
        kept = self._network.recorded(modules, separate, leaf)
        self._clean = kept.scores.detach()
        STORE.put((self._key, place), kept, (self._network.survey or hooks.Survey()).total if size is None else size)
        return kept

    @staticmethod
    def _output(layer: Layer, kept: Pass) -> Tensor:
        name, call = layers.split(layer.name)
        return kept.records.calls[name][-1 if call is None else call]
