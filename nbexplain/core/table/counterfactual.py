"""Counterfactuals: the fewest columns or words whose change changes the prediction."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
import torch

from nbexplain.core.dataset.rows import drawn, table_of
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.formatting import counted
from nbexplain.core.methods.hiding import Hide, Unit, masker_of
from nbexplain.core.registry import Names, Number, Range, method
from nbexplain.core.subject import Subject
from nbexplain.core.table.counterfactual_goal import ROWS, Goal
from nbexplain.core.table.counterfactual_moves import Combo, Hidings, Moves, Values
from nbexplain.core.table.counterfactual_price import passes_of
from nbexplain.core.table.counterfactual_search import Search, starts_of
from nbexplain.core.table.every_score import first_scores
from nbexplain.inputs import Tabular

_PAUSE = 0.2  # seconds between two pictures
_Columns = tuple[str, ...]


@method(
    label="Counterfactual",
    paper="Wachter et al. 2017, arXiv:1711.00399; Martens and Provost 2014, doi:10.25300/MISQ/2014/38.1.04",
    on_picture=False,
    kinds=("text", "table"),
    price=passes_of,
)
def counterfactual(
    subject: Subject,
    target: Target,
    *,
    fixed: Annotated[_Columns, Names("columns that may not change", ("table",))] = (),
    rising: Annotated[_Columns, Names("columns that may only grow, also ordered categories", ("table",))] = (),
    falling: Annotated[_Columns, Names("columns that may only shrink, as rising", ("table",))] = (),
    boundary: Annotated[float | None, Number("the score that is to be crossed, instead of another class")] = None,
    changes: Annotated[int, Range("how many columns or words are changed at most", 1, 100)] = 10,
    count: Annotated[int, Range("how many different counterfactuals", 1, 20)] = 5,
    evaluations: Annotated[int, Range("how many changed inputs are tried", 100, 1_000_000)] = 10_000,
    unit: Unit = "word",
    hide: Hide = "remove",
) -> Iterator[Explanation]:
    """The fewest columns or words whose change changes the prediction, several different ways if there are.

    If the target's class is the predicted one, changes that end that; if not, changes that make it the predicted class:
    that with the highest score, or where an estimator's own `predict` was seen to choose otherwise (a tuned threshold),
    the one that `predict` says, which is then asked of every change. Of scores of single tokens it is the class
    predicted at the target's token. With `boundary`, and of a model that predicts numbers, changes that take the
    target's score to its other side.
    Values are (counterfactual, feature): the changed rows, whose columns take values of the background, categories as
    positions; of a text 1 where a word is left and 0 where it is hidden. `scores` are those after the change, as the
    model gives them; undoing any single change loses what was reached. The fewest features come first, then the
    smallest distance Σ |change| / median absolute deviation (1 for a category); the last one is the nearest that was
    found.

    All single changes are tried (of columns with many values some, evenly spread), then pairs and larger sets, the most
    promising first (Martens and Provost's SEDC, with a beam); besides, changes of the row into near background rows are
    taken back one by one, and what does is brought nearer, as if the score rose or fell with each column: where it does
    not, nearer values may be missed, and no warning says so. It ends with `evaluations`, after these single changes in
    any case, and begins once more where only then `predict` is seen to choose otherwise; besides, rows of the
    background are scored. `warnings` say when smaller sets were not all tried, when `evaluations` ended the search, or
    nothing was found, how close it came, and whether `changes` or `evaluations` ended it. Each column changes by
    itself: that columns belong together, as those of one-hot codes, is not known. What changes the model's mind need
    not change the world.

    Raises
    ------
    ValueError
        If a table has no background, a column is not there, or a score is not finite.
    """
    goal = Goal(subject, target, boundary, evaluations)
    moves: Moves
    rows = None
    if isinstance(subject.input, Tabular):
        moves = Values(subject, subject.input, fixed, rising, falling, evaluations // 2)
        features = np.arange(len(moves.names))
        assert subject.input.background is not None, "the moves come from it"
        rows = subject.input.background[drawn(subject.input, ROWS, 0)]
    else:
        masker = masker_of(subject, {"unit": unit, "hide": hide}, target)
        moves, features = Hidings(subject, masker, goal.is_finite), masker.features
    start = float(goal.toward(subject.scores())[0])
    search = Search(moves, goal, start, min(changes, len(moves.names)), count, evaluations)

    def answer(progress: float) -> Explanation:
        found = search.found
        combos = [one.combo for one in found]
        width = goal.kept(subject.scores()).shape[1]
        details = {"counterfactuals": float(len(found))}
        if found:
            details |= {f"{moves.what}s changed": len(combos[0])}
            details |= {"distance": found[0].cost} if rows is not None else {}
        details |= {} if goal.boundary is None else {"boundary": goal.boundary}
        details |= {} if goal.predicted is None else {"class that predict says": float(goal.predicted)}
        return Explanation(
            values=moves.values(combos) if combos else np.zeros((0, len(moves.names))),
            axes=("counterfactual", "feature"),
            on="features",
            signed=False,
            features=features,
            names=moves.names,
            scores=np.array([one.scores for one in found]).reshape(-1, width),
            quantity="value" if rows is not None else "1: shown, 0: hidden",
            details={**details, "model evaluations": search.evaluations},
            warnings=_notes(search, moves, goal, changes) if progress == 1 else (),
            progress=progress,
        )

    def starts() -> Sequence[Combo]:
        if rows is None or not isinstance(moves, Values):
            return ()
        batch = torch.from_numpy(table_of(subject).placed(rows))
        return starts_of(moves, goal, rows, batch, first_scores(subject, ROWS))

    shown = -np.inf
    for attempt in range(2):
        for _ in search.run(starts):
            if time.perf_counter() - shown > _PAUSE:
                yield answer(search.done)
                shown = time.perf_counter()
        if attempt or search.confirmed():
            break
        goal.follow_predict()  # which was not seen to differ before
        begun, before = float(goal.toward(subject.scores())[0]), search.evaluations
        search = Search(moves, goal, begun, min(changes, len(moves.names)), count, evaluations, before)
    yield answer(1.0)


def _limit(search: Search, changes: int, able: int) -> str:
    """Which limit ended a search that found nothing; `able` is how many columns or words can be changed."""
    if search.ended == "changes" and changes < able:
        more = min(able, 100)
        return f", with at most {counted(changes, 'change')}; changes={more} allows more"
    return "; the evaluations were used up: give more evaluations=" if search.ended == "evaluations" else ""


def _notes(search: Search, moves: Moves, goal: Goal, changes: int) -> tuple[str, ...]:
    """What a reader must know of the answer."""
    notes = [goal.note] if goal.note else []
    found, able = search.found, int((moves.counts > 0).sum())
    if not found:
        _, combo = search.nearest
        said = ""
        if combo:
            score = float(goal.read(moves.scores([combo]))[0])
            named = ", ".join(repr(moves.names[f]) for f in moves.features[list(combo)])
            said = f"; the nearest changes {named}, with a score of {score:.4g}"
        among = f"among {search.evaluations:,} that were tried{_limit(search, changes, able)}"
        notes.append(f"no change was found with which {goal.words}, {among}{said}")
    fewest = len(found[0].combo) if found else max(search.tried, default=1) + 1
    untried = [(size, search.tried.get(size, 0), search.possible(size)) for size in range(1, fewest)]
    untried = [(size, tried, of) for size, tried, of in untried if tried < of]
    if found and untried:
        size, tried, of = untried[0]
        notes.append(f"fewer {moves.what}s may do: of sets of {size}, {tried:,} of {of:,} were tried")
    if search.unfinished:
        notes.append("nearer values may do: the evaluations were used up; give more evaluations=")
    return tuple(notes)
