"""What is inside the wheel and the sdist, and that both install with Node on the machine and without."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
NODE = {"node", "nodejs", "npm", "npx", "corepack"}
CDN = re.compile(r"https?://[\w.]*(?:unpkg|jsdelivr|cdnjs|esm\.sh|skypack|googleapis)[\w.]*")


def copy_of_the_tree(to: Path) -> Path:
    """Copy the tree as a fresh clone has it: no built front end, no node_modules."""
    leave = shutil.ignore_patterns(".git", ".venv", "node_modules", "static", "dist", "__pycache__", ".*_cache")
    return Path(shutil.copytree(ROOT, to, ignore=leave))


@pytest.fixture(scope="module")
def without_node(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which every program of this machine is on the PATH, except Node's."""
    if os.name == "nt":
        pytest.skip("needs symbolic links")
    folder = tmp_path_factory.mktemp("bin")
    for place in ("/usr/local/bin", "/usr/bin", "/bin"):
        for program in Path(place).glob("*"):
            if program.name not in NODE and not (folder / program.name).is_symlink():
                (folder / program.name).symlink_to(program)
    assert not any(shutil.which(name, path=str(folder)) for name in NODE)
    return {**os.environ, "PATH": str(folder)}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, and the wheel that is built from it."""
    tree = copy_of_the_tree(tmp_path_factory.mktemp("source") / "tree")
    subprocess.run([sys.executable, "-m", "build", str(tree)], check=True)
    return tree / "dist"


@pytest.fixture(scope="module")
def sdist(distributions: Path) -> Path:
    (path,) = distributions.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    (path,) = distributions.glob("*.whl")
    return path


ENTRY = re.compile(r'"src/(\w+)\.(ts|css)"')


def wanted() -> set[str]:
    """The files besides modules that nbexplain needs: its weights, and a built module for each pane."""
    weights = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("nbexplain/examples/weights/*.safetensors")}
    built = {
        f"{name}.{'js' if kind == 'ts' else kind}" for name, kind in ENTRY.findall((ROOT / "js/build.mjs").read_text())
    }
    assert weights
    assert {f"{path.stem}.js" for path in ROOT.glob("nbexplain/widgets/*pane.py")} < built
    return weights | {f"nbexplain/widgets/static/{name}" for name in built}


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        bundles = [archive.read(name).decode() for name in names if name.endswith((".js", ".css"))]
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("nbexplain/**/*.py")}
    assert modules | wanted() | {"nbexplain/py.typed"} <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"nbexplain"}
    assert all(bundle.strip() for bundle in bundles)
    assert [CDN.findall(bundle) for bundle in bundles if CDN.search(bundle)] == []


def test_the_sdist_holds_all_that_a_build_and_the_tests_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("nbexplain/**/*.py")}
    files = {"pyproject.toml", "hatch_build.py", "dev.py", "js/package-lock.json", "binder/constraints.txt", "LICENSE"}
    assert modules | wanted() | files | {"nbexplain/widgets/static/.sources"} <= names
    assert not any("node_modules" in name or "__pycache__" in name for name in names)


def install(what: Path, to: Path, environment: dict[str, str]) -> Path:
    """Install into an empty folder, and import it from there; return where it came from."""
    options = ["--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--target", str(to)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(what)], env=environment, check=True)
    code = (
        "import json, nbexplain, nbexplain.widgets as w; print(json.dumps([nbexplain.__file__, list(w.__path__)[0]]))"
    )
    environment = {**environment, "PYTHONPATH": str(to)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=to, env=environment, capture_output=True, text=True, check=True)
    package, widgets = json.loads(done.stdout)
    assert Path(package).is_relative_to(to)
    assert any((Path(widgets) / "static").glob("*.js"))
    return Path(package)


@pytest.mark.skipif(shutil.which("npm") is None, reason="this machine has no Node")
def test_pip_install_with_the_node_of_the_machine(tmp_path: Path) -> None:
    install(copy_of_the_tree(tmp_path / "tree"), tmp_path / "site", dict(os.environ))


def test_pip_install_without_node(tmp_path: Path, without_node: dict[str, str]) -> None:
    install(copy_of_the_tree(tmp_path / "tree"), tmp_path / "site", without_node)


def test_an_sdist_installs_without_node_and_asks_for_none(
    tmp_path: Path, without_node: dict[str, str], sdist: Path
) -> None:
    shutil.unpack_archive(sdist, tmp_path)
    (tree,) = tmp_path.iterdir()
    code = "import hatch_build, sys; sys.exit(not hatch_build.is_current())"
    assert subprocess.run([sys.executable, "-c", code], cwd=tree, check=False).returncode == 0
    # An npm that fails whatever it is asked: the build must not call it.
    folder = tmp_path / "broken"
    folder.mkdir()
    for name in ("node", "npm"):
        (folder / name).write_text("#!/bin/sh\nexit 9\n")
        (folder / name).chmod(0o755)
    install(sdist, tmp_path / "site", {**without_node, "PATH": os.pathsep.join([str(folder), without_node["PATH"]])})
