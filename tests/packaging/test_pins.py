"""The pins: one file, exact, complete; and no address of a package index or of anybody's machine in the project."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import nbexplain

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "binder" / "constraints.txt").read_text().splitlines()
PINS = [line for line in LINES if not line.startswith("#")]

ADDRESS = re.compile(
    r"pypi\.org/simple|files\.pythonhosted\.org|registry\.npmjs|download\.pytorch\.org|/opt/(?:wheels|pypi)"
    r"|file:///|--(?:extra-)?index-url|--find-links|(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/|://[^/\s]+:[^/\s]+@"
)
ALLOWED = {"binder/requirements.txt"}  # PyTorch's own index for wheels without CUDA


def test_every_line_pins_one_version() -> None:
    assert [line for line in PINS if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_the_names_are_in_order_and_appear_once() -> None:
    names = [line.split("==")[0].lower() for line in PINS]
    assert names == sorted(set(names))


def test_all_that_pyproject_asks_for_is_pinned_and_within_its_bounds() -> None:
    pins = {canonicalize_name(name): pinned for name, _, pinned in (line.partition("==") for line in PINS)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    requirements = [Requirement(line) for line in asked]
    wrong = [
        str(asked)
        for asked in requirements
        if asked.name != "nbexplain" and not asked.specifier.contains(pins.get(canonicalize_name(asked.name), "0.dev0"))
    ]
    assert wrong == []


def test_all_can_be_installed_with_the_first_release_of_the_oldest_python() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = f"{project['requires-python'].removeprefix('>=')}.0"  # Debian 12 has 3.11.2
    pinned = {canonicalize_name(line.split("==")[0]) for line in PINS}
    needs = {found.name: found.metadata["Requires-Python"] for found in distributions()}
    wrong = {
        name: need
        for name, need in needs.items()
        if need and canonicalize_name(name) in pinned and not SpecifierSet(need).contains(oldest)
    }
    assert wrong == {}


def test_ipykernel_is_the_release_that_keeps_sliders_alive() -> None:
    # ipykernel 7.4.0 can leave a slider dead that moves while an `await` cell runs.
    assert "ipykernel==7.3.0" in PINS


def test_the_version_is_told_once() -> None:
    assert nbexplain.__version__ == version("nbexplain")
    assert f"[{nbexplain.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_addresses_of_indexes_or_machines() -> None:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = []
    for name in set(listed.stdout.split("\0")) - {"", *ALLOWED, Path(__file__).relative_to(ROOT).as_posix()}:
        path = ROOT / name
        text = path.read_bytes() if path.is_file() else b""
        if b"\0" in text:  # weights and pictures
            continue
        found += [f"{name}: {match.group()}" for match in ADDRESS.finditer(text.decode("utf-8"))]
    assert found == []
