"""The label map of superpixels on its way to the browser, which paints and outlines them."""

from __future__ import annotations

import hashlib

import numpy as np

from nbexplain.widgets.models import LONGEST_SIDE
from nbexplain.widgets.wire import Array

_MOST_BYTE_LABELS = 255


class LabelMap:
    """One label map in the browser; sent again only when it is another one."""

    def __init__(self) -> None:
        self.array = Array()
        self._key = ""

    def show(self, labels: np.ndarray) -> str:
        """Send a label map (H, W), unless it is the one that is there; returns what overlays call it."""
        key = hashlib.blake2b(labels.tobytes(), digest_size=8).hexdigest()
        if key != self._key:
            count = int(labels.max()) + 1
            kind = np.uint8 if count <= _MOST_BYTE_LABELS else np.float32
            self.array.send(_as_displayed(labels).astype(kind), key=key, count=count)
            self._key = key
        return key


def _as_displayed(labels: np.ndarray) -> np.ndarray:
    """At most as large as the picture on screen; a superpixel of a few pixels may be lost there, not in the numbers."""
    longest = max(labels.shape)
    if longest <= LONGEST_SIDE:
        return labels
    rows, columns = (
        np.arange(max(round(side * LONGEST_SIDE / longest), 1)) * longest // LONGEST_SIDE for side in labels.shape
    )
    return labels[np.ix_(np.minimum(rows, labels.shape[0] - 1), np.minimum(columns, labels.shape[1] - 1))]
