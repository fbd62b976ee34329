"""Network: a twin and an input put together, ready to run. What a pass means is the Subject's business."""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core import hooks, local
from nbexplain.core.folded import folded
from nbexplain.core.layers import Layer
from nbexplain.core.model import asked_again, batches, checkpointing, lookups, padding
from nbexplain.core.model.estimator_calls import is_pipeline, runs_each_alone
from nbexplain.core.model.model_errors import META, Said, in_words, of_arguments, of_nothing_left
from nbexplain.core.model.outputs import Reader
from nbexplain.core.model.text_errors import cut_by_pipeline, emptied_by_pipeline, of_text
from nbexplain.core.model.unseen import of_background, of_unseen
from nbexplain.core.predictor import Predictor
from nbexplain.core.tensor_bytes import bytes_of, each_place_once, has_bytes
from nbexplain.core.twin import Twin, twin
from nbexplain.inputs import Array, Tabular, Text

_ROWS_TRIED, _ROWS_LOOKED_AT = 7, 1000  # of a background, beside a row that a model may mix with them
_MOST_TRIED, _TRYING = 63, 0.25  # as many where they take no more seconds: some models mix large batches only
_PADDED_ROWS = 6  # of a text are also run as they are
_SLOW = 0.2  # seconds: a model whose single row takes as long is tried with fewer
_SMALL = 2**20  # bytes
_LARGER = 4  # times as large is a batch of which some inputs are asked alone again, ...
_HOLDING = 0.002  # ... two, or as many as take so many seconds
_HALF = torch.float16, torch.bfloat16
_CHANNELS_LAST_FROM = 4  # below that, reordering the weights costs more than the faster convolutions gain


@dataclass(eq=False)
class Pass:
    """A forward pass whose graph is kept.

    `leaf` is the (layer, call) at which the graph begins, None where it begins at the input. `separate` names the
    layers that handed on a clone, so that their records are what they returned even if it is overwritten later.
    `batched` tells whether the model's tensors have a batch axis.
    """

    input: Tensor
    scores: Tensor
    records: hooks.Records
    leaf: tuple[str, int | None] | None
    separate: frozenset[str]
    batched: bool = True

    def output(self, layer: Layer) -> Tensor:
        """What a layer returned, as it stands in the graph."""
        name, call = layer.key
        return self.records.calls[name][-1 if call is None else call]

    def of_one_input(self) -> hooks.Records:
        """The records with outputs of one input (1, …)."""
        if self.batched:
            return self.records
        calls = {name: [self.one(tensor) for tensor in tensors] for name, tensors in self.records.calls.items()}
        return dataclasses.replace(self.records, calls=calls)

    def one(self, output: Tensor) -> Tensor:
        """An output, or a gradient of it, as one of one input (1, …)."""
        return output if self.batched else output[None]


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
        Reads the scores in what the model returns.

    Attributes
    ----------
    passes
        Forward and backward passes so far, counted in inputs.
    pace
        Seconds for each input of a pass, one of the last and largest, and how many these were.
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
        read: Reader,
    ) -> None:
        self.twin = twin
        self.passes = {"forward": 0, "backward": 0}
        self.pace = 0.0, 1
        self._alone = math.inf  # the least seconds of a pass of one input
        self._largest_held = 0  # of the batches of which some inputs were also asked alone
        self._looked_at: dict[Any, int] = {}  # padded rows of each text that were also run as they are
        self.survey: hooks.Survey | None = None
        self.cautious = False
        self._first: Tensor | None = None  # scores of the clean input
        self._writes = True  # into its input; known after the first pass
        self._given = given
        self._forward = forward
        self._read = read
        if isinstance(twin.module, Predictor) and not given.alone:
            raise TypeError("x: a model that is no torch module takes one array (1, …), got several inputs")
        if isinstance(twin.module, Predictor) and isinstance(given, Tabular) and given.encode is not None:
            raise ValueError(
                "encode: it makes what a torch module takes, and this model is handed the rows as the background has "
                "them; leave it out: Tabular(row, background=table)"
            )
        if isinstance(twin.module, Predictor):
            read.outside = True
            twin.module.meet(given, read.names, read.by_label)

    @property
    def given(self) -> Array:
        """The input."""
        return self._given

    @property
    def way(self) -> tuple[Any, ...]:
        """How the model is called and what is explained: with another way, layers may mean something else."""
        return self._forward, self._given.part

    @property
    def plain(self) -> bool:
        """Whether the model is called with the input alone, so that every layer it calls sees it."""
        return self._forward is None

    def take_over(self, fresh: Twin) -> None:
        """Go on with a new twin."""
        self.twin = fresh
        self.survey = None
        self._largest_held = 0
        if isinstance(fresh.module, Predictor):
            fresh.module.meet(self._given, self._read.names, self._read.by_label)

    @property
    def device(self) -> torch.device:
        """Of the model's weights; the input's, where there are none, or they are loaded for the pass alone."""
        module = self.twin.module
        found = (t.device for t in chain(module.parameters(), module.buffers()) if not t.is_meta)
        return next(found, self._given.tensor.device)

    @property
    def dtype(self) -> torch.dtype:
        """Of the model's parameters; whatever the input's, it is computed in this. Of complex ones, of their parts.

        Without parameters, or with weights of several dtypes, the first that a module takes; tried once for each shape.
        """
        x, module = self._given.tensor, self.twin.module
        first = next((tensor.dtype.to_real() for tensor in module.parameters() if _is_real_or_complex(tensor)), None)
        if isinstance(module, Predictor) or not _is_real_or_complex(x):
            return first or (x.dtype.to_real() if _is_real_or_complex(x) else torch.float32)
        key = first, self._given.dtype, *self._batch_key
        if key not in self.twin.dtypes:
            self.twin.dtypes[key] = self._first_taken(first)
        return self.twin.dtypes[key]

    def _first_taken(self, first: torch.dtype | None) -> torch.dtype:
        """The first dtype that a module takes: the user's own, its weights', that of most of them before others.

        Without parameters, of which `first` is the dtype, also torch's default, and what weights elsewhere may have.
        """
        module, sizes = self.twin.module, Counter[torch.dtype]()
        for tensor in chain(module.parameters(), module.buffers()):
            if _is_real_or_complex(tensor):
                sizes[tensor.dtype.to_real()] += tensor.numel()
        likely = [dtype for dtype, _ in sizes.most_common()]
        if first is None:
            likely.append(torch.get_default_dtype())
            if self._given.tensor.is_floating_point():
                likely += _HALF
        elif len(sizes) == 1:
            return first
        several = dict.fromkeys([self._given.dtype.to_real(), *likely])
        # what it keeps from call to call, the first score must not see
        tried = twin(module, watched=False) if self.twin.copied else self.twin
        takes = functools.partial(self._takes, tried)
        return next(filter(takes, several), likely[0])  # it raises in any: as it does in the likeliest

    def _takes(self, tried: Twin, dtype: torch.dtype) -> bool:
        """Whether the model takes the input in a dtype."""
        x = self._cast(self._given.tensor, dtype).clone()
        with self.computing(grad=False, twin=tried) as module, _put_back(module):
            try:
                self._called(module, *self._given.arguments(x, dtype))
            except torch.OutOfMemoryError:
                raise
            except Exception:  # it is raised again where the model takes no other either
                return False
        self.passes["forward"] += 1
        return True

    def _cast(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """`x` on the model's device, in a dtype where it holds no whole numbers."""
        return x.to(self.device, dtype if x.is_floating_point() else dtype.to_complex() if x.is_complex() else x.dtype)

    def clean(self) -> Tensor:
        """The input, ready to be run: a tensor of our own."""
        return self.ready(self._given.tensor).detach()

    def ready(self, x: Tensor) -> Tensor:
        """`x` on the model's device and in its dtype; batches channels-last, for which convolutions are faster."""
        x = self._cast(x, self.dtype)
        many = x.ndim == 4 and len(x) >= _CHANNELS_LAST_FROM and self._batches.channels_last
        return x.contiguous(memory_format=torch.channels_last if many else torch.contiguous_format)

    def run(self, x: Tensor, *, grad: bool, inplace: bool = True, clean: bool = True) -> Tensor:
        """One forward pass: (N, …) → scores (N, K, …). Without `inplace` no module overwrites what is recorded.

        A first pass of another input than the clean one is not `clean`: nothing is learnt from it.
        """
        with self.computing(grad=grad, inplace=inplace) as module:
            given, x = x, x.clone()  # a model that writes into it must change neither the user's tensor nor our leaf
            planned = self.survey is not None or (grad and not self.twin.watched)  # `explain` of a gradient: no chunks
            if planned or not clean:
                return self._scores(module, x)
            version = x._version
            with self.twin.learning(), hooks.surveyed(module) as survey:
                scores = self._scores(module, x)
        self.survey, self._first = survey, scores.detach()
        seen = x._version != version or not torch.equal(x.detach(), given.detach())  # numpy's writes count no version
        self._writes = seen or isinstance(self.twin.module, Predictor)  # which may write another time only
        return scores

    def run_batch(self, batch: Tensor, change: local.Change | None = None, made: Any = None) -> Tensor:
        """The scores (N, K, …) of many inputs, without gradients; `change` says where they differ from the clean.

        A model outside torch gets what was `made` of the batch, or what the input makes of it.
        """
        if made is not None:
            with self.computing(grad=False) as module:
                return self._scores(module, batch, made)
        if self.survey is None or (len(batch) < _CHANNELS_LAST_FROM and change is None):
            return self.run(batch, grad=False)
        with self.computing(grad=False, inplace=True, twin=self._many() or self.twin) as module:
            batch = batch.clone() if self._writes else batch
            return self._scores(module, batch if change is None else local.mark(batch, change))

    @contextmanager
    def calling(self) -> Iterator[Callable[[Any, int], Tensor]]:
        """For many short calls: what gives the scores (N, K, …) of so many inputs.

        They are a batch that is `ready`, or made for a model outside torch. What the model raises is left as it is.
        """
        outside, dtype = isinstance(self.twin.module, Predictor), self.dtype
        with self.computing(grad=False, inplace=not outside, twin=None if outside else self._many()) as module:

            def call(batch: Any, count: int) -> Tensor:
                if not outside and self._writes:
                    batch = batch.clone()
                handed = ((batch,), {}) if outside else self._given.arguments(batch, dtype)
                begun = time.perf_counter()
                output = self._called(module, *handed)
                self._ran(count, begun)
                return self._read(output, count)

            yield call

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its answers must know."""
        tried, module = self._batches, self.twin.module
        alone = f"the model takes one input at a time: {tried.alone}" if tried.alone else ""
        random = f"the model is random: {batches.RANDOM}" if tried.random and not tried.again else ""
        notes = tuple(note for note in (alone, tried.again, random) if note)
        return notes + module.notes + self._cut if isinstance(module, Predictor) else notes

    @functools.cached_property
    def _cut(self) -> tuple[str, ...]:
        """What is said of a text that a pipeline cuts, or a pair of which it may get one alone."""
        pipe, given = self.twin.module.estimator, self._given
        if not is_pipeline(pipe) or not isinstance(given, Text):
            return ()
        return cut_by_pipeline(pipe, given.texts) + emptied_by_pipeline(pipe, given)

    @property
    def _batches(self) -> batches.Batches:
        return self.twin.batches.get(self._batch_key, batches.Batches())

    @property
    def _batch_key(self) -> tuple[Any, ...]:
        strings = None if self._strings is None else self._strings.texts  # it may be cut in ways of its own
        return tuple(self._given.tensor.shape), id(self._forward), id(self._read.given), strings

    def takes_batches(self, size: int = _CHANNELS_LAST_FROM) -> bool:
        """Whether a batch gives each input the scores that it has alone; tried once for each shape, or string.

        If not, inputs must be run one by one. Of `size` inputs, if that is less than four.
        """
        known, key = self.twin.batches, self._batch_key
        if key not in known:
            try:
                again = self._asked_again() if isinstance(self._given, Text) else ""
                with self.twin.learning():  # some write where they get several inputs only
                    tried = self._tried(max(min(size, _CHANNELS_LAST_FROM), 2))
                again = again or (self._kept_again() if tried.random else "")
                known[key] = dataclasses.replace(tried, again=again)
            except BaseException:
                known.pop(key, None)
                raise
        return not self._batches.alone

    def hold(self, batch: Tensor, scores: Tensor) -> Tensor:
        """The scores (N, K, …) that inputs have alone, of those that they have in a batch.

        Some of them are asked alone, of a batch that is much larger than those before: what is too much for a batch,
        say, shows only in those that a method makes. Where they differ, all are, now and later, and `ask` begins anew.
        """
        if len(batch) < max(2, _LARGER * self._largest_held) or self._batches.random or not self.takes_batches():
            return scores
        self._largest_held = len(batch)

        def run(rows: Tensor) -> Tensor:
            return self._as_computed(self.run_batch(self.ready(rows)))

        why = batches.of_some(run, batch, self._as_computed(scores), max(int(_HOLDING / self._alone), 2))
        if not why:
            return scores
        self.twin.mixed += 1
        self.twin.batches[self._batch_key] = dataclasses.replace(self._batches, alone=why)
        return torch.cat([self.run_batch(self.ready(row)) for row in batch.split(1)])

    def _asked_again(self) -> str:
        """What is said where the input's scores are others when they are asked again; else `""`."""
        if self._first is None:
            return ""
        before = asked_again.held(self.twin.module)
        first, again = self._first, self.run(self.ready(self._given.tensor), grad=False)
        what = {"text": "text", "table": "row"}.get(self._given.kind, "input")
        return asked_again.note_of(self._as_computed(first), self._as_computed(again), before, self.twin.module, what)

    def _kept_again(self) -> str:
        """What is said of a model whose scores differ from call to call; `""` where it was seen to draw numbers."""
        drawn = asked_again.generators()
        said = self._asked_again()
        if drawn != asked_again.generators():
            return ""
        return said or asked_again.UNCLEAR

    def _as_computed(self, scores: Tensor) -> Tensor:
        """Scores in the precision in which the model computes, which may return finer ones."""
        if not scores.is_floating_point():
            return scores
        own = self.twin.module.precision if isinstance(self.twin.module, Predictor) else self.dtype
        return scores.to(own) if torch.finfo(own).eps > torch.finfo(scores.dtype).eps else scores

    def _tried(self, size: int) -> batches.Batches:
        """How inputs may be asked together."""
        if isinstance(self.twin.module, Predictor):  # one that takes no batches says so itself
            return self._tried_rows()
        tried = self._tried_batches(size)
        if tried.alone:
            return tried
        if isinstance(self._given, Text) and self._strings is None:
            return tried
        rows = self._tried_rows()  # of texts shorter ones, which a module that reads strings fills up by itself
        return dataclasses.replace(tried, alone=rows.alone, random=tried.random or rows.random)

    @property
    def _strings(self) -> Text | None:
        """The text, where the model is handed it as a string."""
        given, outside = self._given, isinstance(self.twin.module, Predictor)
        return given if isinstance(given, Text) and (given.tokenizer is None or outside) else None

    def _tried_rows(self) -> batches.Batches:
        """Whether a model mixes rows of a table, or texts that it is handed as strings."""
        given, text, module = self._given, self._strings, self.twin.module
        outside = isinstance(module, Predictor)
        if (text is None and given.kind != "table") or (
            outside and runs_each_alone(module.estimator) and self._forward is None
        ):
            return batches.Batches()
        x = self.ready(given.tensor)
        alone = self.run(x, grad=False) if self._first is None else self._first
        within = int(_TRYING / max(self.pace[0], 1e-9)) if outside else _ROWS_TRIED
        tried = min(max(within, _ROWS_TRIED), _MOST_TRIED) if self.pace[0] < _SLOW else 1  # a slow one is waited for
        others = [_other_rows(given, tried)] if text is None else batches.other_texts(text, tried)
        found = self._tried_beside(others, x, alone)
        if found is not None or text is None or not others:
            return found or batches.Batches()
        taken = self._taken_alone(others, text)
        if not taken:
            return batches.Batches(batches.UNTRIED)
        found = self._tried_beside(taken, x, alone) or self._tried_beside(taken[-1:], x, alone)
        return found or batches.Batches()  # of a model that takes no two texts, which it says itself

    def _tried_beside(self, others: list[Tensor], x: Tensor, alone: Tensor) -> batches.Batches | None:
        """Whether others (n, …) beside `x`, whose scores alone are given, are mixed; None if they cannot be asked."""
        if not sum(map(len, others)):
            return None
        run, rows = self._running([x, *map(self.ready, others)])
        what, outside = "text" if self._strings is not None else "row", isinstance(self.twin.module, Predictor)
        return batches.of_rows(run, rows, self._as_computed(alone), what, outside=outside)

    def _taken_alone(self, others: list[Tensor], text: Text) -> list[Tensor]:
        """Those texts that the model takes alone, each once: some models answer equal texts once."""
        own, apart = text.outside(text.tensor)[0], {text.outside(codes)[0]: codes for codes in others}

        def run(codes: Tensor) -> Tensor:
            return self.run_batch(self.ready(codes))

        return [codes for made, codes in apart.items() if made != own and batches.answer(run, codes) is not None]

    def _running(self, codes: list[Tensor]) -> tuple[Callable[[Tensor], Tensor], Tensor]:
        """What gives the scores of rows (n, …), and these rows: of texts whose codes have several lengths, numbers."""
        if len({part.shape[1] for part in codes}) == 1:
            return lambda batch: self._as_computed(self.run_batch(self.ready(batch))), torch.cat(codes)
        assert self._strings is not None
        made = [text for part in codes for text in self._strings.outside(part)]

        def run(batch: Tensor) -> Tensor:
            texts = [made[number] for number in batch[:, 0].tolist()]
            return self._as_computed(self.run_batch(codes[0].expand(len(batch), -1), made=texts))

        return run, torch.arange(len(made))[:, None]

    def _tried_batches(self, size: int) -> batches.Batches:
        given = self._given
        x = self.ready(given.tensor)
        other = self.ready(batches.another_text(given) if isinstance(given, Text) else batches.differing(x))
        if isinstance(given, Tabular):  # columns with values of their own
            rows = _other_rows(given, 1)
            other = self.ready(rows) if len(rows) else x
        alone = self._as_computed(self.run(x, grad=False) if self._first is None else self._first)

        def run(batch: Tensor) -> Tensor:
            return self._as_computed(self.run_batch(self.ready(batch)))

        ways = [batches.Batches(channels_last=x.ndim == 4), batches.Batches(channels_last=False)]
        ways.append(batches.Batches(channels_last=False, folded=False))
        problem = ""
        for way in ways[x.ndim != 4 :]:
            self.twin.batches[self._batch_key] = way
            problem = batches.problem(run, x, other, alone, size)
            if problem in ("", batches.RANDOM):
                return dataclasses.replace(way, random=problem == batches.RANDOM)
            if self._many() is None and not way.channels_last:
                break
        return batches.Batches(problem, channels_last=False, folded=False)

    def padded(self, parts: Iterable[padding.Part]) -> list[padding.Part]:
        """Batches of a text of which tokens were removed; those of near lengths together, where that changes no score.

        Tried once for each text, as what one of them shows another may not, and of each batch with some of its rows.
        """
        parts, text = list(parts), self._given
        if len(parts) < 2 or not isinstance(text, Text) or not text.takes_mask or not self.takes_batches():
            return parts
        key = *self._batch_key, id(text.tokenizer), text.ids.tobytes()

        def alone(codes: Tensor) -> Tensor:
            known = self._first if codes is text.tensor else None  # it was asked again already
            return self.run(self.ready(codes), grad=False) if known is None else known

        def together(codes: Tensor) -> Tensor:
            return self.run_batch(self.ready(codes))

        if key not in self.twin.paddings:
            self.twin.paddings[key] = padding.padding_of(text, self.twin.module, alone, together)
        way, looked = self.twin.paddings[key], self._looked_at.get(key, 0)
        if way is not None and looked < _PADDED_ROWS:
            more = padding.holds(parts, text, way, together)
            self._looked_at[key] = looked + more
            if not more:
                way = self.twin.paddings[key] = None
        return parts if way is None else padding.merged(parts, text, way)

    def run_in(self, twin: Twin, x: Tensor) -> Tensor:
        """One forward pass of another twin of the model, in the grad mode of the moment."""
        with self.computing(grad=torch.is_grad_enabled(), twin=twin) as module:
            return self._scores(module, x.clone())

    def clean_parts(self, rectangle: local.Rectangle) -> dict[local.Path, Tensor]:
        """What modules near the input return for the clean input, where a change in a rectangle reaches part of it."""
        clean: dict[local.Path, Tensor] = {}
        if not self.takes_batches() or not self._batches.channels_last:
            return clean
        x = self.ready(self._given.tensor)
        many = self._many() if self._given.batched else None
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
        if not self._batches.folded:
            return None
        if self.twin.many is None and self.survey is not None:
            self.twin.many = folded(self.twin, self.survey.handed_on, self._as_before)
        return self.twin.many or None

    def _as_before(self, twin: Twin) -> bool:
        """Whether a twin gives the clean input the scores of the first pass."""
        with self.computing(grad=False, inplace=True, twin=twin) as module:
            scores = self._scores(module, self.ready(self._given.tensor).clone())
        return self._first is not None and _close(scores, self._first)

    def _scores(self, module: nn.Module, x: Tensor, made: Any = None) -> Tensor:
        given = self._given
        if not given.batched and len(x) > 1:
            return torch.cat([self._scores(module, x[n : n + 1]) for n in range(len(x))])
        handed = self._handed(module, x, made)
        hidden = given.neutral(x)
        neutral = nullcontext() if hidden is None else lookups.neutral(module, hidden, self._lookups(module))
        begun = time.perf_counter()
        with (
            neutral,
            checkpointing.run_directly() if torch.is_grad_enabled() else nullcontext(),
        ):
            try:
                output = self._called(module, *handed)
            except Said:
                raise
            except hooks.OneByOne:
                if len(x) == 1 or hidden is None:  # who switches parts of a layer off asks again by itself
                    raise
                return torch.cat([self._scores(module, x[n : n + 1]) for n in range(len(x))])
            except Exception as error:

                def tried(rest: Tensor) -> Any:  # and no more: to ask what its error means would go on without end
                    some = self._handed(module, rest)
                    if isinstance(module, Predictor) and module.outputs is None:
                        return module.answer(some[0][0])
                    return self._called(module, *some)

                said = of_arguments(error, module, x, given) if self._forward is None else None
                plain = self._forward is None and not isinstance(module, Predictor)
                said = said or of_text(error, module, given, x, tried, plain=plain)
                said = said or of_nothing_left(error, given, x, tried) or of_unseen(error, given, x, tried)
                said = said or of_background(error, given, x, tried)
                raise said or in_words(error, module, x, given) from error
        self._ran(len(x), begun)
        scores = self._read(output, len(x))
        if scores.is_meta:
            raise ValueError(META)
        return scores

    def _ran(self, count: int, begun: float) -> None:
        self.passes["forward"] += count
        if count == 1:
            self._alone = min(self._alone, max(time.perf_counter() - begun, 1e-6))
        if 2 * count >= self.pace[1]:
            self.pace = (time.perf_counter() - begun) / count, count

    def _handed(self, module: nn.Module, x: Tensor, made: Any = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What the model gets of a batch: its arguments, and its keywords."""
        if isinstance(module, Predictor):
            return (self._given.outside(x) if made is None else made,), {}
        return self._given.arguments(x, self.dtype)

    def _called(self, module: nn.Module, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """What the model returns."""
        if isinstance(module, Predictor):
            return module(*args, way=self._forward)
        if self._forward is None:
            return module(*args, **keywords)
        return self._forward(module, *args, *([keywords] if keywords else []))

    def _lookups(self, module: nn.Module) -> lookups.Lookups:
        """Which embeddings look up the tokens of the text; tried once for each text."""
        text = self._given
        assert isinstance(text, Text)
        key = *self._batch_key, id(text.tokenizer), text.ids.tobytes()
        if key not in self.twin.lookups:

            def call(ids: Tensor) -> Any:
                self.passes["forward"] += 1
                args, keywords = text.arguments(text.tensor.to(self.device), self.dtype)
                ids = ids.to(self.device)
                return self._called(module, (ids,) if args else (), keywords and keywords | {"input_ids": ids})

            with torch.no_grad():
                self.twin.lookups[key] = lookups.lookups_of(text, module, call)
        return self.twin.lookups[key]

    def recorded(
        self, modules: Mapping[str, nn.Module], separate: frozenset[str], leaf: tuple[str, int | None] | None
    ) -> Pass:
        """A pass of the input whose graph is kept, with what `modules` return; see `hooks.recorded`."""
        x = self.ready(self._given.tensor).detach()
        if leaf is None and (x.is_floating_point() or x.is_complex()):
            x.requires_grad_()
        explained = None if x.requires_grad or leaf is not None else x
        begin = leaf is None
        with hooks.recorded(modules, separate=separate, leaf=leaf, begin=begin, explained=explained) as records:
            # a layer's output that begins the graph hands on a clone; all others are recorded by reference
            scores = self.run(x, grad=True, inplace=leaf is not None or not modules)
        if scores.requires_grad and self.twin.watched:
            hooks.cancellable_graph(scores, self.twin.stop)
        return Pass(x, scores, records, leaf, separate, self._given.batched)

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
            try:
                yield module
            finally:
                self.twin.left()


@contextmanager
def _put_back(module: nn.Module) -> Iterator[None]:
    """Small tensors that are no parameters are what they were: a copy may share some of them with the user's model."""
    held = [
        value
        for part in module.modules()
        for value in (*vars(part).values(), *getattr(part, "_buffers", {}).values())
        if type(value) is Tensor and has_bytes(value) and value.nbytes <= _SMALL
    ]
    places = [each_place_once(value) for value in held]
    before = [(value.clone(), bytes_of(value)) for value in places]
    try:
        yield
    finally:
        for value, (was, bits) in zip(places, before, strict=True):
            if bytes_of(value) != bits:
                with torch.inference_mode(value.is_inference()):  # nowhere else may it be written to
                    value.copy_(was)


def _is_real_or_complex(tensor: Tensor) -> bool:
    """Whether it holds no whole numbers."""
    return tensor.is_floating_point() or tensor.is_complex()


def _other_rows(given: Array, number: int) -> Tensor:
    """So many rows (n, F) of a background that are not the row itself, the same again where they are few."""
    if not isinstance(given, Tabular) or given.background is None:
        return given.tensor[:0]
    some = given.background[:_ROWS_LOOKED_AT]
    others = some[(some != given.tensor[0].numpy()).any(1)]
    chosen = np.linspace(0, len(others) - 1, number if len(others) else 0).astype(np.intp)
    lacking = np.flatnonzero(np.isnan(others).any(1))
    if number > 1 and len(lacking) and not np.isin(chosen, lacking).any():  # which others may stand in for
        chosen[len(chosen) // 2] = lacking[0]
    return torch.from_numpy(others[chosen])


def _close(scores: Tensor, wanted: Tensor) -> bool:
    """Whether scores differ by no more than rounding, which is 1 to 3 eps in ResNets."""
    if wanted.dtype != scores.dtype or not scores.is_floating_point():
        return False
    near = 100 * torch.finfo(scores.dtype).eps
    largest = float(wanted.abs().max())
    return math.isfinite(largest) and torch.allclose(scores, wanted, rtol=near, atol=near * largest)
