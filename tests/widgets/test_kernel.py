"""What the first explorer of a process does for its kernel."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nbexplain.widgets import kernel

IN_COLAB = """\
import sys
from types import ModuleType

for name in ("google", "google.colab", "google.colab.output"):
    sys.modules[name] = ModuleType(name)
calls = []
sys.modules["google.colab.output"].enable_custom_widget_manager = lambda: calls.append("enabled")

import torch
import nbexplain

model = torch.nn.Sequential(
    torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2)
)
for _ in range(2):
    nbexplain.explore(model, torch.zeros(1, 3, 8, 8))
print(nbexplain.options.run, *calls)
"""


def test_colab_shows_our_widgets_and_computes_in_place() -> None:
    """anywidget throws the switch for widgets that are not Colab's own; a background thread draws nothing there."""
    done = subprocess.run([sys.executable, "-c", IN_COLAB], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["sync", "enabled"]


@pytest.mark.parametrize(("release", "times"), [("6.31.0", 0), ("7.3.0", 0), ("7.4.0", 1)])
def test_a_kernel_that_freezes_sliders_is_named_once(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder, release: str, times: int
) -> None:
    monkeypatch.setattr(kernel, "version", lambda name: release)
    kernel.warn_once.cache_clear()
    for _ in range(2):
        kernel.warn_once()
    kernel.warn_once.cache_clear()
    assert len([warning for warning in recwarn if "ipykernel 7.4.0" in str(warning.message)]) == times
