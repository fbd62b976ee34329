"""Deep SHAP: DeepLIFT's rules against a background, by shap's own explainer on a copy that is thrown away."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nbexplain.core import hooks
from nbexplain.core import target as targets
from nbexplain.core.explanation import Explanation, Target
from nbexplain.core.methods.hiding import Background
from nbexplain.core.methods.shap_deep_calls import Calls, maxpool
from nbexplain.core.methods.shap_own import own
from nbexplain.core.methods.shap_values import Baseline, Rows, between_categories, by_value, compared
from nbexplain.core.predictor import Predictor
from nbexplain.core.registry import method
from nbexplain.core.subject import NoGradient, Subject
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
) -> Explanation:
    """DeepLIFT's contributions of the input's differences from a background, averaged over the background's rows.

    Values have the input's shape without the batch, for tables (feature,), in units of the score; with `base`, the
    background's mean score, they add up to it as far as DeepLIFT has rules (`shap.DeepExplainer`): activations,
    whether modules or functions, called once or several times, max pooling, and all that is linear. It has none for
    products, attention and layer norms, which count by their gradient: `gap` shows what that leaves out, and a warning
    names them.

    Raises
    ------
    ValueError
        If no gradient reaches the input, or the model cannot be copied.
    """
    if isinstance(subject.twin.module, Predictor) or not subject.has_gradient():
        raise NoGradient("no gradient of the score reaches the input, which deep_shap needs")
    fresh = twin(subject.twin.original, subject.twin.stop)
    if not fresh.copied:
        raise ValueError(
            f"model: deep_shap works on a copy of the model, and there is none since {fresh.reason}; "
            "use gradient_shap, which leaves the model as it is"
        )
    x, rows = compared(subject, baseline, background, stand_in)
    module = own("explainers._deep.deep_pytorch")
    module.op_handler.update(Elementwise=module.nonlinear_1d, Pool=maxpool)
    network = _Asked(subject, target, fresh)
    explainer = module.PyTorchDeep(network, rows)
    with torch.enable_grad():
        values = explainer.shap_values(x, check_additivity=False)[0, ..., 0]
    subject.passes["backward"] += 2 * len(rows)
    answer = by_value(subject, target, values, float(explainer.expected_value[0]), rows)
    assert answer.gap is not None
    assert answer.base is not None
    notes = between_categories(subject)
    score = subject.score(target)
    rounding = 10 * torch.finfo(subject.dtype).eps * max(abs(score), abs(answer.base))
    if abs(answer.gap) > max(_SMALL * abs(score - answer.base), rounding):
        without = ", ".join(network.calls.without_rule) or "some function that is not known here"
        notes += (f"the values leave {answer.gap:.3g} of the score unexplained: no rule for {without}",)
    return by_value(subject, target, values, answer.base, rows, warnings=notes)


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
