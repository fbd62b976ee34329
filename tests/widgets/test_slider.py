"""The slider: nothing that came from the browser goes back there."""

from __future__ import annotations

import pytest
from traitlets import TraitError

from nbexplain.widgets.slider import Slider
from tests.widgets.comm import Line, from_browser


@pytest.fixture
def slider():
    slider = Slider(label="Channels off", high=96, choices=["most", "least"], choice="most")
    yield slider
    slider.close()


def test_what_the_browser_writes_is_heard_and_not_echoed(slider, monkeypatch):
    heard = []
    slider.observe(lambda change: heard.append((change["name"], change["new"])), names=["value", "choice"])
    line = Line(slider, monkeypatch)
    from_browser(slider, value=7)
    from_browser(slider, choice="least")
    assert heard == [("value", 7), ("choice", "least")]
    assert line.state == []


def test_what_the_kernel_writes_is_sent(slider, monkeypatch):
    line = Line(slider, monkeypatch)
    slider.value, slider.high, slider.disabled = 12, 64, True
    assert line.state == [{"value": 12}, {"high": 64}, {"disabled": True}]


@pytest.mark.parametrize(("name", "value"), [("value", 1.5), ("step", 0)])
def test_what_is_no_whole_number_is_refused(slider, name, value):
    with pytest.raises(TraitError, match=name):
        setattr(slider, name, value)
