"""A method is declared once: its parameters, what it needs, and what a user can register in a cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import pytest

from nbexplain import METHODS, Choice, Explanation, Flag, Range, Subject, explain, method
from nbexplain.core.registry import Names, Number, find
from tests.networks import Plain, picture, seeded


def test_every_method_describes_itself() -> None:
    assert len(METHODS) >= 8
    assert len({m.label for m in METHODS.values()}) == len(METHODS)
    for key, m in METHODS.items():
        assert m.key == key
        assert m.about.endswith(".")
        assert all(p.spec.help for p in m.parameters.values())
        assert m.check_params({}) == {name: p.default for name, p in m.parameters.items()}


@pytest.mark.parametrize(
    ("spec", "kind", "value", "expected"),
    [
        (Range("", 1, 9), int, 9, 9),
        (Range("", 1, 9), int, 3.0, 3),
        (Range("", 1, 9), int, np.int64(3), 3),
        (Range("", 0.5, 9), float, 1, 1.0),
        (Range("", 0.5, 9), float, np.float32(0.5), 0.5),
        (Choice("", ("a", "b")), str, "b", "b"),
        (Flag(""), bool, True, True),
    ],
)
def test_values_in_range(spec: Any, kind: type, value: Any, expected: Any) -> None:
    checked = spec.check("name", value, kind)
    assert checked == expected
    assert type(checked) is kind


@pytest.mark.parametrize(
    ("spec", "kind", "value", "error", "message"),
    [
        (Range("", 1, 9), int, 10, ValueError, "name: expected a whole number from 1 to 9, got 10"),
        (Range("", 1, 9), int, 0, ValueError, "name: expected a whole number from 1 to 9, got 0"),
        (Range("", 1, 9), int, 2.5, ValueError, "name: expected a whole number from 1 to 9, got 2.5"),
        (Range("", 1, 9), float, float("nan"), ValueError, "name: expected a number from 1 to 9, got nan"),
        (Range("", 1, 9), float, float("inf"), ValueError, "name: expected a number from 1 to 9, got inf"),
        (Range("", 1, 9), float, "2", TypeError, "name: expected a number from 1 to 9, got '2'"),
        (Range("", 1, 9), int, True, TypeError, "name: expected a whole number from 1 to 9, got True"),
        (Range("", 1, 9), int, None, TypeError, "name: .* got None"),
        (Choice("", ("a", "b")), str, "c", ValueError, "name: expected one of 'a', 'b', got 'c'"),
        (Choice("", ("a", "b")), str, None, ValueError, "name: expected one of 'a', 'b', got None"),
        (Flag(""), bool, 1, TypeError, "name: expected True or False, got 1"),
    ],
)
def test_values_out_of_range(spec: Any, kind: type, value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        spec.check("name", value, kind)


def test_unknown_keys_are_answered_with_near_ones() -> None:
    with pytest.raises(ValueError, match="method: there is no 'gradcam'; nearest: 'grad_cam'"):
        find("gradcam")


def test_a_user_registers_a_method_in_a_cell() -> None:
    @method(label="Constant", paper="none")
    def constant(
        subject: Subject, target: Any, *, level: Annotated[float, Range("how much", 0, 1, step=0.1)] = 0.5
    ) -> Explanation:
        """The same value everywhere.

        Of no further interest.
        """
        return Explanation(values=np.full(subject.input.tensor.shape[1:], level), axes=("channel", "y", "x"))

    found = METHODS["constant"]
    assert (found.about, found.needs, found.progressive) == ("The same value everywhere.", ("target",), False)
    ours = explain(seeded(Plain), picture(), "constant", target=1, level=1)
    assert (ours.method, ours.target, ours.params) == ("constant", 1, {"level": 1.0})
    assert (ours.values == 1).all()
    with pytest.raises(ValueError, match="level: expected a number from 0 to 1, got 2"):
        explain(seeded(Plain), picture(), "constant", level=2)


def test_a_generator_is_progressive_and_its_last_picture_is_the_answer() -> None:
    @method(label="Counts")
    def counts(subject: Subject) -> Iterator[Explanation]:
        """Counts."""
        for n in (1, 2, 3):
            yield Explanation(values=np.array([n]), axes=("feature",), progress=n / 3)

    assert METHODS["counts"].progressive
    assert explain(seeded(Plain), picture(), "counts").values.tolist() == [3]


def test_declarations_that_say_too_little_are_refused() -> None:
    before = dict(METHODS)
    with pytest.raises(TypeError, match=r"steps: declare it as Annotated\[type, Range"):

        @method(label="Bad")
        def undeclared(subject: Subject, *, steps: int = 3) -> Any: ...

    with pytest.raises(TypeError, match="steps: declare it"):

        @method(label="Bad")
        def no_default(subject: Subject, *, steps: Annotated[int, Range("", 1, 5)]) -> Any: ...

    with pytest.raises(ValueError, match="steps: expected a whole number from 1 to 5, got 9"):

        @method(label="Bad")
        def default_out_of_range(subject: Subject, *, steps: Annotated[int, Range("", 1, 5)] = 9) -> Any: ...

    with pytest.raises(TypeError, match="steps: a positional parameter is one of target, layer, channel"):

        @method(label="Bad")
        def positional(subject: Subject, steps: int) -> Any: ...

    assert before == METHODS


def test_ranges_follow_the_places_of_the_input() -> None:
    occlusion = METHODS["occlusion"]
    assert occlusion.check_params({}, "picture", (224, 224))["window"] == 32
    assert occlusion.check_params({}, "picture", (60, 1)) == {"window": 9, "stride": 5, "fill": "mean"}
    assert occlusion.check_params({"window": 20}, "picture", (60, 1))["stride"] == 10
    with pytest.raises(ValueError, match="window: expected a whole number from 1 to 60 for an input of 60×1, got 61"):
        occlusion.check_params({"window": 61}, "picture", (60, 1))
    window, stride, depth, fill = occlusion.fitted("volume", (8, 16, 16))
    assert isinstance(fill.spec, Choice)
    assert fill.spec.options == ("mean", "zero")
    assert [p.name for p in (window, stride, depth, fill)] == ["window", "stride", "depth", "fill"]
    assert (window.default, window.spec.high) == (5, 16)  # type: ignore[union-attr]
    assert (stride.default, stride.spec.high) == (3, 16)  # type: ignore[union-attr]
    assert (depth.default, depth.spec.high) == (3, 8)  # type: ignore[union-attr]
    assert METHODS["occlusion"].parameters["window"].spec.high > 16  # type: ignore[union-attr]


def test_superpixels_follow_the_pixels() -> None:
    for places, count, most in (((224, 224), 50, 500), ((28, 28), 50, 500), ((8, 8), 16, 64), ((60, 1), 15, 60)):
        first = METHODS["lime"].fitted("picture", places)[0]
        assert (first.name, first.default, first.spec.high) == ("superpixels", count, most)  # type: ignore[union-attr]
    assert METHODS["exact_shap"].fitted("picture", (4, 4))[0].default == 4


def test_what_must_be_given_for_the_others_to_follow() -> None:
    occlusion, places = METHODS["occlusion"], (28, 28)
    for given in ({}, {"window": 8}, {"stride": 1}, {"window": 8, "stride": 3}, {"window": 4}, {"fill": "zero"}):
        params = occlusion.check_params(given, "picture", places)
        chosen = occlusion.chosen_params(params, "picture", places)
        assert chosen == {name: value for name, value in given.items() if (name, value) != ("window", 4)}
        assert occlusion.check_params(chosen, "picture", places) == params


def test_names_and_a_number_that_may_be_missing() -> None:
    names, number = Names("columns"), Number("a score")
    assert names.check("fixed", "age", tuple) == ("age",)
    assert names.check("fixed", ["age", "city", "age"], tuple) == ("age", "city")
    assert number.check("boundary", None, float) is None
    assert number.check("boundary", np.float32(0.5), float) == 0.5
    for wrong in (3, [3], None):
        with pytest.raises(TypeError, match=r"fixed: expected names such as \('age',\), got"):
            names.check("fixed", wrong, tuple)
    for wrong in ("0.5", True, float("inf")):
        with pytest.raises(TypeError, match="boundary: expected a finite number or None, got"):
            number.check("boundary", wrong, float)
