"""How many inputs a slow model gets in one call."""

from __future__ import annotations

import pytest

from nbexplain.core.call_size import CallSize


def sizes(by_itself: float, each: float, calls: int = 12) -> list[int]:
    """Of the calls, of which each takes some seconds by itself and some for each of its inputs."""
    size, found = CallSize(16_384), []
    size.begin(1024, by_itself + each, 1)
    found.append(size.size)
    for _ in range(calls):
        size.took(found[-1], by_itself + each * found[-1])
        found.append(min(size.size, 32_768))
    return found


@pytest.mark.parametrize(
    ("by_itself", "each", "expected"),
    [
        (0.0, 0.05, [20, 10, 5, 5]),  # nobody waits for a second
        (0.0, 2.0, [2, 1, 1]),  # two tell that both take as long
        (0.3, 0.0, [3, 12, 48, 192, 768, 3072, 12_288, 16_384, 16_384, 32_768]),  # as long for one as for a thousand
        (2.0, 0.0, [2, 8, 32, 128, 512, 2048, 8192, 16_384, 16_384, 32_768]),
        (0.0, 1e-6, [1024, 4096, 16_384, 16_384]),  # more of them would be no faster
        (1e-3, 1e-7, [999, 3996, 15_984, 16_384]),  # nor would anybody feel it, ...
        (3e-2, 1e-7, [33, 132, 528, 2112, 8448, 16_384, 16_384, 32_768]),  # ... as here
    ],
)
def test_sizes(by_itself: float, each: float, expected: list[int]) -> None:
    assert sizes(by_itself, each)[: len(expected)] == expected


@pytest.mark.parametrize("by_itself", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("each", [1e-4, 1e-3, 1e-2])
def test_the_inputs_of_a_call_take_about_as_long_as_the_call_by_itself(by_itself: float, each: float) -> None:
    last = sizes(by_itself, each)[-1]
    assert max(0.2, by_itself) / 2 <= each * last <= 2 * max(0.2, by_itself)
