"""A model that is called with too little says so in our words; the calls that these name work."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import polars
import pytest
import scipy.sparse
import torch
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from torch import Tensor, nn

from nbexplain import Tabular, explain
from tests.networks import seeded


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor, mask: Tensor, *, scale: float) -> Tensor:
        return self.fc(x * mask) * scale


class Inner(nn.Module):
    """Calls a part of itself with too little: it is the model that is wrong, not the call."""

    def __init__(self) -> None:
        super().__init__()
        self.part = Masked()

    def forward(self, x: Tensor) -> Tensor:
        return self.part(x)


X, MASK = torch.arange(4.0)[None], torch.tensor([[1.0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("x", "said", "call", "forward"),
    [
        (
            X,
            "also wants mask, and x is one input; give all of them, as x=(…, mask)",
            "lambda model, x: model(x, mask=…)",
            lambda model, x: model(x, mask=MASK, scale=2.0),
        ),
        (
            {"x": X},
            "also wants mask, and x has 'x'; put the others into it",
            "lambda model, x: model(**x, mask=…)",
            lambda model, x: model(**x, mask=MASK, scale=2.0),
        ),
        (
            (X, MASK),
            "also wants scale, and x is tuple; give all of them, as x=(…, scale)",
            "lambda model, *x: model(*x, scale=…)",
            lambda model, *x: model(*x, scale=2.0),
        ),
    ],
    ids=["one", "dict", "tuple"],
)
def test_what_is_missing_is_named_with_the_call_that_works(x: Any, said: str, call: str, forward: Any) -> None:
    model = seeded(Masked)
    with pytest.raises(TypeError, match=re.escape(f"x: the model {said}")) as raised:
        explain(model, x, "gradient", target=1)
    assert str(raised.value).endswith(f"forward={call}")
    found = explain(model, x, "gradient", target=1, forward=forward)
    np.testing.assert_allclose(found.values, 2 * model.fc.weight[1].detach() * MASK[0], rtol=1e-6)


def test_an_error_deeper_inside_is_the_models_own() -> None:
    with pytest.raises(RuntimeError, match=r"the model raised TypeError on an input of shape \(1, 4\): .*missing"):
        explain(Inner(), X, "gradient", target=1)


ROWS = pd.DataFrame({"a": [0.0, 1, 2, 3, 4, 5], "c": list("xyxyxy"), "d": [1, 1, 2, 2, 1, 2]})


def encoded(encoder: Any) -> Any:
    made = make_column_transformer((encoder, ["c"]), remainder="passthrough")
    return make_pipeline(made, LogisticRegression()).fit(ROWS, ROWS.a > 2)


class Embedded(nn.Module):
    """A row of `a` and of the place of `c`, of which it knows two."""

    def __init__(self) -> None:
        super().__init__()
        self.of_c, self.last = nn.Embedding(2, 3), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.cat([x[:, :1], self.of_c(x[:, 1].long())], 1))


def by_dict(frame: Any) -> Any:
    return np.array([[0.0, {"x": 1.0, "y": 2.0}[value]] for value in frame.c])


NO_Z = "row: 'c' is 'z', which does not occur in the background, expected one of 'x', 'y'"


@pytest.mark.parametrize(
    ("model", "row", "begins", "ends"),
    [
        (
            encoded(OneHotEncoder()),
            {"a": 1.0, "c": "z", "d": 1},
            f"{NO_Z}; to take others too, fit the model with OneHotEncoder(handle_unknown='ignore'); "
            "the model raised ValueError: ",
            "Found unknown categories ['z'] in column 0 during transform",
        ),
        (
            encoded(OrdinalEncoder()),
            {"a": 1.0, "c": "z", "d": 1},
            f"{NO_Z}; to take others too, fit the model with OrdinalEncoder(handle_unknown='use_encoded_value', "
            "unknown_value=-1); the model raised ValueError: ",
            "Found unknown categories ['z'] in column 0 during transform",
        ),
        (by_dict, {"a": 1.0, "c": "z", "d": 1}, f"{NO_Z}; the model raised ", "KeyError: 'z'"),
        (by_dict, {"a": np.nan, "c": "z", "d": 1}, f"{NO_Z}; the model raised ", "KeyError: 'z'"),
        (Embedded(), {"a": 1.0, "c": "z", "d": 1}, f"{NO_Z}; the model raised ", "index out of range in self"),
        (
            LogisticRegression().fit(ROWS[["a", "d"]], ROWS.a > 2),
            {"a": np.nan, "d": 1},
            "row: 'a' is missing, which does not occur in the background, expected a value; the model raised "
            "ValueError: Input X contains NaN",
            "",
        ),
    ],
    ids=["one-hot", "ordinal", "callable", "one of two", "network", "missing"],
)
def test_a_value_that_the_background_lacks_and_the_model_does_not_take_is_named(
    model: Any, row: dict[str, Any], begins: str, ends: str
) -> None:
    given = Tabular(row, ROWS[list(row)] if not isinstance(model, nn.Module) else ROWS)
    with pytest.raises(ValueError, match=re.escape(begins)) as raised:
        explain(model, given, "exact_shap", target=1)
    assert str(raised.value).startswith(begins)
    assert str(raised.value).endswith(ends)


ZONES = pd.DataFrame({"zone": [101, 205, 330] * 4, "rooms": [1, 2, 3, 4] * 3})


def zoned(encoder: Any) -> Any:
    made = make_column_transformer((encoder, ["zone"]), remainder="passthrough")
    return make_pipeline(made, LogisticRegression()).fit(ZONES, ZONES.zone == 205)


def test_a_code_that_is_a_number_is_named_as_a_word_is() -> None:
    row = {"zone": 555, "rooms": 7}  # no 7 in the background either, which the model takes
    with pytest.raises(ValueError, match="which does not occur") as raised:
        explain(zoned(OneHotEncoder()), Tabular(row, ZONES), "exact_shap", target=1)
    assert str(raised.value).startswith(
        "row: 'zone' is 555, which does not occur in the background, expected one of 101, 205, 330; to take others "
        "too, fit the model with OneHotEncoder(handle_unknown='ignore'); the model raised ValueError: Found unknown"
    )
    explain(zoned(OneHotEncoder(handle_unknown="ignore")), Tabular(row, ZONES), "exact_shap", target=1)


def test_a_number_between_codes_is_named_with_the_call_that_makes_none() -> None:
    model = zoned(OneHotEncoder())
    begins = (
        r"model: it does not take rows where 'zone' is (\d+), which does not occur in the background, expected one of "
        r"101, 205, 330; if its numbers stand for categories, which none lies between: Tabular\(…, (categories=.*\})\)"
    )
    with pytest.raises(ValueError, match=begins) as raised:
        explain(model, Tabular(ZONES.iloc[[0]], ZONES), "boundary", target=1)
    found = re.match(begins, str(raised.value))
    assert found is not None
    assert 101 < int(found[1]) < 205
    told = eval(f"dict({found[2]})")
    explain(model, Tabular(ZONES.iloc[[0]], ZONES, **told), "boundary", target=1)


def test_a_number_is_not_blamed_for_another_failure() -> None:
    def away(frame: Any) -> Any:
        raise ConnectionError("the server is away")

    with pytest.raises(RuntimeError, match="the model raised ConnectionError on an input of shape"):
        explain(away, Tabular({"zone": 555, "rooms": 1}, ZONES), "exact_shap")


def test_a_value_that_a_network_does_not_take_is_named_by_gradients_too() -> None:
    with pytest.raises(ValueError, match=re.escape(f"{NO_Z}; the model raised IndexError")):
        explain(Embedded(), Tabular({"a": 1.0, "c": "z", "d": 1}, ROWS), "input_x_gradient", target=1)


def test_an_encoder_that_is_fitted_as_the_error_says_takes_the_value() -> None:
    given = Tabular({"a": 1.0, "c": "z", "d": 1}, ROWS)
    for encoder in (
        OneHotEncoder(handle_unknown="ignore"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    ):
        model = encoded(encoder)
        found = explain(model, given, "exact_shap", target=1)
        own = model.predict_proba(pd.DataFrame({"a": [1.0], "c": ["z"], "d": [1]}))[0, 1]
        assert float(found.values.sum()) == pytest.approx(own - model.predict_proba(ROWS)[:, 1].mean())


def test_a_value_that_the_background_lacks_is_not_blamed_for_another_failure() -> None:
    def away(frame: Any) -> Any:
        raise ConnectionError("the server is away")

    def short(frame: Any) -> Any:
        return np.zeros((len(frame), 2))[: frame.c.isin(["x", "y"]).sum()]

    given = Tabular({"a": 1.0, "c": "z", "d": 1}, ROWS)
    with pytest.raises(RuntimeError, match="the model raised ConnectionError on an input of shape"):
        explain(away, given, "exact_shap", target=1)
    with pytest.raises(ValueError, match=r"^model: expected"):
        explain(short, given, "exact_shap", target=1)


def by_codes(matrix: Any) -> Any:
    codes = matrix[:, 1].tolist() if isinstance(matrix, np.ndarray) else matrix.toarray()[:, 1].tolist()
    return np.array([[0.0, {"x": 1.0, "y": 2.0, 4: 3.0, 5: 4.0}[code]] for code in codes])


def by_words(frame: Any) -> Any:
    return np.array([[0.0, {"x": 1.0, "y": 2.0}[word]] for word in frame["c"].to_list()])


WITH_Z = pd.concat([ROWS, pd.DataFrame({"a": [6.0, 7.0], "c": ["z", None], "d": [1, 2]})], ignore_index=True)


@pytest.mark.parametrize(
    ("model", "table", "said"),
    [
        (
            encoded(OneHotEncoder()),
            WITH_Z[:7],
            "'c' is 'z' in 1 of 7 rows, which the model does not take; leave these rows, and their labels out: "
            "background=table[~table['c'].isin(['z'])]; to take others too, fit the model with "
            "OneHotEncoder(handle_unknown='ignore'); the model raised ValueError: Found unknown",
        ),
        (
            by_words,
            WITH_Z,
            "'c' is 'z', missing in 2 of 8 rows, which the model does not take; leave these rows, and their labels "
            "out: background=table[~table['c'].isin(['z']) & table['c'].notna()]; the model raised KeyError: ",
        ),
        (
            by_words,
            polars.DataFrame({**WITH_Z.to_dict("list"), "c": [*"xyxyxyz", None]}),
            "'c' is 'z', missing in 2 of 8 rows, which the model does not take; leave these rows, and their labels "
            "out: background=table.filter(~table['c'].is_in(['z']), table['c'].is_not_null()); the model raised Key",
        ),
        (
            by_codes,
            WITH_Z[:7].to_numpy(dtype=object),
            "'feature 1' is 'z' in 1 of 7 rows, which the model does not take; leave these rows, and their labels "
            "out: background=table[~numpy.isin(table[:, 1], ['z'])]; the model raised KeyError: 'z'",
        ),
        (
            by_codes,
            scipy.sparse.csr_matrix([[0, 4, 1], [1, 5, 0], [2, 4, 1], [3, 9, 1], [1, 8, 3], [0, 9, 0]]),
            "'feature 1' is 8, 9 in 3 of 6 rows, which the model does not take; leave these rows, and their labels "
            "out: background=table[~numpy.isin(table[:, [1]].toarray()[:, 0], [8, 9])]; the model raised KeyError: ",
        ),
    ],
    ids=["pandas", "missing", "polars", "array", "sparse"],
)
def test_a_value_of_the_background_that_the_model_does_not_take_is_named_with_the_call_that_leaves_it_out(
    model: Any, table: Any, said: str
) -> None:
    row = table[:1] if isinstance(table, (pd.DataFrame, polars.DataFrame)) else table[[0]]
    labels = np.arange(table.shape[0]) % 2
    with pytest.raises(ValueError, match=r"^background: ") as raised:
        explain(model, Tabular(row, table, labels=labels), "exact_shap", target=1)
    assert str(raised.value).startswith(f"background: {said}")
    call = str(raised.value).split("background=")[1].partition(";")[0]
    background = eval(call, {"table": table, "numpy": np})
    found = explain(model, Tabular(row, background), "exact_shap", target=1)
    scores = np.asarray(model.predict_proba(background) if hasattr(model, "predict_proba") else model(background))
    own = np.asarray(model.predict_proba(row) if hasattr(model, "predict_proba") else model(row))
    assert float(found.values.sum()) == pytest.approx(own[0, 1] - scores[:, 1].mean())


def test_rows_of_the_background_are_not_blamed_for_another_failure() -> None:
    calls = []

    def away(frame: Any) -> Any:
        calls.append(len(frame))
        if len(calls) > 3:
            raise ConnectionError("the server is away")
        return np.zeros((len(frame), 2))

    with pytest.raises(RuntimeError, match="the model raised ConnectionError on an input of shape"):
        explain(away, Tabular(WITH_Z[:1], WITH_Z[:7]), "exact_shap", target=1)


def test_of_very_many_values_that_the_model_does_not_take_some_are_named() -> None:
    table = pd.DataFrame({"a": np.arange(3000.0), "c": [f"id {n}" for n in range(3000)]})
    known = {"id 0", *(f"id {n}" for n in range(1, 3000, 2))}

    def model(frame: Any) -> Any:
        if not set(frame["c"]) <= known:
            raise KeyError("c")
        return np.zeros((len(frame), 2))

    with pytest.raises(ValueError, match=r"^background: 'c' is 'id \d+', ") as raised:
        explain(model, Tabular(table[:1], table), "exact_shap", target=1)
    assert ", … in " in str(raised.value)
    assert "which the model does not take; leave these rows out; the model raised" in str(raised.value)


def run_as_said(model: Any, row: Any, table: Any, said: str) -> np.ndarray:
    """The attributions once the call of an error has been pasted."""
    call = said.split("background=")[1].partition(";")[0]
    found = explain(model, Tabular(row, eval(call, {"table": table, "numpy": np})), "exact_shap", target=1)
    return found.values


PLACES = pd.DataFrame({"country": ["IT", "NO"] * 6, "city": ["Rome", "Oslo"] * 6, "a": np.arange(12.0)})


def by_place(frame: Any) -> Any:
    known = {("IT", "Rome"): 1.0, ("NO", "Oslo"): 2.0, ("SE", "Malmö"): 3.0}
    return np.array([[0.0, known[one, other] + a] for one, other, a in zip(frame.country, frame.city, frame.a)])


@pytest.mark.parametrize("row", [PLACES[:1], {"country": "SE", "city": "Malmö", "a": 1.0}], ids=["held", "new"])
def test_columns_that_do_not_go_together_are_named_and_no_row_is_blamed(row: Any) -> None:
    assert len(by_place(PLACES)) == 12
    with pytest.raises(ValueError, match=r"^model: it takes the row as it is, but not mixed with others in ") as raised:
        explain(by_place, Tabular(row, PLACES), "exact_shap", target=1)
    assert "'country', 'city': it refuses rows whose columns do not go together" in str(raised.value)
    assert "leave these rows" not in str(raised.value)
    assert "background=" not in str(raised.value)


def test_a_code_that_is_taken_in_its_own_row_alone_is_not_left_out() -> None:
    spans = pd.DataFrame({"start": [5, 1, 0, 3, 7], "end": [6, 2, 4, 9, 8]})

    def model(frame: Any) -> Any:
        if (frame.start > frame.end).any():
            raise ValueError("start must not be after end")
        return np.stack([frame.start, frame.end], 1).astype(float)

    with pytest.raises(ValueError, match="it refuses rows whose columns do not go together"):
        explain(model, Tabular(spans[:1], spans), "exact_shap", target=1)
    other = pd.DataFrame({"start": [1, 2, 3], "end": [5, 6, 7]})
    with pytest.raises(ValueError, match=r"^model: it takes the row as it is, but not mixed with others in 'start'"):
        explain(model, Tabular({"start": 6, "end": 8}, other), "exact_shap", target=1)
    with pytest.raises(ValueError, match=r"'start' at \d, model: it takes the row"):
        explain(model, Tabular(spans[:1], spans), "partial_dependence", column="start")


def test_a_value_along_which_a_curve_runs_is_named_once() -> None:
    with pytest.raises(ValueError, match=r"^background: 'c' is 'z' in 1 of 7 rows") as raised:
        explain(by_words, Tabular(WITH_Z[:1], WITH_Z[:7]), "partial_dependence", column="c")
    assert str(raised.value).count("background: ") == 1


def test_a_value_of_row_and_background_is_named_as_that_of_both() -> None:
    begins = "row and background: 'c' is 'z' in the row, and 'z' in 1 of 7 rows, which the model does not take; explain"
    with pytest.raises(ValueError, match=re.escape(begins)) as raised:
        explain(encoded(OneHotEncoder()), Tabular(WITH_Z[6:7], WITH_Z[:7]), "exact_shap", target=1)
    found = run_as_said(encoded(OneHotEncoder()), ROWS[:1], WITH_Z[:7], str(raised.value))
    right = explain(encoded(OneHotEncoder()), Tabular(ROWS[:1], ROWS), "exact_shap", target=1)
    np.testing.assert_allclose(found, right.values)


def test_of_several_values_of_row_and_background_one_is_named() -> None:
    table = pd.DataFrame({"a": np.arange(8.0), "b": list("xyxyxyxz"), "c": list("xxyyxxyz")})

    def model(frame: Any) -> Any:
        if (frame[["b", "c"]] == "z").any(axis=None):
            raise KeyError("z")
        return np.stack([frame.a, frame.b == "x"], 1).astype(float)

    with pytest.raises(ValueError, match=r"^row and background: 'b' is 'z' in the row, and 'z' in 1 of 8 rows"):
        explain(model, Tabular(table[7:], table), "exact_shap", target=1)


@pytest.mark.parametrize("odd", ["c0", "c13", "c29"])
def test_one_of_very_many_columns_is_found(odd: str) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({f"c{n}": rng.choice(["x", "y"], 20) for n in range(30)})
    known = table.copy()
    table.loc[3, odd] = "z"

    def model(frame: Any) -> Any:
        if (frame == "z").any(axis=None):
            raise KeyError("z")
        return np.stack([(frame == one).mean(axis=1) for one in "xy"], 1)

    asked = {"method": "permutation_shap", "target": 1}
    with pytest.raises(ValueError, match=f"^background: '{odd}' is 'z' in 1 of 20 rows") as raised:
        explain(model, Tabular(table[:1], table), **asked)
    left = eval(str(raised.value).split("background=")[1].partition(";")[0], {"table": table})
    found = explain(model, Tabular(table[:1], left), **asked)
    right = explain(model, Tabular(known[:1], known.drop(3)), **asked)
    np.testing.assert_allclose(found.values, right.values)
    with pytest.raises(ValueError, match=f"^row: '{odd}' is 'z', which does not occur in the background"):
        explain(model, Tabular(table[3:4], known), **asked)


def test_rows_of_polars_without_a_value_stay() -> None:
    table = polars.DataFrame({"a": [0.0, 1, 2, 3, 4, 9], "c": ["x", "y", None, None, "x", "z"]})

    def model(frame: Any) -> Any:
        known = {"x": 1.0, "y": 2.0, None: 5.0}
        return np.array([[0.0, a + known[word]] for a, word in frame.rows()])

    with pytest.raises(ValueError, match=r"^background: 'c' is 'z' in 1 of 6 rows") as raised:
        explain(model, Tabular(table[:1], table), "exact_shap", target=1)
    found = run_as_said(model, table[:1], table, str(raised.value))
    right = explain(model, Tabular(table[:1], table[:5]), "exact_shap", target=1)
    np.testing.assert_allclose(found, right.values)


@pytest.mark.parametrize(
    ("values", "odd", "said"),
    [
        (pd.date_range("2020-01-01", periods=3), pd.Timestamp("2021-05-05"), "2021-05-05"),
        (pd.period_range("2020-01", periods=3, freq="M"), pd.Period("2021-05", "M"), "2021-05"),
        (pd.to_timedelta([1, 2, 3], unit="D"), pd.Timedelta(days=9), "9 d"),
        ([2**60 + 1, 2**60 + 2, 2**60 + 3], 2**60 + 7, str(2**60 + 7)),
    ],
    ids=["date", "period", "duration", "id"],
)
def test_times_and_long_ids_are_written_as_they_are(values: Any, odd: Any, said: str) -> None:
    known = {value: float(place) for place, value in enumerate(values)}
    table = pd.DataFrame({"a": np.arange(6.0), "c": pd.Series([*values, *values[:2], odd])})

    def model(frame: Any) -> Any:
        return np.array([[0.0, a + known[value]] for a, value in zip(frame.a, frame.c)])

    with pytest.raises(ValueError, match=f"^background: 'c' is {said} in 1 of 6 rows") as raised:
        explain(model, Tabular(table[:1], table), "exact_shap", target=1)
    if not isinstance(odd, int):
        assert "background=" not in str(raised.value)
        return
    right = explain(model, Tabular(table[:1], table[:5]), "exact_shap", target=1)
    np.testing.assert_allclose(run_as_said(model, table[:1], table, str(raised.value)), right.values)


PLAIN = np.array([[0.0, 1], [1, 2], [2, 1], [3, 2], [4, 1], [5, 9]])


def by_numbers(table: Any) -> Any:
    held = table.toarray() if scipy.sparse.issparse(table) else np.asarray(table, dtype=float)
    return np.array([[0.0, a + {1.0: 1.0, 2.0: 3.0}[code]] for a, code in held.tolist()])


@pytest.mark.parametrize(
    ("table", "has_call"),
    [
        (pd.DataFrame(PLAIN, columns=[10, 20]), True),
        (pd.DataFrame(PLAIN, columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])), True),
        (pd.DataFrame(PLAIN, columns=pd.to_datetime(["2020", "2021"])), False),
        (PLAIN.tolist(), False),
        (np.matrix(PLAIN), False),
        (torch.tensor(PLAIN), True),
        (scipy.sparse.csr_array(PLAIN), True),
        (scipy.sparse.coo_matrix(PLAIN), False),
    ],
    ids=["numbers", "levels", "times", "list", "matrix", "tensor", "csr", "coo"],
)
def test_only_a_call_that_runs_is_named(table: Any, has_call: bool) -> None:
    row = table[:1] if isinstance(table, pd.DataFrame) else PLAIN[0]
    with pytest.raises(ValueError, match=r"^background: .* is 9 in 1 of 6 rows, which the model does not") as raised:
        explain(by_numbers, Tabular(row, table), "exact_shap", target=1)
    assert ("background=" in str(raised.value)) == has_call
    if has_call:
        right = explain(by_numbers, Tabular(PLAIN[0], PLAIN[:5]), "exact_shap", target=1)
        np.testing.assert_allclose(run_as_said(by_numbers, row, table, str(raised.value)), right.values)


def test_an_array_beside_a_named_row_is_not_sliced_by_names() -> None:
    with pytest.raises(ValueError, match=r"^background: 'b' is 9 in 1 of 6 rows") as raised:
        explain(by_numbers, Tabular(pd.Series({"a": 0.0, "b": 1.0}), PLAIN), "exact_shap", target=1)
    assert "background=" not in str(raised.value)
