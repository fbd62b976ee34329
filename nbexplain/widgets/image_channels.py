"""All channels of an image on their way to the browser, where a slider chooses which one is seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbexplain.inputs import Image
from nbexplain.widgets.wire import Array, quantise, shrink

_MOST_BYTES = 2 * 1024**2  # of all channels; of larger images neighbouring pixels are averaged


def send_channels(array: Array, image: Image, **meta: Any) -> None:
    """Send (C + 1, y, x): the mean as it is drawn, from 0 to 255, and the channels as the network gets them.

    Each is quantised between its own limits, which are what the browser stretches it by.
    """
    mean = np.where(image.missing, np.nan, image.picture[..., 0].astype(np.float32))
    channels = image.tensor[0].detach().float().cpu().numpy()
    planes = shrink(np.concatenate([mean[None], channels]), _MOST_BYTES)
    levels, low, high = quantise(planes, per_channel=True)
    array.send(levels, low=low, high=high, planes=True, **meta)
