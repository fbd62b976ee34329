"""The browser's end of a widget's line, without a browser."""

from __future__ import annotations

from typing import Any

import ipywidgets
import ipywidgets.widgets.widget as widgets
import pytest


def living() -> set[str]:
    """The ids of all widget models of the process."""
    return set(widgets._instances)


def from_browser(widget: ipywidgets.Widget, **state: Any) -> None:
    """What a widget hears when its values were changed in the browser."""
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget._handle_msg({"content": {"data": data}, "buffers": []})


def command(widget: ipywidgets.Widget, content: dict[str, Any]) -> None:
    """What a widget hears when its view sends something of its own."""
    widget._handle_msg({"content": {"data": {"method": "custom", "content": content}}, "buffers": []})


class Line:
    """Everything that a widget sends to the browser from now on."""

    def __init__(self, widget: ipywidgets.Widget, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[dict[str, Any]] = []
        monkeypatch.setattr(widget.comm, "send", lambda data=None, **_: self.messages.append(data or {}))

    @property
    def state(self) -> list[dict[str, Any]]:
        """The values that were sent, echoes included, message by message."""
        return [message["state"] for message in self.messages if "state" in message]
