"""All inputs of a session as thumbnails, and the way in for another (twin of ``js/src/input_strip.ts``)."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import traitlets

from nbexplain.inputs.upload import MAX_BYTES, MAX_PIXELS
from nbexplain.widgets import wire
from nbexplain.widgets.controls import Controls
from nbexplain.widgets.wire import Bundled, reference

_SIDE = 64  # pixels of a tile
SORTS = ["given", "activation", "score"]


def _null_for_nan(values: Sequence[float | None], _widget: object) -> list[float | None]:
    return [value if value is not None and math.isfinite(value) else None for value in values]


class InputStrip(Bundled):
    """The inputs of a session in a row; a click or an arrow key chooses one in the shared selection.

    ``on_upload`` is called with the name and the bytes of a file that somebody added, on the thread that delivers
    widget messages, and must not raise. The browser has looked at the file, but anybody may have sent it: look again.
    The button waits until ``count`` grows or ``notice`` says something.
    """

    _bundle = "input_strip"

    controls = reference(Controls)
    sheet = traitlets.Bytes(b"").tag(sync=True)  # with columns and tile, what `sheet_of` returns
    columns = traitlets.Int(1).tag(sync=True)
    tile = traitlets.List(traitlets.Int(), default_value=[_SIDE, _SIDE]).tag(sync=True)  # width, height
    count = traitlets.Int(0).tag(sync=True)
    titles = traitlets.List(traitlets.Unicode()).tag(sync=True)  # "" where nothing is known yet
    texts = traitlets.List(traitlets.Unicode()).tag(sync=True)  # how each input begins, where they are texts
    values = traitlets.List(traitlets.Float(allow_none=True)).tag(sync=True, to_json=_null_for_nan)
    order = traitlets.List(traitlets.Int()).tag(sync=True)  # empty: as given
    sorts = traitlets.List(traitlets.Enum(SORTS), default_value=["given"]).tag(sync=True)  # what is offered
    sort = traitlets.Enum(SORTS, default_value="given").tag(sync=True, echo_update=False)  # written by the browser
    upload = traitlets.Bool(False).tag(sync=True)
    max_bytes = traitlets.Int(MAX_BYTES).tag(sync=True)
    max_pixels = traitlets.Int(MAX_PIXELS).tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_upload: Callable[[str, bytes], None] | None = None
        self.on_msg(self._hear)

    def _hear(self, _widget: object, content: Any, buffers: Any) -> None:
        sent = content.get("upload") if isinstance(content, dict) else None
        name = sent.get("name") if isinstance(sent, dict) else None
        if isinstance(name, str) and len(buffers or ()) == 1 and self.on_upload is not None:
            self.notice = ""  # or the same words about the next file would not be news to the browser
            self.on_upload(name, bytes(buffers[0]))


def sheet_of(pictures: Sequence[np.ndarray | None]) -> tuple[bytes, int, tuple[int, int]]:
    """Draw thumbnails of all pictures on one sheet, row by row.

    Parameters
    ----------
    pictures
        Each (H, W, 3) of uint8; None leaves its tile empty.

    Returns
    -------
    sheet, columns, (width, height)
        The sheet as a WebP file, transparent where nothing is drawn, its number of tiles in a row, and the size of a
        tile in pixels: 64×64, or less if the file would exceed what a message may hold.
    """
    import PIL.features
    import PIL.Image

    kind = "WEBP" if PIL.features.check("webp") else "PNG"  # some systems build Pillow without
    columns = math.ceil(math.sqrt(len(pictures))) or 1
    for side in (_SIDE, _SIDE // 2, _SIDE // 4):
        rows = math.ceil(len(pictures) / columns) or 1
        sheet = PIL.Image.new("RGBA", (columns * side, rows * side))
        for number, picture in enumerate(pictures):
            if picture is not None:
                small = _thumbnail(picture, side)
                left, top = number % columns * side, number // columns * side
                sheet.paste(small, (left + (side - small.width) // 2, top + (side - small.height) // 2))
        file = io.BytesIO()
        sheet.save(file, kind, quality=75, method=2)
        if file.tell() <= wire.MAX_BYTES:
            break
    return file.getvalue(), columns, (side, side)


def _thumbnail(picture: np.ndarray, side: int) -> Any:
    """The picture as large as a tile allows, of the same shape; small ones are enlarged with their pixels visible."""
    import PIL.Image

    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise ValueError(f"pictures: expected uint8 of shape (H, W, 3), got {picture.dtype} of shape {picture.shape}")
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = (max(round(width * scale), 2), max(round(height * scale), 2))  # however narrow, it covers the middle
    how = PIL.Image.Resampling.BICUBIC if scale < 1 else PIL.Image.Resampling.NEAREST
    return PIL.Image.fromarray(np.ascontiguousarray(picture)).resize(size, how, reducing_gap=2.0)
