"""The rooms of the house: imports go one way, hooks have one file, heavy packages wait for their first use."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "nbexplain"

ROOMS = ["inputs", "core", "runner", "place", "session", "widgets"]  # each may import those before it
OF_ITS_OWN = {"figures": {"figures", "inputs", "core"}}  # what a room beside that order may import
WITHOUT_WIDGETS = {"inputs", "core", "figures"}
WIDGETS = {"anywidget", "bqplot", "ipywidgets", "traitlets", "IPython", "ipykernel"}
MAY_PLOT = {"figures"}
HOOK = re.compile(r"register_\w*hook")


def imported(tree: ast.AST, module: str) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a module imports, wherever it stands, `if TYPE_CHECKING:` included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = module.split(".")[: -node.level] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)


def forbidden(room: str, name: str) -> str | None:
    """Say why a room may not import a name, if it may not."""
    top, _, rest = name.partition(".")
    if room in WITHOUT_WIDGETS and top in WIDGETS:
        return "knows no widgets"
    if room in ROOMS and room not in MAY_PLOT and top == "matplotlib" and room != "widgets":
        return "draws nothing"
    if top != PACKAGE.name:
        return None
    other = rest.split(".")[0]
    if other == "examples":
        return None if room == "examples" else "does without the examples"
    if room in OF_ITS_OWN:
        return None if other in OF_ITS_OWN[room] else f"may not import {other}"
    if room not in ROOMS:  # the package's own __init__.py and the examples are users of the rest
        return None
    if room == "widgets" and other == "figures":  # what a notebook shows where no widget can
        return None
    if other in ROOMS:
        return None if ROOMS.index(other) <= ROOMS.index(room) else f"comes before {other}"
    return f"may not import {name}"


def violations(package: Path) -> list[str]:
    """List every import in the wrong direction and every hook registered outside core/hooks.py."""
    found = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        room = parts[0]
        tree = ast.parse(path.read_text(encoding="utf-8"))
        where = path.relative_to(package).as_posix()
        for line, name in imported(tree, ".".join([PACKAGE.name, *parts])):
            if reason := forbidden(room, name):
                found.append(f"{where}:{line} imports {name}, but {room} {reason}")
        if parts != ("core", "hooks"):
            found += [
                f"{where}:{node.lineno} calls {node.attr}, but hooks are registered in core/hooks.py only"
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute) and HOOK.fullmatch(node.attr)
            ]
    return found


def test_imports_go_one_way_and_hooks_have_one_file() -> None:
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("core/new.py", "from nbexplain.session import Session"),
        ("core/new.py", "from nbexplain.runner import runner"),
        ("core/new.py", "from ..widgets import wire"),
        ("core/new.py", "from nbexplain import explain"),
        ("core/methods/new.py", "def f():\n    import ipywidgets"),
        ("core/methods/new.py", "import matplotlib.pyplot as plt"),
        ("core/methods/new.py", "module.register_forward_hook(print)"),
        ("core/methods/new.py", "tensor.register_hook(print)"),
        ("core/methods/new.py", "node.register_prehook(print)"),
        ("inputs/new.py", "from nbexplain.core.subject import Subject"),
        (
            "inputs/new.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from nbexplain.core import subject",
        ),
        ("runner.py", "import nbexplain.session"),
        ("session.py", "from .widgets.controls import Controls"),
        ("widgets/new.py", "from nbexplain.examples import scenes"),
        ("figures.py", "from nbexplain.session import Session"),
    ],
)
def test_a_wrong_line_is_found(tmp_path: Path, file: str, line: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    assert len(violations(tmp_path)) == 1


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("__init__.py", "from nbexplain.session import Session"),
        ("widgets/explorers/new.py", "from nbexplain.session import Session\nimport bqplot"),
        ("widgets/new.py", "from nbexplain.figures import png"),
        ("core/new.py", "from nbexplain.inputs import image\nfrom . import hooks"),
        ("core/hooks.py", "module.register_forward_hook(print)"),
        ("figures.py", "from matplotlib.figure import Figure\nfrom nbexplain.core.explanation import Explanation"),
        ("examples/new.py", "from nbexplain.inputs import Image\nfrom nbexplain.examples.network import Net"),
    ],
)
def test_a_right_line_is_left_alone(tmp_path: Path, file: str, line: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    assert violations(tmp_path) == []


def test_importing_nbexplain_brings_in_nothing_heavy() -> None:
    code = "import sys, nbexplain; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "nbexplain.core.subject" in loaded
    heavy = {"captum", "keras", "lime", "matplotlib.pyplot", "numba", "shap", "skimage", "sklearn", "torchvision"}
    assert loaded & (heavy | {"transformers", "umap"}) == set()
