"""A text with some of its words struck through, and no more of it than is needed to find them."""

from __future__ import annotations

from typing import Any

import numpy as np

_AROUND = 40  # characters that are left on either side of what is struck, where a text is long
_WHOLE = 300  # characters: a shorter text is shown as it is


def struck(text: str, spans: np.ndarray, keep: np.ndarray) -> list[list[Any]]:
    """Pieces of a text and whether they are struck: `[["a ", False], ["good", True], [" film", False]]`.

    Parameters
    ----------
    spans
        (features, 2) where each feature stands in the text.
    keep
        (features,): 0 of those that are struck.
    """
    gone = [(int(start), int(end)) for (start, end), left in zip(spans, keep, strict=True) if not left]
    pieces: list[list[Any]] = []
    end = 0
    for start, stop in sorted(gone):
        _add(pieces, text[end:start], False, first=end == 0, short=len(text) > _WHOLE)
        _add(pieces, text[start:stop], True)
        end = max(end, stop)
    _add(pieces, text[end:], False, last=True, short=len(text) > _WHOLE)
    return pieces


def _add(
    pieces: list[list[Any]], piece: str, gone: bool, first: bool = False, last: bool = False, short: bool = False
) -> None:
    if not gone and short and len(piece) > 2 * _AROUND:
        before = "" if first else piece[:_AROUND].rsplit(" ", 1)[0]
        after = "" if last else piece[-_AROUND:].split(" ", 1)[-1]
        piece = f"{before} … {after}"
    if piece:
        pieces.append([piece, gone])
