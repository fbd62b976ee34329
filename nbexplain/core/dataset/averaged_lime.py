"""LIME over many rows: how large the weight of each column is on average."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated

import numpy as np
from torch import Tensor

from nbexplain.core import target as targets
from nbexplain.core.dataset.rows import Rows, Seed, drawn, table_of
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.formatting import counted
from nbexplain.core.methods.lime import too_far, too_few
from nbexplain.core.methods.lime_rows import Drawn
from nbexplain.core.methods.local_fit import Fit, fit
from nbexplain.core.methods.sampling_error import error_of_mean_size, few_rows
from nbexplain.core.registry import Choice, Range, method
from nbexplain.core.row_filter import ALL_ROWS, Where
from nbexplain.core.subject import Subject
from nbexplain.core.table.matching import few, matching
from nbexplain.core.table.prices import of_rows
from nbexplain.inputs.table_masker import needed

_PAUSE = 0.1  # seconds between two pictures

_Row = tuple[np.ndarray, np.ndarray, Tensor]  # design (n, F) and distances (n,) of the samples, their scores (n, K)


@method(
    label="LIME over rows",
    paper="Ribeiro et al. 2016, arXiv:1602.04938",
    over_rows=True,
    kinds=("table",),
    price=of_rows(lambda table, params: params["samples"]),
)
def averaged_lime(
    subject: Subject,
    target: Target,
    *,
    rows: Rows = 100,
    where: Where = ALL_ROWS,
    samples: Annotated[int, Range("how many changed rows are tried for each row", 10, 5000, step=10)] = 200,
    bins: Annotated[
        str, Choice("what the linear model sees of a number", ("quartile", "value"), kinds=("table",))
    ] = "quartile",
    table_width: Annotated[
        float, Range("how far samples count, times the root of the number of columns", 0.05, 5.0, 0.05, ("table",))
    ] = 0.75,
    seed: Seed = 0,
) -> Iterator[Explanation]:
    """The mean size of LIME's weight of each column, over many rows of the background.

    Values are (feature,), the mean of |weight| in units of the score, each row explained as `lime` explains one, from
    samples of its own. The sampling error within a row makes |weight| larger on average: a column that does not matter
    is not at zero, but at about that error. `standard_error` is for other rows and other samples: the spread over the
    rows, what the sampling errors add to |weight|, and what the penalty takes away; 95 % of the intervals value ± 1.96
    errors hold what all rows and very many samples would give. The samples are kept, so that the next class costs fits
    only.

    Raises
    ------
    ValueError
        If there are not two rows, none matches, one holds infinity, which LIME cannot draw from, or a score is not
        finite.
    """
    table = table_of(subject)
    if len(needed(table)) < 2:
        raise ValueError("background: LIME draws from the spread of the rows and needs at least two, got one")
    among = matching(subject, where)
    numbers = drawn(table, rows, seed, among)
    count = len(table.columns)
    width = table_width * count**0.5
    notes = (
        *few(where, among),
        *few_rows(len(numbers), len(among)),
        *[too_few(samples, count, "column")] * (samples <= count + 1),
    )
    key = ("averaged_lime", samples, bins, seed, where)
    known: list[_Row] = list(subject.kept(key) or ())
    near = Drawn(subject, bins, seed) if len(known) < len(numbers) else None
    fits: list[Fit] = []
    shown = -np.inf
    for place, number in enumerate(numbers):
        if place == len(known):
            assert near is not None, "some row is not known yet"
            around = near.around(needed(table)[number], seed + 1000 * (place + 1))
            design = around.design(samples)
            known.append((design, around.distances(design), around.scores(0, samples)))
            subject.keep(key, tuple(known), sum(part.nbytes for row in known for part in row))
        design, distances, scores = known[place]
        values = targets.score(scores, target).double().cpu().numpy()
        if not np.isfinite(values).all():
            raise ValueError(f"scores: near row {number} of the background a score is NaN or infinite")
        fits.append(fit(design, values, distances, width))
        if place + 1 == len(numbers) or time.perf_counter() - shown > _PAUSE:
            yield Explanation(
                values=np.mean([np.abs(one.weights) for one in fits], axis=0),
                axes=("feature",),
                on="features",
                signed=False,
                features=np.arange(len(table.columns)),
                names=table.names,
                standard_error=_errors(fits) if len(fits) > 1 else None,
                quantity="mean |LIME weight|",
                details={"rows": len(fits)},
                warnings=(*notes, *_far(fits, samples)),
                progress=(place + 1) / len(numbers),
            )
            shown = time.perf_counter()


def _far(fits: list[Fit], samples: int) -> tuple[str, ...]:
    """What must be said where near some rows hardly a sample counts."""
    near = [one.near for one in fits if too_far(one.near, samples, len(one.weights))]
    if not near:
        return ()
    return (
        f"near {counted(len(near), 'row', len(fits))} too few samples are near enough to count, as few as "
        f"{min(near):,.1f} of {samples:,}, to tell what {len(fits[0].weights):,} columns weigh: choose a larger "
        "table_width",
    )


def _errors(fits: list[Fit]) -> np.ndarray:
    """Standard errors (features,) of the mean of |weight|."""
    weights, errors, shrunk = (
        np.array([getattr(one, part) for one in fits]) for part in ("weights", "errors", "shrunk")
    )
    return error_of_mean_size(weights, errors, shrunk)
