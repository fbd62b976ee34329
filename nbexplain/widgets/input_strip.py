"""All inputs of a session as thumbnails, and the way in for another (twin of ``js/src/input_strip.ts``)."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import traitlets

from nbexplain.inputs.upload import MAX_BYTES, MAX_PIXELS
from nbexplain.widgets.controls import Controls
from nbexplain.widgets.wire import Bundled, reference

_SIDE = 64  # pixels of a tile
_MOST_WANTED = 1000  # inputs that a view may ask for at a time
SORTS = ["given", "activation", "score"]


def _null_for_nan(values: Sequence[float | None], _widget: object) -> list[float | None]:
    return [value if value is not None and math.isfinite(value) else None for value in values]


class InputStrip(Bundled):
    """The inputs of a session in a row; a click or an arrow key chooses one in the shared selection.

    Few inputs come with the state of the widget. With ``on_demand`` the browser asks for what it shows: ``on_want`` is
    called with the name of the view and the numbers of the inputs whose thumbnails, and whose titles, it lacks. What is
    known is sent as ``{"tiles": [{"input", "picture", "text", "title", "problem"}, …]}``, each part when it is there,
    with a thumbnail as a buffer for every ``"picture"`` that is true.

    ``on_upload`` is called with the name and the bytes of a file that somebody added, on the thread that delivers
    widget messages, and must not raise. The browser has looked at the file, but anybody may have sent it: look again.
    The button waits until ``count`` grows or ``notice`` says something.
    """

    _bundle = "input_strip"

    controls = reference(Controls)
    count = traitlets.Int(0).tag(sync=True)
    thumbnails = traitlets.List(traitlets.Bytes()).tag(sync=True)  # b"" for an input that is no picture
    titles = traitlets.List(traitlets.Unicode()).tag(sync=True)  # "" where nothing is known yet
    texts = traitlets.List(traitlets.Unicode()).tag(sync=True)  # how each input begins, where they are texts
    on_demand = traitlets.Bool(False).tag(sync=True)
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
        self.on_want: Callable[[str, list[int], list[int]], None] | None = None
        self.on_msg(self._hear)

    def forget(self, numbers: Sequence[int] = (), *, titles: bool = False) -> None:
        """Let the browser ask anew for some inputs, or for the titles of all."""
        self.send({"stale": list(numbers), "titles_stale": titles})

    def _hear(self, _widget: object, content: Any, buffers: Any) -> None:
        if isinstance(content, dict) and isinstance(want := content.get("want"), dict) and self.on_want is not None:
            self.on_want(str(content.get("view")), _numbers(want.get("pictures")), _numbers(want.get("titles")))
        sent = content.get("upload") if isinstance(content, dict) else None
        name = sent.get("name") if isinstance(sent, dict) else None
        if isinstance(name, str) and len(buffers or ()) == 1 and self.on_upload is not None:
            self.notice = ""  # or the same words about the next file would not be news to the browser
            self.on_upload(name, bytes(buffers[0]))


def _numbers(sent: Any) -> list[int]:
    """What the browser sent, if it is a list of a reasonable length."""
    return [n for n in sent[:_MOST_WANTED] if type(n) is int] if isinstance(sent, list) else []


def thumbnail(picture: np.ndarray) -> bytes:
    """The picture as a WebP file of at most 64×64 pixels and of the same shape.

    Small ones are enlarged with their pixels visible; however narrow, it is two pixels wide.

    Parameters
    ----------
    picture
        (H, W, 3) of uint8.
    """
    import PIL.features
    import PIL.Image

    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise ValueError(f"picture: expected uint8 of shape (H, W, 3), got {picture.dtype} of shape {picture.shape}")
    kind = "WEBP" if PIL.features.check("webp") else "PNG"  # some systems build Pillow without
    height, width = picture.shape[:2]
    scale = _SIDE / max(height, width)
    size = (max(round(width * scale), 2), max(round(height * scale), 2))
    how = PIL.Image.Resampling.BICUBIC if scale < 1 else PIL.Image.Resampling.NEAREST
    small = PIL.Image.fromarray(np.ascontiguousarray(picture)).resize(size, how, reducing_gap=2.0)
    file = io.BytesIO()
    small.save(file, kind, quality=75, method=2)
    return file.getvalue()
