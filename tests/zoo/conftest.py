"""Models of other packages are made from configurations: nothing is fetched, and their settings are ours."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported for the first time
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["KERAS_BACKEND"] = "torch"
os.environ["KERAS_HOME"] = tempfile.mkdtemp(prefix="nbexplain-keras-")  # it writes its settings there


@pytest.fixture(scope="package", autouse=True)
def _one_thread() -> Iterator[None]:
    """Small networks run faster, and equally on every machine, in one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
