"""Rows of the table, and how they are timed: only ratios within one run count, medians of interleaved calls."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One comparison. With `peer_ms` None the limit is `allowed` milliseconds, otherwise `allowed` times the peer.

    Where the peer is not there to be measured, `missing` says what to install.
    """

    what: str
    ms: float
    allowed: float
    peer: str = ""
    peer_ms: float | None = None
    note: str = ""
    unit: str = "ms"
    missing: str = ""

    @property
    def ratio(self) -> float | None:
        return None if self.peer_ms is None else self.ms / self.peer_ms

    @property
    def ok(self) -> bool:
        return bool(self.missing) or (self.ms if self.ratio is None else self.ratio) <= self.allowed

    def cells(self) -> tuple[str, ...]:
        """The row of the Markdown table."""
        if self.missing:
            return self.what, "", f"not installed: {self.missing}", "", f"≤ {self.allowed:g} ×", "not measured"
        peer = "" if self.peer_ms is None else f"{_short(self.peer_ms)} ({self.peer})"
        ratio = "" if self.ratio is None else f"{self.ratio:.3f}"
        allowed = f"≤ {self.allowed:g}" + (f" {self.unit}" if self.peer_ms is None else " ×")
        ours = (
            _short(self.ms)
            if self.unit == "ms"
            else f"{self.ms:.2f} {self.unit}"
            if self.unit == "slope"
            else f"{self.ms:.0f} {self.unit}"
        )
        what = self.what + (f" ({self.note})" if self.note else "")
        return what, ours, peer, ratio, allowed, "yes" if self.ok else "NO"


HEADER = ("what", "nbexplain ms", "peer ms", "ratio", "allowed", "ok?")


def markdown(rows: Sequence[Row]) -> str:
    """The table."""
    lines = [HEADER, tuple("---" for _ in HEADER), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def interleaved(
    *calls: Callable[[int], object], times: int, warm: int = 2, seconds: float = 20, least: int = 3
) -> list[float]:
    """Call each in turn, `times` times after `warm` unmeasured rounds, with the number of the round.

    Each comes after each of the others: what one leaves in the caches and on the heap is not always the same one's.

    After so many seconds the rounds end early, but not before `least`: on a busy machine passes can be twenty times
    slower.

    Returns
    -------
    list
        The median of each, in milliseconds.
    """
    spent: list[list[float]] = [[] for _ in calls]
    end = time.monotonic() + seconds
    for turn in range(-warm, times):
        if turn >= least and time.monotonic() > end:
            break
        for place in in_turn(len(calls), turn):
            started = time.perf_counter()
            calls[place](turn + warm)
            if turn >= 0:
                spent[place].append(1000 * (time.perf_counter() - started))
    return [statistics.median(so_far) for so_far in spent]


def in_turn(count: int, turn: int) -> list[int]:
    """The order of a round: begins one further each time, forwards and backwards by turns."""
    return [(turn + step if turn % 2 else turn - step) % count for step in range(count)]


def _short(ms: float) -> str:
    return f"{ms:.2f}" if ms < 10 else f"{ms:.1f}" if ms < 100 else f"{ms:,.0f}"
