"""Deep SHAP: DeepLIFT's rules against a background, by shap's own explainer on a copy that is thrown away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbexplain.core import hooks
from nbexplain.core import target as targets
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.hiding import Background
from nbexplain.core.methods.shap_deep_calls import Calls, maxpool
from nbexplain.core.methods.shap_game import Pace
from nbexplain.core.methods.shap_own import own
from nbexplain.core.methods.shap_values import Baseline, Rows, between_categories, by_value, check_finite, compared
from nbexplain.core.predictor import Predictor
from nbexplain.core.registry import method
from nbexplain.core.subject import Subject
from nbexplain.core.twin import Twin, twin

_SMALL = 0.01  # share of score − base that differences too small to divide by may take


@method(
    label="Deep SHAP",
    paper="Lundberg and Lee 2017, arXiv:1705.07874; Shrikumar et al. 2017, arXiv:1704.02685",
    gradient=True,
    kinds=("picture", "table"),
)
def deep_shap(
    subject: Subject,
    target: Target,
    *,
    baseline: Baseline = "blur",
    background: Background = 100,
    stand_in: Rows = "sample",
) -> Iterator[Explanation]:
    """DeepLIFT's contributions of the input's differences from a background, averaged over the background's rows.

    Values have the input's shape without the batch, for tables (feature,), in units of the score; with `base`, the
    background's mean score, they add up to it as far as DeepLIFT has rules (`shap.DeepExplainer`): activations,
    whether modules or functions, called once or several times, max pooling, and all that is linear. It has none for
    products, attention and layer norms, which count by their gradient: `gap` shows what that leaves out, and a warning
    names them. Where the rows do not go through at once, `standard_error` is what those still to come leave open.

    Raises
    ------
    ValueError
        If no gradient reaches the input, the model cannot be copied, or a value or a score is not finite, with the row
        of the background.
    """
    if isinstance(subject.twin.module, Predictor) or not subject.gets_gradient(target=target):
        raise subject.no_gradient()
    if not subject.input.batched:
        raise ValueError("x: deep_shap runs the input and its background together, and this model takes no batches")
    fresh = twin(subject.twin.original, subject.twin.stop)
    if not fresh.copied:
        raise ValueError(
            f"model: deep_shap works on a copy of the model, and there is none since {fresh.reason}; "
            "use gradient_shap, which leaves the model as it is"
        )
    if not subject.takes_batches():
        raise ValueError(
            f"model: deep_shap runs the input beside its background, and {subject.warnings[-1]}; use gradient_shap"
        )
    x, rows = compared(subject, baseline, background, stand_in)
    module = own("explainers._deep.deep_pytorch")
    module.op_handler.update(Elementwise=module.nonlinear_1d, Pool=maxpool)
    found: list[tuple[int, np.ndarray, float]] = []  # rows, the mean of their values, and of their scores
    without: dict[str, None] = {}
    pace = Pace()
    for part in rows.split(max(subject.chunk(gradients=True) // 2, 1)):  # the input goes along with each row
        network = _Asked(subject, target, fresh)
        explainer = module.PyTorchDeep(network, part)
        with torch.enable_grad():
            values = explainer.shap_values(x, check_additivity=False)[0, ..., 0]
        subject.passes["backward"] += 2 * len(part)
        base = float(explainer.expected_value[0])
        check_finite(subject, target, x, part, values, base, "what DeepLIFT divides up")
        without.update(network.calls.without_rule)
        found.append((len(part), values, base))
        if sum(size for size, *_ in found) == len(rows) or (len(found) > 1 and pace.due):
            began = time.perf_counter()
            yield _answer(subject, target, found, rows, list(without))
            pace.made(began)


def _answer(
    subject: Subject, target: Target, found: list[tuple[int, np.ndarray, float]], rows: Tensor, without: list[str]
) -> Explanation:
    """The mean over the background rows so far; its error is what the other rows leave open."""
    sizes = np.array([size for size, *_ in found])
    values: np.ndarray = np.average([part for _, part, _ in found], axis=0, weights=sizes)
    base = float(np.average([part for *_, part in found], weights=sizes))
    share = float(sizes.sum() / len(rows))
    errors = None
    if share < 1:
        apart = np.average([(part - values) ** 2 for _, part, _ in found], axis=0, weights=sizes)
        errors = np.sqrt(apart / (len(found) - 1) * (1 - share))
    score = subject.score(target)
    gap = score - base - float(values.sum())
    notes = between_categories(subject)
    rounding = 10 * torch.finfo(subject.dtype).eps * max(abs(score), abs(base))
    if abs(gap) > max(_SMALL * abs(score - base), rounding):
        named = ", ".join(without) or "some function that is not known here"
        notes += (f"the values leave {gap:.3g} of the score unexplained: no rule for {named}",)
    return by_value(subject, target, values, base, rows[: sizes.sum()], errors, share, warnings=notes)


class _Asked(nn.Module):
    """The copy as shap wants a network: inputs (N, …) → the target's score (N, 1).

    shap sees only the calls that need a rule, each as a module of its own, so that a module that is called twice, and
    a function that is no module, are treated like all others.
    """

    def __init__(self, subject: Subject, target: Target, copy: Twin) -> None:
        super().__init__()
        self._subject, self._target, self._copy = subject, target, copy
        self.rules = nn.ModuleList()
        self.calls = Calls(self.rules, copy.module)

    def forward(self, x: Tensor) -> Any:
        with self.calls.begun():
            scores = self._subject.scores_in(self._copy, x)
        score = targets.score(scores, self._target)
        if score.requires_grad:
            hooks.cancellable_graph(score, self._copy.stop)
        return score[:, None].to(x)
