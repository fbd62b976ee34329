"""Classes that are called by numbers: which number a name is, and what labels then mean."""

from __future__ import annotations

from typing import Any

import pytest

from nbexplain.core.called import number_called, plain_name, values_called
from nbexplain.core.target import called_like


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("1", 1),
        ("-1", -1),
        ("class 2", 2),
        ("1.0", 1.0),
        ("2.5e1", 25.0),
        ("True", True),
        ("class False", False),
        ("1152921504606846977", 2**60 + 1),
        ("cat", None),
        ("nan", None),
        ("inf", None),
        ("1 star", None),
        ("class cat", None),
        ("", None),
    ],
)
def test_a_name_may_be_a_number(name: str, number: Any) -> None:
    found = number_called(name)
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (["cat", "dog"], [0, 1]),
        (["0", "1", "2"], [0, 1, 2]),
        (["class 0", "class 1"], [0, 1]),
        (["False", "True"], [0, 1]),
        (["0", "1", "A", "B"], [0, 1, 2, 3]),  # of what is written by hand: digits, then letters
        (["1", "0"], [1, 0]),
        (["class 1", "class 2", "class 3"], [1, 2, 3]),
        (["True", "False"], [True, False]),
        (["10.0", "20.0"], [10.0, 20.0]),
        (["1", "other"], [1, "other"]),
        (["1", "1.0"], ["1", "1.0"]),  # 1 is neither
        (["1", "True"], [1, True]),  # two labels, as they are told apart
    ],
)
def test_places_are_labels_unless_another_number_is_a_name(names: list[str], values: list[Any]) -> None:
    found = values_called(names)
    assert found == values
    assert list(map(type, found)) == list(map(type, values))


def test_the_same_number_is_the_same_name() -> None:
    assert plain_name("1") == plain_name("1.0") == plain_name("True") == plain_name("class 1")
    assert plain_name("1152921504606846976") != plain_name("1152921504606846977")  # one float64
    assert plain_name("0.5") == "0.5"
    assert plain_name("nan") == "nan"


@pytest.mark.parametrize(
    ("number", "names", "other"),
    [
        (1, ["1", "0"], "1"),
        (1, ["class 1", "class 2"], "class 1"),
        (1, ["1.0", "2.0"], "1.0"),
        (1, ["True", "False"], "True"),
        (1, ["0", "1"], None),
        (1, ["False", "True"], None),
        (1, ["cat", "dog"], None),
        (True, ["1", "0"], None),
    ],
)
def test_a_target_that_is_a_place_may_be_called_like_another(number: Any, names: list[str], other: str | None) -> None:
    assert called_like(number, names) == other
