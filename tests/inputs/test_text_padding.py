"""Padding that a tokenizer makes by itself, seen from ids alone or from a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nbexplain import Text


def signs(text: str) -> list[int]:
    return [*map(ord, text)]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("step", [4, 8, 16])
def test_multiples_are_seen_where_words_have_many_tokens(step: int, side: str, masked: bool) -> None:
    def read(text: str) -> Any:
        ids, more = signs(text), -len(text) % step
        filled, mask = ids + [0] * more, [1] * len(ids) + [0] * more
        if side == "left":
            filled, mask = [0] * more + ids, [0] * more + [1] * len(ids)
        return {"input_ids": filled, "attention_mask": mask} if masked else filled

    text = "wonderful film so"
    x = Text(text, read)
    assert x.padded is not None
    assert (x.padded.step, x.padded.side, x.padded.id) == (step, side, 0)
    inside = x.masker().features[~x.padded.places]
    assert inside.tolist() == [0] * 9 + [1] * 5 + [2] * 3
    keep = np.array([[True, True, False], [True, False, False], [False, False, True]])
    lengths = [batch.shape[1] for rows, batch in x.masker().batches(keep) for _ in rows]
    assert sorted(lengths) == sorted(-(-count // step) * step for count in (14, 9, 3))


@pytest.mark.parametrize(
    "read",
    [
        lambda text: [1, *signs(text)],
        lambda text: [1, *signs(text), 2],
        lambda text: [1, *signs(text), 2, 2],
        lambda text: [7] * len(text.split()),
        lambda text: [len(word) for word in text.split()],
    ],
)
@pytest.mark.parametrize("text", ["0 0 0 0", "00", "a film 0", "good", "good good good"])
def test_the_same_ids_at_the_end_are_no_padding(read: Any, text: str) -> None:
    assert Text(text, read).padded is None


def test_lengths_that_double_are_not_taken_for_multiples() -> None:
    def read(text: str) -> list[int]:
        ids = [len(word) for word in text.split()]
        return ids + [0] * ((8 if len(ids) <= 8 else 16 if len(ids) <= 16 else 32) - len(ids))

    found = Text(" ".join(["film", "good"] * 9), read).padded  # 18 of 32, which would be 24
    assert found is None
    found = Text("a good film", read).padded
    assert found is not None
    assert (found.step, int(found.places.sum())) == (8, 5)


def test_what_ends_each_text_may_fill_it_up_too() -> None:
    x = Text("a good film", lambda text: ([1, *map(len, text.split())] + [2] * 12)[:12])
    assert x.padded is not None
    assert (x.padded.step, x.padded.id) == (12, 2)
    assert x.masker().features.tolist() == [-1, 0, 1, 2, *[-1] * 8]
