"""What to say about the kernel that the widgets live in."""

from __future__ import annotations

import functools
import warnings
from importlib.metadata import PackageNotFoundError, version


@functools.cache
def warn_once() -> None:
    """Warn about a kernel in which sliders can freeze; once a process, when the first explorer is made."""
    try:
        release = version("ipykernel")
    except PackageNotFoundError:
        return
    if release == "7.4.0":
        warnings.warn(
            "ipykernel 7.4.0 can leave sliders dead after they were moved during a cell that awaits: "
            "install ipykernel 7.3.0",
            stacklevel=4,
        )
