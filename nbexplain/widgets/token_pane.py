"""A text with its words coloured by weight (twin of ``js/src/token_pane.ts``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any

import traitlets

from nbexplain.widgets.image_pane import COLORMAPS
from nbexplain.widgets.wire import Array, Bundled, reference


def utf16_spans(text: str, spans: Sequence[Sequence[int]]) -> list[list[int]]:
    """Say where parts of a text are as the browser counts: in UTF-16 units, of which an emoji is two.

    Parameters
    ----------
    text
        Any text.
    spans
        One ``[start, end)`` per part, in code points as Python counts them.

    Raises
    ------
    ValueError
        If a span is no pair, runs backwards or ends beyond the text.
    """
    for number, span in enumerate(spans):
        if len(span) != 2 or not 0 <= span[0] <= span[1] <= len(text):
            raise ValueError(
                f"spans: expected [start, end] with 0 ≤ start ≤ end ≤ {len(text)}, got {list(span)} at {number}."
            )
    units = [0, *accumulate(1 + (character > "\uffff") for character in text)]
    return [[units[start], units[end]] for start, end in spans]


def _on_the_wire(spans: Sequence[Sequence[int]], pane: TokenPane) -> list[list[int]]:
    if any(end > len(pane.text) for _, end in spans):
        return []  # those of the text before: the spans of this one are on their way
    return utf16_spans(pane.text, spans)


class TokenPane(Bundled):
    """A running text whose features (tokens, words or sentences) are coloured by weight, dropped and edited.

    ``spans`` holds one ``[start, end)`` per feature, in code points; they go to the browser as `utf16_spans`. A feature
    with an empty span, such as ``[0, 0]`` of a special token, stands as a chip before the text if it has a name in
    ``names`` (``[]`` or one per feature). Where spans overlap, as those of byte-level tokens do, the earlier keeps the
    text. `show` sets all three at once.

    ``overlay`` is a float32 frame of shape (1, n) or (2, n): a weight per feature, and its standard error (NaN: not
    known). Its meta holds ``title``, ``signed``, ``quantity``, ``key`` and ``progress``. A frame whose n is not the
    number of features waits for its text; one that was drawn for another text is faded until the next comes. Where
    both have the same n only the order can tell: send the text first.

    ``dropped`` are the features that are left out, written by the browser and by the kernel; ``note`` says what came of
    it. ``on_edit`` is called with the text that somebody wrote instead, of at most ``limit`` characters (0: any
    number), on the thread that delivers widget messages, and must not raise. Answer with another text, or a ``notice``.

    The traits below ``limit`` belong to the browser: it writes them when a control is let go, and kernel code should
    only set them as initial values or on the user's behalf.
    """

    _bundle = "token_pane"

    text = traitlets.Unicode("").tag(sync=True)
    spans = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True, to_json=_on_the_wire)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    overlay = reference(Array)
    title = traitlets.Unicode("").tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)
    dropped = traitlets.List(traitlets.Int()).tag(sync=True, echo_update=False)
    note = traitlets.Unicode("").tag(sync=True)
    editable = traitlets.Bool(True).tag(sync=True)
    limit = traitlets.Int(0, min=0).tag(sync=True)

    colormap = traitlets.Enum(COLORMAPS, default_value="auto").tag(sync=True, echo_update=False)
    sign = traitlets.Enum(["both", "positive", "negative", "absolute"], default_value="both").tag(
        sync=True, echo_update=False
    )
    clip = traitlets.Float(0.0, min=0, max=100).tag(sync=True, echo_update=False)  # 0: automatic
    limits = traitlets.List(traitlets.Float()).tag(sync=True, echo_update=False)  # empty: automatic
    top = traitlets.Int(0, min=0).tag(sync=True, echo_update=False)  # only the k largest |weights|; 0: all
    numbers = traitlets.Bool(False).tag(sync=True, echo_update=False)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_edit: Callable[[str], None] | None = None
        self.on_msg(self._hear)

    def show(self, text: str, spans: Sequence[Sequence[int]], names: Sequence[str] = ()) -> None:
        """Show another text with nothing dropped, in one message.

        Raises
        ------
        ValueError
            If a span does not lie in the text, or ``names`` are neither none nor one per span.
        """
        utf16_spans(text, spans)
        if len(names) not in {0, len(spans)}:
            raise ValueError(f"names: expected none or {len(spans)}, one per span, got {len(names)}.")
        with self.hold_sync():
            self.text = text
            self.spans = [list(span) for span in spans]
            self.names = list(names)
            self.dropped = []
            self.note = ""

    def send_state(self, key: str | Iterable[str] | None = None) -> None:
        """Send traits to the browser; the spans go with every text, since they are other units in another text."""
        keys = {key} if isinstance(key, str) else None if key is None else set(key)
        super().send_state(keys | {"spans"} if keys and "text" in keys else keys)

    @traitlets.validate("spans")
    def _check_spans(self, proposal: traitlets.Bunch) -> list[list[int]]:
        spans: list[list[int]] = proposal["value"]
        utf16_spans(self.text, spans)
        return spans

    def _hear(self, _widget: object, content: Any, _buffers: object) -> None:
        text = content.get("edit") if isinstance(content, dict) else None
        if not isinstance(text, str) or not self.editable or self.on_edit is None:
            return
        self.notice = ""  # or the same words about the next text would not be news to the browser
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # halves of an emoji cannot be sent
        if self.limit and len(text) > self.limit:
            self.notice = f"The text has {len(text):,} characters; at most {self.limit:,} are taken."
        else:
            self.on_edit(text)
