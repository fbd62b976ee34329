"""The tokens, words or sentences of a text that an answer gives values to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nbexplain.core.explanation import Explanation
from nbexplain.inputs import Text
from nbexplain.inputs.text_masker import TextMasker


def units_of(text: Text, division: Mapping[str, Any], explanation: Explanation | None = None) -> TextMasker:
    """All units of a text, or those that an answer has: it may have left out one whose score was explained.

    Parameters
    ----------
    division
        `unit` and `hide`, where they are not as by default.
    """
    whole = text.masker(**division)
    if explanation is None or explanation.features is None or explanation.features.shape != whole.features.shape:
        return whole
    stays = np.flatnonzero((whole.features >= 0) & (explanation.features < 0)).tolist()
    return text.masker(**division, stays=stays) if stays else whole
