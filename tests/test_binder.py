"""What Binder makes of binder/: the requirements, the scripts, and the settings of Voilà."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from jupyter_client import KernelManager
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
BINDER = ROOT / "binder"
SCRIPTS = ("start", "postBuild")

needs_sh = pytest.mark.skipif(os.name == "nt", reason="shell scripts, run on Linux and macOS")


def test_binder_gets_a_python_that_the_project_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = re.fullmatch(r"python-(\d+\.\d+)\n", (BINDER / "runtime.txt").read_text())
    assert named
    assert Requirement(f"python{project['requires-python']}").specifier.contains(named[1])
    assert f"Programming Language :: Python :: {named[1]}" in project["classifiers"]


def test_the_requirements_are_this_project_under_the_pins() -> None:
    lines = [line for line in (BINDER / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    index, pins, project = lines
    assert index.endswith(".pytorch.org/whl/cpu")
    option, _, path = pins.partition(" ")  # pip looks for it beside the requirements, for the project where it runs
    assert option == "-c"
    assert (BINDER / path).is_file()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = Requirement(f"nbexplain{project.removeprefix('.')}").extras
    assert asked == {"demo", "places"}
    assert asked <= set(extras)
    names = {Requirement(line).name for extra in asked for line in extras[extra]}
    assert {"jupyterlab", "ipykernel", "notebook", "voila"} <= names


@needs_sh
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_can_be_run_and_read(name: str) -> None:
    script = BINDER / name
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", str(script)], check=True)
    listed = subprocess.run(
        ["git", "ls-files", "-s", str(script)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:  # not in an sdist
        assert listed.stdout.startswith("100755 ")


# start


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine without cgroups."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    return tmp_path


def member(machine: Path, *lines: str) -> None:
    (machine / "proc" / "self" / "cgroup").write_text("\n".join(lines) + "\n")


def version_2(folder: Path, quota: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.max").write_text(f"{quota} 100000\n")


def version_1(folder: Path, quota: int, period: int = 100000) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (folder / "cpu.cfs_period_us").write_text(f"{period}\n")


def started(machine: Path, *command: str, **more: str) -> str:
    """What a command prints that `start` runs."""
    own = {"NBEXPLAIN_PROC": str(machine / "proc"), "NBEXPLAIN_CGROUPS": str(machine / "cgroup"), **more}
    rest = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "JUPYTER_"))}
    words = ["sh", str(BINDER / "start"), *command]
    done = subprocess.run(words, env={**rest, **own}, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


def threads(machine: Path, **more: str) -> str:
    return started(machine, "sh", "-c", 'echo "$OMP_NUM_THREADS"', **more)


@needs_sh
@pytest.mark.parametrize(
    ("quota", "expected"), [("max", ""), ("100000", "1"), ("50000", "1"), ("250000", "2"), ("800000", "8")]
)
def test_threads_in_a_container_of_version_2(machine: Path, quota: str, expected: str) -> None:
    member(machine, "0::/")
    version_2(machine / "cgroup", quota)
    assert threads(machine) == expected


@needs_sh
def test_the_tightest_of_nested_groups_counts(machine: Path) -> None:
    member(machine, "0::/kubepods/pod 7/container")
    version_2(machine / "cgroup" / "kubepods", "1000000")
    version_2(machine / "cgroup" / "kubepods" / "pod 7", "200000")
    version_2(machine / "cgroup" / "kubepods" / "pod 7" / "container", "max")
    assert threads(machine) == "2"


@needs_sh
def test_threads_in_groups_of_version_1(machine: Path) -> None:
    member(machine, "9:memory:/jobs", "3:cpu,cpuacct:/jobs/one", "0::/")
    version_1(machine / "cgroup" / "cpu", -1)
    version_1(machine / "cgroup" / "cpu" / "jobs", 300000)
    version_1(machine / "cgroup" / "cpu" / "jobs" / "one", 200000, period=50000)
    assert threads(machine) == "3"


@needs_sh
def test_a_container_that_is_told_the_path_on_its_host(machine: Path) -> None:
    member(machine, "3:cpu,cpuacct:/kubepods/pod7/container8")
    version_1(machine / "cgroup" / "cpu", 150000)
    assert threads(machine) == "1"


@needs_sh
def test_a_number_of_threads_that_was_set_stays(machine: Path) -> None:
    member(machine, "0::/")
    version_2(machine / "cgroup", "100000")
    assert threads(machine, OMP_NUM_THREADS="5") == "5"


@needs_sh
def test_a_machine_without_cgroups_decides_itself(machine: Path) -> None:
    assert threads(machine) == ""


@needs_sh
def test_torch_takes_as_many_threads_as_the_quota_allows(machine: Path) -> None:
    member(machine, "0::/")
    version_2(machine / "cgroup", "100000")
    code = "import torch; print(torch.get_num_threads())"
    assert started(machine, sys.executable, "-c", code) == "1"


@needs_sh
def test_start_becomes_the_command_with_its_arguments_and_status(machine: Path) -> None:
    assert started(machine, "printf", "%s|", "two words", "*", "") == "two words|*||"
    done = subprocess.run(["sh", str(BINDER / "start"), "sh", "-c", "exit 7"], check=False)
    assert done.returncode == 7


@needs_sh
def test_our_settings_come_before_those_of_the_machine(machine: Path, tmp_path: Path) -> None:
    both = 'echo "$JUPYTER_CONFIG_PATH $JUPYTER_PATH"'
    assert started(machine, "sh", "-c", both) == f"{BINDER}/jupyter {BINDER}/jupyter"
    more = {"JUPYTER_CONFIG_PATH": "/a", "JUPYTER_PATH": "/b"}
    assert started(machine, "sh", "-c", both, **more) == f"{BINDER}/jupyter:/a {BINDER}/jupyter:/b"


# postBuild


@needs_sh
@pytest.mark.slow
@pytest.mark.parametrize(("source", "built"), [("print(1)", True), ("1 / 0", False)])
def test_no_image_is_built_in_which_the_first_notebook_fails(tmp_path: Path, source: str, built: bool) -> None:
    (tmp_path / "js" / "node_modules").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbformat.write(book, tmp_path / "notebooks" / "01_first_look.ipynb")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "IPYTHONDIR": str(tmp_path / "ipython")}
    done = subprocess.run(
        ["sh", str(BINDER / "postBuild")], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) == built, done.stderr
    assert ("ZeroDivisionError" in done.stderr) != built
    assert not (tmp_path / "js" / "node_modules").exists()
    assert (Path(sys.prefix) / "etc" / "ipython" / "ipython_kernel_config.py").is_file()


# The settings of kernels


@pytest.mark.slow
def test_a_kernel_hears_what_is_sent_while_it_replies(tmp_path: Path) -> None:
    """The pinned ipykernel without these settings falls silent within some hundred messages."""
    (tmp_path / "profile_default").mkdir()
    shutil.copy(BINDER / "ipython" / "ipython_kernel_config.py", tmp_path / "profile_default")
    manager = KernelManager()
    manager.start_kernel(env={**os.environ, "IPYTHONDIR": str(tmp_path)})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        for _ in range(1000):
            sent = client.execute("1")
            while True:  # the reply is on its way when `idle` is heard
                told = client.get_iopub_msg(timeout=20)
                if told["parent_header"].get("msg_id") == sent and told["content"].get("execution_state") == "idle":
                    break
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


# Voilà


def test_voila_gets_a_template_that_is_there_and_the_extensions_of_our_widgets() -> None:
    chosen = json.loads((BINDER / "jupyter" / "voila.json").read_text())["VoilaConfiguration"]
    template = BINDER / "jupyter" / "voila" / "templates" / chosen["template"]
    assert (template / "conf.json").is_file()
    assert (template / "index.html.j2").is_file()
    installed = {path.parent.name for path in Path(sys.prefix).glob("share/jupyter/labextensions/*/package.json")}
    assert {name for name in chosen["extension_allowlist"] if "/" not in name} <= installed
    assert version("voila")
