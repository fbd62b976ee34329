"""Network: a twin and an input put together, ready to run. What a pass means is the Subject's business."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nbexplain.core import hooks, local
from nbexplain.core.folded import folded
from nbexplain.core.predictor import Predictor
from nbexplain.core.twin import Twin
from nbexplain.inputs import Array

_CHANNELS_LAST_FROM = 4  # below that, reordering the weights costs more than the faster convolutions gain


@dataclass(eq=False)
class Pass:
    """A forward pass whose graph is kept.

    `leaf` is the (layer, call) at which the graph begins, None where it begins at the input. `separate` names the
    layers that handed on a clone, so that their records are what they returned even if it is overwritten later.
    """

    input: Tensor
    scores: Tensor
    records: hooks.Records
    leaf: tuple[str, int | None] | None
    separate: frozenset[str]


class Network:
    """Runs a twin on inputs: on its device, in its dtype, in eval mode, untouched by the caller's modes.

    Parameters
    ----------
    twin
        What runs.
    given
        The input, which knows how a batch of it is handed to the model.
    forward
        `forward(model, x)` for odd signatures.
    read
        `read(output, N)` → scores (N, K, …).

    Attributes
    ----------
    passes
        Forward and backward passes so far, counted in inputs.
    cautious
        Never let modules write in place: set once a backward pass has shown that this model's do harm.
    survey
        What the first pass, of the clean input, showed; None before it.
    """

    def __init__(
        self,
        twin: Twin,
        given: Array,
        forward: Callable[..., Any] | None,
        read: Callable[[Any, int], Tensor],
    ) -> None:
        self.twin = twin
        self.passes = {"forward": 0, "backward": 0}
        self.survey: hooks.Survey | None = None
        self.cautious = False
        self._first: Tensor | None = None
        self._writes = True  # into its input; known after the first pass
        self._given = given
        self._forward = forward
        self._read = read

    def take_over(self, fresh: Twin) -> None:
        """Go on with a new twin."""
        self.twin = fresh
        self.survey = None

    @property
    def device(self) -> torch.device:
        return next((p.device for p in self.twin.module.parameters()), self._given.tensor.device)

    @property
    def dtype(self) -> torch.dtype:
        """Of the model's parameters; whatever the input's, it is computed in this."""
        found = next((p.dtype for p in self.twin.module.parameters() if p.is_floating_point()), None)
        if found is None:
            found = self._given.tensor.dtype if self._given.tensor.is_floating_point() else torch.float32
        return found

    def ready(self, x: Tensor) -> Tensor:
        """`x` on the model's device and in its dtype; batches channels-last, for which convolutions are faster."""
        x = x.to(self.device, self.dtype if x.is_floating_point() else x.dtype)
        many = x.ndim == 4 and len(x) >= _CHANNELS_LAST_FROM
        return x.contiguous(memory_format=torch.channels_last) if many else x

    def run(self, x: Tensor, *, grad: bool, inplace: bool = True) -> Tensor:
        """One forward pass: (N, …) → scores (N, K, …). Without `inplace` no module overwrites what is recorded."""
        with self.computing(grad=grad, inplace=inplace) as module:
            given, x = x, x.clone()  # a model that writes into it must change neither the user's tensor nor our leaf
            if self.survey is not None or (grad and not self.twin.watched):  # `explain` of a gradient plans no chunks
                return self._scores(module, x)
            version = x._version
            with hooks.surveyed(module) as survey:
                scores = self._scores(module, x)
        self.survey, self._first = survey, scores.detach()
        seen = x._version != version or not torch.equal(x.detach(), given.detach())  # numpy's writes count no version
        self._writes = seen or isinstance(self.twin.module, Predictor)  # which may write another time only
        return scores

    def run_batch(self, batch: Tensor, change: local.Change | None = None) -> Tensor:
        """The scores (N, K, …) of many inputs, without gradients; `change` says where they differ from the clean."""
        if self.survey is None or (len(batch) < _CHANNELS_LAST_FROM and change is None):
            return self.run(batch, grad=False)
        with self.computing(grad=False, inplace=True, twin=self._many() or self.twin) as module:
            batch = batch.clone() if self._writes else batch
            return self._scores(module, batch if change is None else local.mark(batch, change))

    def run_in(self, twin: Twin, x: Tensor) -> Tensor:
        """One forward pass of another twin of the model, in the grad mode of the moment."""
        with self.computing(grad=torch.is_grad_enabled(), twin=twin) as module:
            return self._scores(module, x.clone())

    def clean_parts(self, rectangle: local.Rectangle) -> dict[local.Path, Tensor]:
        """What modules near the input return for the clean input, where a change in a rectangle reaches part of it."""
        clean: dict[local.Path, Tensor] = {}
        x = self.ready(self._given.tensor)
        many = self._many()
        if many and x.ndim == 4 and x.device.type == "cpu":  # elsewhere many small steps cost more than they save
            with self.computing(grad=False, inplace=True, twin=many) as module:
                x = x.clone(memory_format=torch.channels_last)
                self._scores(module, local.mark(x, local.Change(clean, [rectangle], recording=True)))
        if clean:  # tried once: a model that writes through `.data` or numpy is not noticed otherwise
            other = self.ready(self._given.tensor).clone(memory_format=torch.channels_last)
            other[..., slice(*rectangle[0]), slice(*rectangle[1])] += 1
            everything = self.run(other, grad=False)
            if not _close(self.run_batch(other, local.Change(clean, [rectangle])), everything):
                return {}
        return clean

    def _many(self) -> Twin | None:
        """The twin that is faster for batches, if there is one."""
        if self.twin.many is None and self.survey is not None:
            self.twin.many = folded(self.twin, self.survey.handed_on, self._as_before)
        return self.twin.many or None

    def _as_before(self, twin: Twin) -> bool:
        """Whether a twin gives the clean input the scores of the first pass."""
        with self.computing(grad=False, inplace=True, twin=twin) as module:
            scores = self._scores(module, self.ready(self._given.tensor).clone())
        return self._first is not None and _close(scores, self._first)

    def _scores(self, module: nn.Module, x: Tensor) -> Tensor:
        given = self._given
        args, keywords = ((given.outside(x),), {}) if isinstance(module, Predictor) else given.arguments(x)
        neutral = given.neutral(x)
        with hooks.neutral_embedding(module, neutral) if neutral is not None else nullcontext():
            try:
                if self._forward is None:
                    output = module(*args, **keywords)
                else:
                    output = self._forward(module, *args, *([keywords] if keywords else []))
            except Exception as error:
                raise _in_words(error, module, x) from error
        self.passes["forward"] += len(x)
        return self._read(output, len(x))

    def recorded(
        self, modules: Mapping[str, nn.Module], separate: frozenset[str], leaf: tuple[str, int | None] | None
    ) -> Pass:
        """A pass of the input whose graph is kept, with what `modules` return; see `hooks.recorded`."""
        x = self.ready(self._given.tensor).detach()
        if leaf is None and x.is_floating_point():
            x.requires_grad_()
        with hooks.recorded(modules, separate=separate, leaf=leaf, begin=leaf is None) as records:
            # a layer's output that begins the graph hands on a clone; all others are recorded by reference
            scores = self.run(x, grad=True, inplace=leaf is not None or not modules)
        if scores.requires_grad and self.twin.watched:
            hooks.cancellable_graph(scores, self.twin.stop)
        return Pass(x, scores, records, leaf, separate)

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Nothing of the caller's grad, inference and autocast modes; entered for a step, never across a yield."""
        with torch.inference_mode(False), torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            yield

    @contextmanager
    def computing(self, *, grad: bool, inplace: bool = False, twin: Twin | None = None) -> Iterator[nn.Module]:
        """The module ready for a pass: eval mode, our grad mode, and nothing of the caller's autocast."""
        ready = (twin or self.twin).ready(inplace=inplace and not self.cautious)
        with ready as module, self.undisturbed(), torch.set_grad_enabled(grad):
            yield module


def _close(scores: Tensor, wanted: Tensor) -> bool:
    """Whether scores differ by no more than rounding, which is 1 to 3 eps in ResNets."""
    if wanted.dtype != scores.dtype or not scores.is_floating_point():
        return False
    near = 100 * torch.finfo(scores.dtype).eps
    largest = float(wanted.abs().max())
    return math.isfinite(largest) and torch.allclose(scores, wanted, rtol=near, atol=near * largest)


def _in_words(error: Exception, module: nn.Module, x: Tensor) -> Exception:
    """What the model's own error means for the input."""
    first = next(((n, m) for n, m in module.named_modules() if isinstance(m, (nn.Conv1d, nn.Conv2d, nn.Conv3d))), None)
    if first is not None and first[1].weight.ndim == x.ndim and first[1].in_channels != x.shape[1]:
        return ValueError(
            f"x: it has {x.shape[1]} channels, but the model's first convolution {first[0]!r} takes "
            f"{first[1].in_channels}"
        )
    if isinstance(error, IndexError) and not x.is_floating_point():
        tables = [f"{n!r} {m.num_embeddings:,}" for n, m in module.named_modules() if isinstance(m, nn.Embedding)]
        if tables:
            return ValueError(
                f"tokenizer: it gives an id, or so many, that the model has no row for ({error}); its embeddings have: "
                f"{', '.join(tables)}. Is it this model's own?"
            )
    if (
        isinstance(module, Predictor)
        and isinstance(error, (ValueError, TypeError))
        and str(error).startswith("predict:")
    ):
        return error
    return RuntimeError(f"the model raised {type(error).__name__} on an input of shape {tuple(x.shape)}: {error}")
