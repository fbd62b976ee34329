"""Game: the score with some features hidden, whatever the input is; what SHAP values divide up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.dataset.rows import check_rows
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.hiding import masker_of, not_finite
from nbexplain.core.subject import Subject
from nbexplain.inputs.table_masker import TableMasker

PAUSE = 0.2  # seconds between two pictures, so that making them never costs more than a small part of the passes
_LEAST = 8  # rows at a time, however long they take: fewer would take longer each


class Game:
    """The score as a function of which features are shown: pictures, texts and tables alike.

    The scores of all classes are kept with the subject, so that another class, another method or more samples cost
    only what is new.

    Attributes
    ----------
    players
        The features whose hiding changes the input at all; the others have no effect.
    order
        (players,) their places, for shap to shuffle.
    seconds, rows
        What passes have taken so far, and for how many rows.
    """

    def __init__(self, subject: Subject, target: Target, options: Mapping[str, Any]):
        self.masker = masker_of(subject, options, target)
        self._subject, self._target = subject, target
        self._kept = targets.Kept(target, subject.scores())
        self.players = np.flatnonzero(self.masker.varying)
        self.order = np.arange(len(self.players))
        self.seconds, self.rows = 0.0, 0
        self._key = ("coalitions", self.masker.key, self._kept.key)
        self._scores: dict[bytes, Tensor] = subject.kept(self._key) or {}
        self._values: dict[bytes, float] = {}  # of this target

    def __call__(self, keep: np.ndarray) -> np.ndarray:
        """The target's score (n,) for rows of `keep` (n, players); what is not known yet is computed.

        Raises
        ------
        ValueError
            If a score is not finite.
        """
        keys = self._keys(keep)
        if any(key not in self._values for key in keys):
            for _ in self.play(keep):
                pass
            new = [key for key in dict.fromkeys(keys) if key not in self._values]
            scores = self._kept.read(torch.stack([self._scores[key] for key in new])).cpu().double().tolist()
            if not np.isfinite(scores).all():
                self._check_rows()
                (empty,) = self._keys(np.zeros((1, len(self.players)), dtype=bool))
                raise not_finite(np.array(scores), np.array([key == empty for key in new]))
            self._values.update(zip(new, scores, strict=True))
        return np.array([self._values[key] for key in keys])

    def play(self, keep: np.ndarray) -> Iterator[int]:
        """Compute what is not known of rows (n, players), and say how many of the first rows are known."""
        keys = self._keys(keep)
        places = [place for place, key in enumerate(keys) if key not in self._scores]
        places = list({keys[place]: place for place in reversed(places)}.values())[::-1]  # each once, the first
        if places and places[0] > 0:
            yield places[0]  # a picture of what is known does not wait
        start = 0
        while start < len(places):
            part, began = places[start : start + self._step()], time.perf_counter()
            try:
                scores = self._subject.hidden(self.masker, self._rows(keep[part]), self._kept.keep)
            except (RuntimeError, ValueError):
                self._check_rows()
                raise
            self._scores.update(zip((keys[place] for place in part), scores, strict=True))
            self._subject.keep(self._key, self._scores, len(self._scores) * (scores[0].nbytes + 300))
            self.seconds += time.perf_counter() - began
            self.rows += len(part)
            start += len(part)
            yield places[start] if start < len(places) else len(keys)
        if not places:
            yield len(keys)

    def _check_rows(self) -> None:
        """Where a row of a background holds what the model does not take, say which."""
        if isinstance(self.masker, TableMasker):
            check_rows(self._subject, self.masker.stand_ins, "background")

    def _step(self) -> int:
        """How many rows are computed at a time: of texts and rows of tables as many as a picture may wait for."""
        most = max(self._subject.chunk() // len(self.masker.weights), 1)
        rate = self.rows / self.seconds if self.seconds else 0.0
        return min(most, max(_LEAST, int(PAUSE * rate)))

    @property
    def ends(self) -> tuple[float, float]:
        """The score with all features hidden, and with none."""
        count = len(self.players)
        nothing, everything = self(np.array([[False] * count, [True] * count], dtype=bool).reshape(2, count))
        return float(nothing), float(everything)

    def explanation(
        self,
        values: np.ndarray,
        errors: np.ndarray | None = None,
        *,
        quantity: str = "SHAP value",
        progress: float = 1.0,
        details: Mapping[str, float] | None = None,
        warnings: Sequence[str] = (),
    ) -> Explanation:
        """Values (players,) and their errors as an answer about all features; SHAP values with what they add up to."""
        masker = self.masker
        base, gap = None, None
        if quantity == "SHAP value":
            base = self.ends[0]
            gap = self._subject.score(self._target) - base - float(np.sum(values))
        rows = {"background rows": len(masker.weights)} if masker.what == "column" else {}
        return Explanation(
            values=self._spread(values),
            axes=("feature",),
            on="features",
            features=masker.features,
            names=masker.names,
            standard_error=None if errors is None else self._spread(errors),
            quantity=quantity,
            base=base,
            gap=gap,
            details={
                "evaluations": len(self._values),
                f"{masker.what}s": len(masker.names),
                **rows,
                **(details or {}),
            },
            warnings=(*masker.notes, *warnings),
            progress=progress,
        )

    def _spread(self, values: np.ndarray) -> np.ndarray:
        """Values of the players as values of all features; what cannot change the input has no effect."""
        spread = np.zeros(len(self.masker.names))
        spread[self.players] = values
        return spread

    def _rows(self, keep: np.ndarray) -> np.ndarray:
        """Rows of all features: what does not vary is shown."""
        if len(self.players) == len(self.masker.names):  # writing columns apart is slow in many rows
            return np.asarray(keep, dtype=bool)
        rows = np.ones((len(keep), len(self.masker.names)), dtype=bool)
        rows[:, self.players] = keep
        return rows

    def _keys(self, keep: np.ndarray) -> list[bytes]:
        return [row.tobytes() for row in np.packbits(self._rows(keep), axis=1)]


class Pace:
    """When the next picture is due: not before the passes have taken ten times as long as the last picture did."""

    def __init__(self) -> None:
        self._shown = -np.inf
        self._wait = PAUSE

    @property
    def due(self) -> bool:
        return time.perf_counter() - self._shown > self._wait

    def made(self, began: float) -> None:
        """A picture has been made that was begun at this time (`time.perf_counter`)."""
        self._shown = time.perf_counter()
        self._wait = max(PAUSE, 10 * (self._shown - began))
