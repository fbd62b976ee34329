"""Whole numbers that a float64 does not hold: a model gets the very ones, whatever the table is made of."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse

from nbexplain import Subject, Tabular, explain
from nbexplain.core.row_filter import RowFilter
from nbexplain.core.table.matching import matching
from nbexplain.core.twin import twin
from nbexplain.inputs.table_exact import apart, numbers_of

N = 20
IDS = 2**60 + np.arange(N)
PLAIN = np.stack([IDS, np.arange(N)], 1)


def objects(first: Any) -> np.ndarray:
    held = np.empty((N, 2), dtype=object)
    held[:] = [[value, place] for place, value in enumerate(first)]
    return held


TABLES: dict[str, Any] = {
    "array": PLAIN,
    "negative": -PLAIN,
    "uint64": PLAIN.astype(np.uint64) * np.uint64(15),
    "the largest there are": np.stack([2**63 - 1 - np.arange(N), np.arange(N)], 1),
    "list": PLAIN.tolist(),
    "tuples": [tuple(row) for row in PLAIN.tolist()],
    "objects": PLAIN.astype(object),
    "large ints": objects([10**25 + place for place in range(N)]),
    "large ints, none of them small": objects([-(10**25) - 3 * place for place in range(N)]),
    "ints of numpy": objects(list(IDS)),
    "ints and floats": objects([2**60 + place if place % 2 else 0.5 * place for place in range(N)]),
    "fractions": objects([Fraction(10**30 + place, 10**15) for place in range(N)]),
    "decimals": objects([Decimal(10**25 + place) / 7 for place in range(N)]),
    "tensor": torch.from_numpy(PLAIN),
    "masked, nothing of it": np.ma.masked_array(PLAIN),
    "masked": np.ma.masked_array(PLAIN, PLAIN == 7),
    "sparse": sparse.csr_matrix(PLAIN),
    "frame": pd.DataFrame(PLAIN),
    "frame of objects": pd.DataFrame(objects([10**25 + place for place in range(N)])),
    "Int64": pd.DataFrame(PLAIN).astype("Int64"),
    "polars": pl.DataFrame(PLAIN),
    "Int128": pl.DataFrame({"a": pl.Series([2**100 + place for place in range(N)], dtype=pl.Int128), "b": range(N)}),
}


def ids(table: Any) -> list[Any]:
    """The values of the first column, as Python's."""
    if hasattr(table, "iloc"):
        return table.iloc[:, 0].tolist()
    if isinstance(table, pl.DataFrame):
        return table[:, 0].to_list()
    table = table.toarray() if sparse.issparse(table) else table
    return np.asarray(table)[:, 0].tolist() if not isinstance(table, list) else [row[0] for row in table]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_the_model_gets_the_very_numbers(table: Any) -> None:
    def remainder(rows: Any) -> np.ndarray:
        return np.array([float(value % 7) for value in ids(rows)])

    row = table.iloc[[5]] if hasattr(table, "iloc") else table[5]
    given = Tabular(row, table)
    assert given.background is not None
    assert ids(given.outside(torch.from_numpy(given.background))) == ids(table)
    assert len(np.unique(given.background[:, 0])) == len(set(ids(table)))
    answer = explain(remainder, given, "exact_shap")
    own = float(ids(table)[5] % 7)
    assert answer.score == own
    np.testing.assert_allclose(answer.values, [own - np.mean([float(value % 7) for value in ids(table)]), 0], atol=1e-6)
    assert not answer.warnings


@pytest.mark.parametrize("where", ["array", "objects", "list", "frame", "polars"])
def test_a_row_that_the_background_has_not_is_none_of_its_numbers(where: str) -> None:
    even = PLAIN[::2]
    table = {
        "array": even,
        "objects": even.astype(object),
        "list": even.tolist(),
        "frame": pd.DataFrame(even, columns=["a", "b"]),
        "polars": pl.DataFrame({"a": even[:, 0], "b": even[:, 1]}),
    }[where]
    own = [2**60 + 5, 3]
    row = Tabular(own if where in ("array", "objects", "list") else {"a": own[0], "b": own[1]}, table)
    assert row.background is not None
    assert ids(row.outside(row.tensor)) == [2**60 + 5]
    assert ids(row.outside(torch.from_numpy(row.background))) == even[:, 0].tolist()
    assert int((row.background[:, 0] < row.tensor[0, 0].item()).sum()) == 3


def test_a_row_larger_than_the_dtype_of_the_background_stays_what_it_is_nearly() -> None:
    row = Tabular([2**63 + 2**12, 1], PLAIN)
    assert row.outside(row.tensor).tolist() == [[float(2**63 + 2**12), 1.0]]
    own = Tabular([np.uint64(2**64 - 1), 1], (PLAIN.astype(np.uint64)))
    assert own.outside(own.tensor).tolist() == [[2**64 - 1, 1]]


@pytest.mark.parametrize(
    "name", ["array", "negative", "list", "ints of numpy", "large ints", "frame", "Int64", "polars"]
)
def test_a_float_that_may_be_several_of_the_numbers_is_no_row(name: str) -> None:
    table, own = TABLES[name], ids(TABLES[name])[5]
    row = Tabular(table.iloc[[0]] if hasattr(table, "iloc") else table[0], table)
    with pytest.raises(ValueError, match=rf"row: '{row.names[0]}' is \S+e\+\d\d, a float.*iloc\[\[0\]\]") as raised:
        Tabular(dict(zip(row.names, [float(own), 1], strict=True)), table)
    told = int(str(raised.value).rpartition(": ")[2])
    assert told == int(float(own))
    made = Tabular(dict(zip(row.names, [told, 1], strict=True)), table)
    assert ids(made.outside(made.tensor)) == [told]


def test_a_float_is_the_one_number_that_is_rounded_to_it() -> None:
    ids_apart = [2**60, 2**60 + 1, 2**60 + 200, 2**60 + 1000]  # floats are 256 apart there
    table = np.array(ids_apart)[:, None]
    for number in (2**60 + 200, 2**60 + 1000):
        given = Tabular([float(number)], table)
        assert given.outside(given.tensor).tolist() == [[number]]
    with pytest.raises(ValueError, match="a float that 2 numbers of the background are rounded to"):
        Tabular([float(2**60)], table)
    with pytest.raises(ValueError, match="a float that none of the background is rounded to"):
        Tabular([float(2**61)], table)


def test_a_float_may_be_the_row_of_small_whole_numbers() -> None:
    for table in (np.arange(N)[:, None], np.arange(N).astype(object)[:, None]):
        assert Tabular([1e20], table).tensor.tolist() == [[1e20]]


def test_a_series_of_a_frame_has_lost_the_number() -> None:
    frame = pd.DataFrame({"id": IDS, "x": np.linspace(0, 1, N)})
    with pytest.raises(ValueError, match=r"row: 'id' is 1\.15\S+, a float"):
        Tabular(frame.iloc[3], frame)
    small = pd.DataFrame({"id": np.arange(N), "x": np.linspace(0, 1, N)})
    assert Tabular(small.iloc[3], small).tensor[0, 0] == 3


def test_parts_of_whole_numbers_beside_large_ones() -> None:
    row = Tabular(PLAIN[5], PLAIN)
    changed = row.tensor.clone()
    changed[0, 1] = 2.5
    assert row.outside(changed).tolist() == [[float(2**60), 2.5]]


@pytest.mark.parametrize("where", ["background", "row"])
def test_a_number_larger_than_a_float64_is_named(where: str) -> None:
    table = objects([10**400 if where == "background" else 1, *range(1, N)])
    with pytest.raises(ValueError, match=r"'feature 0'.* 10000000.*larger than a float64 can be"):
        Tabular([10**400 if where == "row" else 1, 1], table)


def test_numbers_side_by_side() -> None:
    found = apart(np.array([-1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 5.0]))
    up = np.nextafter
    assert found.tolist() == [-1, up(-1, 1), 0, up(0, 1), 1, up(1, 2), up(up(1, 2), 2), 5]
    assert numbers_of([2**60 + 1, 2**60, 7, 2.0**60]).tolist() == [up(2.0**60, np.inf), 2.0**60, 7, 2.0**60]


@pytest.mark.parametrize("name", ["array", "negative", "uint64", "large ints", "frame", "Int64", "polars", "Int128"])
def test_a_filter_chooses_the_very_numbers(name: str) -> None:
    table = TABLES[name]
    x = Tabular(table.iloc[[0]] if hasattr(table, "iloc") else table[0], table)
    held = ids(table)
    subject = Subject(twin(lambda rows: np.zeros(len(ids(rows))), watched=False), x)
    step = abs(held[1] - held[0])
    low, high = sorted((held[4], held[11]))
    conditions: list[tuple[Any, list[int]]] = [
        ({held[5]}, [5]),
        ({held[5], held[7], max(held) + step}, [5, 7]),
        ((low, high), list(range(4, 12))),
        ((None, high), [place for place, value in enumerate(held) if value <= high]),
        ((low, None), [place for place, value in enumerate(held) if value >= low]),
        ((low - step // 2 - 1, high + step // 2), [n for n, v in enumerate(held) if low - step // 2 - 1 <= v <= high]),
    ]
    for condition, want in conditions:
        found = matching(subject, RowFilter.of({x.names[0]: condition})).tolist()
        assert found == want
    with pytest.raises(ValueError, match="no row of the background matches"):
        matching(subject, RowFilter.of({x.names[0]: {max(held) + step}}))
