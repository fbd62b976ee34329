"""How panes stand beside each other, and how they are closed with all that belongs to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import ipywidgets

from nbexplain.core.question import Answer
from nbexplain.place import Place
from nbexplain.widgets import words

_LEAST = 270  # pixels below which a pane goes to the next row


def framed(title: str, widget: ipywidgets.Widget) -> ipywidgets.Widget:
    """A chart in the same frame, with the same kind of title, as the panes that draw their own."""
    heading = ipywidgets.Label(title, layout=ipywidgets.Layout(margin="0"))
    heading.add_class("nbx-title")
    why = ipywidgets.Label("")
    why.add_class("nbx-why")
    box = ipywidgets.VBox([heading, why, widget], layout=ipywidgets.Layout(overflow="hidden"))
    box.add_class("nbx-card")
    return box


def say_why(frame: ipywidgets.Widget, answer: Answer) -> None:
    """Say in what `framed` made why there is no new picture, until there is one, or one is on its way.

    Where nothing has been drawn, the words stand in the place of the chart.
    """
    if words.is_news(answer):
        say_in(frame, words.notice(answer))


def say_in(frame: ipywidgets.Widget, text: str) -> None:
    """Say something under the title of what `framed` made, or nothing more."""
    frame.children[1].value = text
    (frame.add_class if text else frame.remove_class)("nbx-failed")


class Notices:
    """What a pane says of the answers that it is made of: why there is none to what is asked now, or no whole one.

    Whoever shows an answer tells it here as well, or the pane would show what was there before without a word.

    Parameters
    ----------
    say
        Called in the worker with the words; with `""` as soon as all answers are whole, or on their way.
    brief
        Whether another pane says what went wrong.
    """

    def __init__(self, say: Callable[[str], None], *, brief: bool = False) -> None:
        self._say, self._words = say, words.remark if brief else words.notice
        self._said: dict[Place, str] = {}

    def tell(self, place: Place, answer: Answer, of: str = "") -> None:
        """Take over what became of a question; `of` is what it is about, where that is a part of the pane."""
        why = self._words(answer)
        if words.is_news(answer):
            self._said[place] = f"{of}: {why}" if of and why else why
            self._say(next(filter(None, self._said.values()), ""))


def notices_in(frames: Iterable[ipywidgets.Widget]) -> list[Notices]:
    """Those of the charts of one answer, made by `framed`: the first says what went wrong."""
    return [Notices(partial(say_in, frame), brief=number > 0) for number, frame in enumerate(frames)]


def put_away_undrawn(frames: Sequence[ipywidgets.Widget], answer: Answer, drawn: bool) -> None:
    """Put all charts of one answer but the first away if nothing has been `drawn` in them."""
    if words.notice(answer) and not drawn:
        for frame in frames[1:]:
            put_away(frame, True)


def put_away(frame: ipywidgets.Widget, away: bool) -> None:
    """Let a pane vanish from the page, or come back. A figure of bqplot keeps its size: without one it draws errors."""
    (frame.add_class if away else frame.remove_class)("nbx-away")


def title_of(frame: ipywidgets.Widget) -> ipywidgets.Label:
    """The heading of what `framed` made."""
    return frame.children[0]


def board(panes: Sequence[ipywidgets.Widget], *, equal: bool = False, least: int = 0) -> ipywidgets.Widget:
    """Panes beside each other as far as the page is wide; of two the second is the wider one, unless `equal`.

    With `least` none is narrower than so many pixels, and those of each row share its whole width: no place stays
    empty beside the last one, unless all are to be `equal`.
    """
    for pane in panes:
        pane.layout.min_width = "0"
    if least and not equal:
        for pane in panes:
            pane.layout.flex = f"1 1 {least}px"
        row = ipywidgets.Box(list(panes), layout=ipywidgets.Layout(flex_flow="row wrap", width="100%"))
        row.add_class("nbx-board")
        return row
    few = f"minmax({_LEAST}px, 420px) minmax({_LEAST}px, {'420px' if equal else '1fr'})"
    many = f"repeat(auto-fit, minmax(min({least or _LEAST}px, 100%), 1fr))"
    return ipywidgets.GridBox(
        list(panes),
        layout=ipywidgets.Layout(
            grid_template_columns=few if len(panes) == 2 and not least else many,
            grid_gap="8px",
            width="100%",
            align_items="stretch",
        ),
    )


def close_tree(widget: ipywidgets.Widget, spared: set[ipywidgets.Widget]) -> None:
    """Close a widget and all that its synchronised traits refer to (children, layouts, marks, scales …)."""
    if widget in spared or widget.comm is None:
        return
    spared.add(widget)
    held: list[Any] = [getattr(widget, name) for name in widget.keys]
    widget.close()
    while held:
        value = held.pop()
        if isinstance(value, ipywidgets.Widget):
            close_tree(value, spared)
        elif isinstance(value, dict):
            held.extend(value.values())
        elif isinstance(value, (list, tuple)):
            held.extend(value)
