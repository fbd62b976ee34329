"""The column that charts of one column show, told to the charts with a bar for each."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets

from nbexplain.runner import runner
from nbexplain.session import Session


def follow_column(column: ipywidgets.Dropdown, listener: Callable[[int], None], session: Session) -> None:
    """Call `listener` in the worker with what the chooser stands at, now and whenever it is another one."""

    def tell(_change: object = None) -> None:
        runner.later((column, listener), 0, lambda: listener(int(column.value)), owner=session)

    column.observe(tell, names=["value"])
    tell()
