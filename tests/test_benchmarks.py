"""The benchmarks can be run: a part that is named but cannot be imported is found out by nobody for long."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.benchmarks.__main__ import LONG, PARTS


@pytest.mark.parametrize("part", PARTS)
def test_every_part_can_be_imported(part: str) -> None:
    assert callable(import_module(f"tests.benchmarks.{part}").rows)


def test_long_parts_are_parts() -> None:
    assert set(LONG) <= set(PARTS)
