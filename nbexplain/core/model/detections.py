"""Detections as scores: what the model found in the clean input, followed by overlap when the input changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

ACTIVATIONS = ("softmax", "sigmoid")
_TIE = 1e-6  # of two that overlap equally, the one that stands where it stood


@dataclass(frozen=True)
class Detections:
    """How detections become scores; see `detections`."""

    label: int | None = None
    iou: float = 0.5
    min_score: float = 0.0
    activation: str | None = None

    def __repr__(self) -> str:
        given = {"label": None, "iou": 0.5, "min_score": 0.0, "activation": None}
        said = [f"{name}={value!r}" for name in given if (value := getattr(self, name)) != given[name]]
        return f"detections({', '.join(said)})"

    def for_input(self) -> Followed:
        """What follows the detections of one input."""
        return Followed(self)

    def __call__(self, output: Any) -> Tensor:
        """The scores (N, K) of what was found in each of N inputs, where that is equally much."""
        found = self.found(output)
        if len({len(each.scores) for each in found}) > 1:
            raise ValueError("scores: the inputs have different numbers of detections")
        return torch.stack([each.scores for each in found])

    def found(self, output: Any) -> list[Found]:
        """What was found in each input.

        Raises
        ------
        TypeError, ValueError
            If the output holds no detections, or nobody said what its logits are.
        """
        images = [_image(each) for each in self._images(output)]
        return [each.where(self.label, self.min_score) for each in images]

    def _images(self, output: Any) -> Sequence[Mapping[str, Tensor]]:
        if isinstance(output, (list, tuple)) and all(isinstance(each, Mapping) and "boxes" in each for each in output):
            return output
        logits, boxes = (_entry(output, name) for name in ("logits", "pred_boxes"))
        if logits is None or boxes is None:
            raise TypeError(
                "scores: detections() reads a list of dicts with 'boxes' (n, 4), 'labels' (n,) and 'scores' (n,), or "
                f"logits (N, Q, K) and pred_boxes (N, Q, 4); the model returned {type(output).__name__}"
            )
        if self.activation is None:
            raise ValueError(
                f"scores: the model returned logits {tuple(logits.shape)} of boxes; say what makes scores of them: "
                "detections(activation='softmax') where the last class stands for no object, as in DETR, or "
                "detections(activation='sigmoid') where there is no such class"
            )
        scores = logits.softmax(-1)[..., :-1] if self.activation == "softmax" else logits.sigmoid()
        best, labels = scores.max(-1)
        middle, size = boxes[..., :2], boxes[..., 2:]
        corners = torch.cat([middle - size / 2, middle + size / 2], -1)
        return [{"boxes": b, "labels": n, "scores": s} for b, n, s in zip(corners, labels, best, strict=True)]


def detections(
    label: int | None = None, *, iou: float = 0.5, min_score: float = 0.0, activation: str | None = None
) -> Detections:
    """For `scores=`: explain what a detector finds. Score k is that of the k-th detection of the clean input.

    When the input changes, each detection is followed to the one of its label that overlaps it most, by intersection
    over union (as in D-RISE, Petsiuk et al. 2021, arXiv:2006.03204); its score is 0 where none overlaps enough. Each is
    followed by itself, so that two may meet in one. Gradients flow into the scores, not into which is followed.

    Parameters
    ----------
    label
        Only detections of this label.
    iou
        The least overlap, above 0 and at most 1.
    min_score
        Only detections of at least this score in the clean input are targets.
    activation
        What makes scores of `logits` (N, Q, K) beside `pred_boxes` (N, Q, 4) as (x, y, width, height) of the middle:
        `"softmax"`, where the last class stands for no object (DETR), or `"sigmoid"`. A detector that returns a list
        of dicts with `boxes` (n, 4) as (x, y, x, y), `labels` and `scores`, one per image, needs none.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.
    """
    if label is not None and (isinstance(label, bool) or not isinstance(label, int)):
        raise TypeError(f"label: expected the number of a label, got {label!r}")
    if not 0 < iou <= 1:
        raise ValueError(f"iou: expected an overlap above 0 and at most 1, got {iou!r}")
    if activation not in (None, *ACTIVATIONS):
        raise ValueError(f"activation: expected one of {', '.join(map(repr, ACTIVATIONS))}, got {activation!r}")
    return Detections(label, iou, min_score, activation)


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in one image: boxes (n, 4) as (x, y, x, y), labels (n,) and scores (n,)."""

    boxes: Tensor
    labels: Tensor
    scores: Tensor

    def where(self, label: int | None, least: float) -> Found:
        """Those of one label, and of at least this score."""
        kept = self.scores >= least if least > 0 else torch.ones_like(self.scores, dtype=torch.bool)
        kept = kept & (self.labels == label) if label is not None else kept
        return Found(self.boxes[kept], self.labels[kept], self.scores[kept])


class Followed:
    """The detections of one input, and the scores of the same ones in changed inputs."""

    def __init__(self, about: Detections) -> None:
        self._about = about
        self._wanted: Found | None = None
        self._learning = False

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Around a pass of the clean input: what is found then is what is followed, until it is forgotten."""
        self._learning = self._wanted is None
        try:
            yield
        finally:
            self._learning = False

    def forget(self) -> None:
        """Another model may find something else."""
        self._wanted = None

    def __call__(self, output: Any, count: int) -> Tensor:
        """Scores (N, K) of the followed detections.

        Raises
        ------
        TypeError, ValueError
            If the output holds no detections of `count` inputs, or the clean input none at all.
        """
        if self._learning:
            (clean,) = _as_many(self._about.found(output), 1)
            if not len(clean.scores):
                raise ValueError(f"scores: the model finds nothing in this input with {self._about}")
            self._wanted = Found(clean.boxes.detach(), clean.labels.detach(), clean.scores.detach())
            return clean.scores[None]
        assert self._wanted is not None, "the clean input goes first"
        # in a changed input a score below the least is still one
        about = Detections(self._about.label, self._about.iou, 0.0, self._about.activation)
        wanted = self._wanted
        return torch.stack([_followed(wanted, each, about.iou) for each in _as_many(about.found(output), count)])

    def names(self, labels: Sequence[str] | None) -> tuple[str, ...]:
        """What the detections are called: `detection 0: person`, with the names of labels 0, 1, 2 …"""
        assert self._wanted is not None, "the clean input goes first"
        numbers = self._wanted.labels.tolist()
        if labels is None:
            called = [f"label {number}" for number in numbers]
        elif max(numbers) >= len(labels):
            raise ValueError(f"classes: the model found label {max(numbers)}, but there are {len(labels)} names")
        else:
            called = [str(labels[number]) for number in numbers]
        return tuple(f"detection {k}: {name}" for k, name in enumerate(called))


def _followed(wanted: Found, seen: Found, least: float) -> Tensor:
    """Of each detection that is wanted the score (K,) of the one of its label that overlaps it most; 0 for none."""
    nothing = (seen.scores.sum() * 0).to(wanted.scores)  # of the graph, so that its gradient is zero and not missing
    if not len(seen.scores):
        return nothing.expand(len(wanted.scores))
    overlap = _iou(wanted.boxes.to(seen.boxes), seen.boxes.detach())
    overlap.diagonal().add_(_TIE)
    overlap = overlap.masked_fill(wanted.labels.to(seen.labels)[:, None] != seen.labels, -1)
    most, place = overlap.max(1)
    return torch.where(most >= least, seen.scores[place], nothing)


def _iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union (n, m) of boxes (n, 4) and (m, 4); 1 for equal ones, whatever their area."""
    size = (torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(a[:, None, :2], b[None, :, :2])).clamp(min=0)
    shared = size.prod(-1)
    areas = [(each[:, 2:] - each[:, :2]).clamp(min=0).prod(-1) for each in (a, b)]
    share = shared / (areas[0][:, None] + areas[1] - shared).clamp(min=torch.finfo(shared.dtype).tiny)
    return share.masked_fill((a[:, None] == b).all(-1), 1)


def _image(parts: Mapping[str, Any]) -> Found:
    for name in ("boxes", "labels", "scores"):
        if not isinstance(parts.get(name), Tensor):
            raise TypeError(f"scores: detections() needs {name!r} of each image, got {', '.join(map(repr, parts))}")
    boxes, labels, scores = (parts[name] for name in ("boxes", "labels", "scores"))
    if boxes.ndim != 2 or boxes.shape[1] != 4 or len(labels) != len(boxes) or scores.shape != (len(boxes),):
        shapes = f"{tuple(boxes.shape)}, {tuple(labels.shape)} and {tuple(scores.shape)}"
        raise ValueError(f"scores: expected boxes (n, 4), labels (n,) and scores (n,), got {shapes}")
    corners = [boxes[:, :2], boxes[:, 2:]]  # an untrained detector's may have changed places
    return Found(torch.cat([torch.minimum(*corners), torch.maximum(*corners)], 1), labels, scores)


def _as_many(found: list[Found], count: int) -> list[Found]:
    if len(found) != count:
        raise ValueError(f"scores: expected the detections of {count} inputs, got those of {len(found)}")
    return found


def _entry(output: Any, name: str) -> Tensor | None:
    part = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
    return part if isinstance(part, Tensor) else None
