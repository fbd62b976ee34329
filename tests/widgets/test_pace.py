"""Charts are drawn no faster than the page draws them, and the last of them always."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from nbexplain.runner import runner
from nbexplain.widgets import pace as pace_module
from nbexplain.widgets.pace import Pace
from tests.widgets.comm import command, living


class Drawn:
    """A pace with the browser's end of its line."""

    def __init__(self) -> None:
        self.newest = 0
        self.seen: list[int] = []
        self.pace = Pace(self, lambda: self.seen.append(self.newest))  # type: ignore[arg-type]

    def show(self, value: int) -> None:
        self.newest = value
        self.pace.draw_soon()

    def page_has_drawn(self) -> None:
        command(self.pace._array, {"drawn": self.pace._array.frame})


@pytest.fixture
def drawn() -> Iterator[Drawn]:
    before = living()
    drawn = Drawn()
    yield drawn
    assert runner.wait(drawn, 10)
    drawn.pace.close()
    assert living() == before


def test_without_a_page_all_is_drawn_at_once(drawn: Drawn) -> None:
    for value in (1, 2, 3):
        drawn.show(value)
    assert drawn.seen == [1, 2, 3]


def test_what_comes_while_the_page_draws_waits_and_only_the_newest_is_drawn(
    drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace_module, "_LOST", 60.0)
    drawn.show(1)
    drawn.page_has_drawn()
    drawn.show(2)
    for value in (3, 4, 5):
        drawn.show(value)
    assert drawn.seen == [1, 2]
    drawn.page_has_drawn()
    assert runner.wait(drawn, 10)
    assert drawn.seen == [1, 2, 5]
    drawn.page_has_drawn()
    assert runner.wait(drawn, 10)
    assert drawn.seen == [1, 2, 5]  # nothing newer


def test_a_page_that_is_gone_holds_nothing_up_for_long(drawn: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "_LOST", 0.2)
    drawn.show(1)
    drawn.page_has_drawn()
    drawn.show(2)
    begun = time.monotonic()
    drawn.show(3)
    assert drawn.seen == [1, 2]
    assert runner.wait(drawn, 10)
    assert drawn.seen == [1, 2, 3]
    assert time.monotonic() - begun > 0.15
