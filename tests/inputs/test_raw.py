"""Data frames and texts that came without their wrapper: the error tells the call that works."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

import nbexplain as nx

FRAME = pd.DataFrame({"a": [1.0, 2, 3], "b": [1.0, 2, 3]})
WAYS = {
    "explain": lambda model, x: nx.explain(model, x, "lime"),
    "TabularExplorer": nx.TabularExplorer,
    "TextExplorer": nx.TextExplorer,
    "explore": nx.explore,
    "Session": nx.Session,
}


def model(x: Any) -> np.ndarray:
    return np.zeros(len(x))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (FRAME, r"x: .* got a table of 3 rows; try Tabular\(x\.iloc\[\[0\]\], background=x\)"),
        (
            pl.from_pandas(FRAME.astype(object).astype(float)),
            r"a table of 3 rows; try Tabular\(x\[0\], background=x\)",
        ),
        (sparse.csr_matrix(np.eye(3)), r"a table of 3 rows; try Tabular\(x\[0\], background=x\)"),
        (FRAME.iloc[0], r"got a series; try Tabular\(x, background=table\)"),
        (FRAME.iloc[[0]], r"got one row; try Tabular\(x, background=table\)"),
    ],
)
def test_tables(x: Any, message: str, way: Any) -> None:
    with pytest.raises(TypeError, match=message):
        way(model, x)


def test_a_list_of_tables() -> None:
    with pytest.raises(
        TypeError, match=r"inputs\[0\]: a table is explained row by row, .* try Tabular\(inputs\[0\]\.iloc"
    ):
        nx.TabularExplorer(model, [FRAME, FRAME])


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_texts(way: Any) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"no file 'the movie is good'; if it is a text: Text\('the movie is good'\)"
    ):
        way(model, "the movie is good")
    with pytest.raises(FileNotFoundError, match=r"no file 'good good .*…'; if it is a text: Text\("):
        way(model, "good " * 2000)  # longer than any name of a file
    with pytest.raises(FileNotFoundError, match=r"there is no file 'dog\.png'$"):
        way(model, "dog.png")


def test_a_list_of_texts() -> None:
    with pytest.raises(FileNotFoundError, match=r"inputs\[1\]: there is no file 'it is good'; if it is a text: Text\("):
        nx.TextExplorer(model, [nx.Text("it is bad"), "it is good"])


def test_a_transform_may_take_a_table() -> None:
    import torch

    net = torch.nn.Linear(2, 1)
    found = nx.explain(
        net, FRAME.iloc[[0]], "gradient", preprocess=lambda f: torch.tensor(f.to_numpy(), dtype=torch.float)
    )
    np.testing.assert_allclose(found.values, net.weight[0].detach().numpy())
