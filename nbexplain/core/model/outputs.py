"""The scores in what a model returns: taken from a clear place, else refused with the call that says where they are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from nbexplain.core import hooks
from nbexplain.core.model.detections import Detections, Followed
from nbexplain.core.model.made_by import Bounds
from nbexplain.inputs.calling import lacks

SIGMOID = "sigmoid"
_NAMED = ("logits", "logits_per_image")
_OF_A_BODY = ("pooler_output", "image_embeds", "text_embeds", "last_hidden_state")  # of Hugging Face's outputs
_FEW = 10  # classes, each of which is tried by itself
_ENDS = tuple(end for name in _NAMED for end in (f".{name}", f"[{name!r}]"))


class Reader:
    """Reads the scores of one input's passes.

    Parameters
    ----------
    scores
        The user's `scores(output)`, or `Detections`; None where they are to be found; `"sigmoid"` where each is that of
        a label of its own: logits, which are put through a sigmoid, or probabilities already.
    classes
        The names that the user has given, or None. Two, where the model gives a single number, make both classes of it:
        the scores (−s, s) of a logit s, (1 − p, p) of what can only be a probability p, such as a sigmoid's, or their
        logarithms of what can only be the logarithm of one.
    batched
        Whether the model's outputs have a batch axis; else they are of one input, and get one.

    Attributes
    ----------
    given, names
        What the user gave.
    own
        Whether the user says where the scores are.
    in_order
        Whether the scores that the user's function makes stand in the order of the model's, as far as one input tells.
    by_label
        Whether the user says that each is that of a label of its own, of which an input may have several or none.
    outside
        Whether the model is outside torch, and told so itself.
    named
        Whether the model calls them logits.
    sigmoid
        Whether each of them can only be a probability, by what made it; None as long as nobody has looked.
    both
        Whether a single number was made into the scores of two classes.
    """

    def __init__(
        self, scores: Callable[[Any], Any] | str | None, classes: Sequence[str] | None = None, *, batched: bool = True
    ) -> None:
        self._batched = batched
        self.by_label, self.outside = scores == SIGMOID, False
        if self.by_label:
            scores = None
        elif isinstance(scores, str):
            raise ValueError(
                f"scores: expected a function of the output, detections(…), or {SIGMOID!r} for labels of which an "
                f"input may have several, got {scores!r}"
            )
        expected = "a function of what the model returns, scores(output)"
        if scores is not None and not isinstance(scores, Detections):
            if not callable(scores):
                raise TypeError(f"scores: expected {expected}, detections(…) or {SIGMOID!r}, got {scores!r}")
            if why := lacks(scores, 1):
                raise TypeError(f"scores: expected {expected}, and it cannot be called so: {why}")
        self.own = scores is not None
        self.followed: Followed | None = scores.for_input() if isinstance(scores, Detections) else None
        self.given = scores
        self.names = None if classes is None else tuple(map(str, classes))
        self._two = self.names is not None and len(self.names) == 2 and self.followed is None
        self._watch: Bounds | None = None
        self.named, self.both = False, False
        self._in_order: bool | None = None
        self.sigmoid: bool | None = None
        self._log = False  # whether each of them can only be the logarithm of a probability

    def __call__(self, output: Any, count: int) -> Tensor:
        """The scores (N, K, …) of `count` inputs.

        Raises
        ------
        TypeError, ValueError
            If there are none, several tensors could be meant, or they are no rows of floating-point numbers.
        """
        if self.followed is not None:
            return self.followed(output, count)
        if self.given is not None:
            scores = as_rows(self._with_batch_axis(self.given(output)), count)
            if self._in_order is None:
                self._in_order = _in_order(scores, self._with_batch_axis(output), self.given)
        else:
            self.named = not isinstance(output, Tensor) and ".logits" in _dotted(_parts(output))
            scores = scores_of(self._with_batch_axis(output), count)
        if self._watch is not None:
            self.sigmoid, self._log = self._watch.made(scores), self._watch.made_log(scores)
        if self.by_label and not self.outside and not self.sigmoid:
            scores = scores.sigmoid()
        if self._two and scores.shape[1] == 1 and not self.by_label:
            self.both = True
            scores = torch.cat([self._first_of_two(scores), scores], 1)
        return scores

    @property
    def in_order(self) -> bool:
        return self._in_order is not False

    def _first_of_two(self, scores: Tensor) -> Tensor:
        """The score of the first class, by that of the second."""
        if self.sigmoid:
            return 1 - scores
        if self._log:  # log(1 − p), also where p is rounded to 1
            return scores.clamp(max=-torch.finfo(scores.dtype).tiny).expm1().neg().log()
        return -scores

    def _with_batch_axis(self, output: Any) -> Any:
        """Of a model that takes no batches: (K, …) as (1, K, …), one number as (1, 1)."""
        if not self._batched:
            for _, tensor in hooks.tensors_in(output):
                if tensor.ndim < 2 or len(tensor) != 1:  # some models add it themselves
                    output = hooks.replace(output, tensor, tensor.reshape(1, 1) if not tensor.ndim else tensor[None])
        return output

    @contextmanager
    def clean(self) -> Iterator[None]:
        """Around a pass of the clean input; looks at what made the scores where classes hang on it."""
        with self.watching() if (self._two or self.by_label) and self.sigmoid is None else _nothing():
            if self.followed is None:
                yield
                return
            with self.followed.learning():
                yield

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Learn from a pass whether the scores can only be probabilities."""
        with Bounds() as self._watch:
            try:
                yield
            finally:
                self._watch = None

    def forget(self) -> None:
        """The model is another one now."""
        self.sigmoid, self._log, self._in_order = None, False, None
        if self.followed is not None:
            self.followed.forget()


def _in_order(scores: Tensor, output: Any, given: Callable[[Any], Any]) -> bool:
    """Whether scores (N, K, …) stand in the order of the output's own: more for one raises its score above the others.

    Tried for a few classes. Of many, of maps and of tokens, none of the scores may fall where the output's own rise.
    """
    try:
        own = scores_of(output, len(scores))
    except (TypeError, ValueError):
        return True  # where the output's own scores are not found, nothing speaks against it
    if own.shape != scores.shape:
        return True
    plain, made = own.detach().double(), scores.detach().double()
    if made.ndim == 2 and made.shape[1] <= _FEW:
        with contextlib.suppress(Exception), torch.no_grad():  # a function that takes no other output
            return all(_raises(number, own, made, output, given) for number in range(made.shape[1]))
    axes = {1, made.ndim - 1}  # of tokens the classes are last
    return any(bool((made.gather(axis, plain.argsort(axis)).diff(dim=axis) >= 0).all()) for axis in axes)


def _raises(number: int, own: Tensor, made: Tensor, output: Any, given: Callable[[Any], Any]) -> bool:
    """Whether more for one of the classes moves its score up against all others."""
    held = next(part for _, part in hooks.tensors_in(output) if part.shape == own.shape and torch.equal(part, own))
    chosen = torch.zeros_like(own)
    chosen[:, number] = 1
    shares = bool((own >= 0).all() and (own <= 1).all())
    more = own.lerp(chosen, 0.5) if shares else own + chosen * (1 + own.abs().amax())
    moved = as_rows(given(hooks.replace(output, held, more.detach())), len(own)).double() - made
    others = torch.cat([moved[:, :number], moved[:, number + 1 :]], 1)
    return bool(others.shape[1] == 0 or (moved[:, number] > others.amax(1)).all())


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def scores_of(output: Any, count: int) -> Tensor:
    """The scores (N, K, …) of `count` inputs in what a model returned.

    They are the tensor itself; the `logits` or `logits_per_image` of a mapping, a dataclass or a named tuple; the first
    of a tuple or list, where the others cannot be meant; or a mapping's only floating-point tensor with a row for each
    input, however deep it lies. Further tensors (N,) or (N, K) may be other heads, so that none is taken silently; only
    in a tuple (N, K) goes before (N,), as the logits of a policy before its value. (N,) becomes (N, 1), and a single
    number of a single input (1, 1).

    Raises
    ------
    TypeError, ValueError
        If they are nowhere, several tensors could be meant, or they are no rows of floating-point numbers.
    """
    if isinstance(output, Tensor):
        return as_rows(output, count)
    parts = _parts(output)
    what = type(output).__name__
    if isinstance(output, (list, tuple)) and output and all(_is_detection(part) for part in output):
        raise TypeError(
            f"scores: the model returned detections, a list of dicts with {', '.join(map(repr, output[0]))}; explain "
            "the score of one of them with scores=nbexplain.detections()"
        )
    dotted = _dotted(parts)
    if ".logits" in dotted and ".pred_boxes" in dotted:
        shape = tuple(parts[dotted[".logits"]].shape)
        raise TypeError(
            f"scores: the model returned boxes, and logits {shape} of each; explain the score of one of them with "
            "scores=nbexplain.detections(activation='softmax'), or 'sigmoid' if no class stands for no object; or "
            "take scores=lambda output: output.logits, with target=(query, class)"
        )
    for name in _NAMED:
        if f".{name}" in dotted:
            return as_rows(parts[dotted[f".{name}"]], count)
    rows = _heads(output, count)
    first: Any = next(iter(parts.values()), None)
    in_order = isinstance(output, (tuple, list))
    if in_order and _is_rows(first, count, least=1):
        beside = [part for part in parts.values() if part is not first and _is_rows(part, count, min(first.ndim, 2))]
        if not any(part.ndim <= 2 or first.ndim > 2 for part in beside):
            return as_rows(first, count)
    body = [f".{name}" for name in _OF_A_BODY if f".{name}" in dotted]
    if body:
        ways = [f"{dotted[name]}[:, 0]" if parts[dotted[name]].ndim == 3 else dotted[name] for name in body]
        raise TypeError(
            f"scores: the model returned {what}, with {_listed(parts)}: it has no head, and an embedding's numbers are "
            "no scores of classes. Take the model with its head, or say which number is to be explained: "
            + " or ".join(f"scores=lambda output: output{way}" for way in ways)
        )
    if not in_order and set(dotted) == {".out", ".aux"}:  # torchvision's segmentation models
        rows = {way: part for way, part in rows.items() if way == dotted[".out"]}
    if not in_order and len(rows) == 1:
        return as_rows(next(iter(rows.values())), count)
    if rows:
        way = next((way for way in rows if way.endswith(_ENDS)), next(iter(rows)))
        raise TypeError(
            f"scores: the model returned {what}, in which it is not clear what the scores are: "
            f"{_listed(_opened(parts, rows))}; say so with scores=lambda output: output{way}"
        )
    held = f": {_listed(parts)}" if parts else ""
    raise TypeError(
        f"scores: the model returned {what}, in which no tensor of scores was found{held}; say where they are with "
        f"scores=lambda output: …, a tensor ({count}, K)"
    )


def as_rows(scores: Any, count: int) -> Tensor:
    """Scores of `count` inputs as (N, K, …).

    Raises
    ------
    TypeError, ValueError
        If they are no floating-point numbers, or not one row per input.
    """
    wanted = f"scores: expected one row of scores per input, shape ({count}, K), got"
    if not isinstance(scores, Tensor):
        raise ValueError(f"{wanted} {type(scores).__name__}")
    shape = tuple(scores.shape)
    if not scores.is_floating_point():
        whole = scores.dtype != torch.bool and not scores.is_complex()
        counted = "; if they are numbers all the same, such as votes: scores=lambda output: output.float()" * whole
        raise TypeError(
            f"scores: expected floating-point numbers, got {scores.dtype} of shape {shape}: those are no scores; give "
            f"what they were made from, before any argmax or threshold{counted}"
        )
    if scores.ndim == 0 and count == 1:
        return scores.reshape(1, 1)
    if scores.ndim == 0:
        raise ValueError(f"{wanted} a single number for all of them: it must keep the batch axis")
    if len(scores) != count:
        squeezed = "; has a squeeze() taken the batch axis away?" if count == 1 and scores.ndim == 1 else ""
        raise ValueError(f"{wanted} {shape}{squeezed}")
    if scores.numel() == 0:
        raise ValueError(f"{wanted} {shape}")
    return scores[:, None] if scores.ndim == 1 else scores


def _parts(output: Any) -> dict[str, Any]:
    """What a container holds, under what must be written behind `output` to get it."""
    if isinstance(output, Mapping):
        dotted = hasattr(output, "to_tuple")  # Hugging Face's ModelOutput
        return {f".{key}" if dotted else f"[{key!r}]": part for key, part in output.items()}
    if is_dataclass(output) and not isinstance(output, type):
        return {f".{field.name}": getattr(output, field.name) for field in fields(output)}
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return {f".{name}": getattr(output, name) for name in output._fields}
    if isinstance(output, (tuple, list)):
        return {f"[{place}]": part for place, part in enumerate(output)}
    held = getattr(output, "__dict__", {})
    return {f".{name}": part for name, part in held.items() if not name.startswith("_")}


def _heads(output: Any, count: int) -> dict[str, Tensor]:
    """The tensors that may be the scores of `count` inputs, under what must be written behind `output` to get them.

    One tensor (N,) beside maps or tokens alone is none, such as a loss of each input.
    """
    found = {way: part for way, part in _all_parts(output).items() if _is_rows(part, count, least=1)}
    rows = {way: part for way, part in found.items() if part.ndim > 1}
    return rows if rows and sum(part.ndim <= 2 for part in found.values()) == 1 else found


def _all_parts(output: Any, before: str = "") -> dict[str, Any]:
    """The parts of a container, and those of the containers in it."""
    listed: dict[str, Any] = {}
    for way, part in _parts(output).items():
        held = _is_container(part) and not hasattr(output, "to_tuple")  # Hugging Face's hold hidden states and caches
        listed |= _all_parts(part, before + way) if held else {before + way: part}
    return listed


def _opened(parts: Mapping[str, Any], rows: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a container, and instead of a container among them with some of `rows` what it holds."""
    listed: dict[str, Any] = {}
    for way, part in parts.items():
        opens = _is_container(part) and any(inner.startswith(way) for inner in rows)
        listed |= _all_parts(part, way) if opens else {way: part}
    return listed


def _is_container(part: Any) -> bool:
    return isinstance(part, (Mapping, tuple, list)) or (is_dataclass(part) and not isinstance(part, type))


def _dotted(parts: Mapping[str, Any]) -> dict[str, str]:
    """The ways to the tensors of a container by `.name`, whether it is a mapping or an object."""
    return {
        way if way.startswith(".") else f".{way[2:-2]}": way for way, part in parts.items() if isinstance(part, Tensor)
    }


def _is_rows(part: Any, count: int, least: int = 2) -> bool:
    return isinstance(part, Tensor) and part.is_floating_point() and part.ndim >= least and len(part) == count


def _is_detection(part: Any) -> bool:
    return isinstance(part, Mapping) and "boxes" in part and "scores" in part


def _listed(parts: Mapping[str, Any]) -> str:
    """What there is, with the shapes of tensors."""
    return ", ".join(f"output{way} {_shape(part)}" for way, part in parts.items() if part is not None)


def _shape(part: Any) -> str:
    if isinstance(part, Tensor):
        kind = "" if part.is_floating_point() else f" of {str(part.dtype).removeprefix('torch.')}"
        return f"{tuple(part.shape)}{kind}"
    if isinstance(part, Sequence) and not isinstance(part, str):
        return f"(a {type(part).__name__} of {len(part)})"
    return f"(a {type(part).__name__})"
