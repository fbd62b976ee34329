"""A place where a gradient ends, in words."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(eq=False)
class Cut:
    """A call that took what a gradient reaches, and returned what none reaches.

    Attributes
    ----------
    call
        Of the function, as it is written.
    off
        How gradients were switched off at that moment, or `""`.
    inside, switching
        Name of the innermost module that ran (`""`: the model itself), and of the one that switched gradients off.
    part
        The module that `switching` was running, or `""`.
    behind, ahead
        Names of the modules that ran before and after it.
    function
        Name of the `torch.autograd.Function` that made the call, or `""`.
    dtype
        Of what it returned; None where that was no tensor.
    quantised
        Whether it is an operation on quantised weights, and how the module's type is called then.
    """

    call: str
    off: str
    inside: str
    switching: str
    part: str
    behind: str
    function: str
    dtype: torch.dtype | None
    quantised: str
    ahead: str = ""

    def __str__(self) -> str:
        if self.function:
            return f"it ends in the torch.autograd.Function {self.function!r}{self._place()}"
        if self.off and self.switching:
            return f"it ends in {self.switching!r}, which computes under {self.off}"
        if self.off and self.part:
            return f"it ends in {self.part!r}, which the model runs under {self.off}"
        if self.off:
            return f"it ends{self._place()}, where the model computes ({self.call}) under {self.off}"
        if self.call in (".detach()", ".data"):
            return f"the tensor is detached ({self.call}){self._place()}"
        if self.quantised:
            return f"it ends in {self.inside!r}, a quantised (int8) layer ({self.quantised}), which has no gradient"
        if self.dtype is None:
            return f"its values leave torch ({self.call}){self._place()}"
        if self.dtype == torch.bool:
            return f"{self.call} returns truth values, which have no gradient{self._place()}"
        if not (self.dtype.is_floating_point or self.dtype.is_complex):
            return f"{self.call} returns integers ({self.dtype}), which have no gradient{self._place()}"
        return f"{self.call} has no gradient{self._place()}"

    def _place(self) -> str:
        if self.inside:
            return f" in {self.inside!r}"
        if self.behind and self.ahead:
            return f" between {self.behind!r} and {self.ahead!r}"
        if self.behind:
            return f" behind {self.behind!r}"
        return f" before {self.ahead!r}" if self.ahead else " in the model's forward"
