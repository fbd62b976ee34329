"""A kernel with 1 GB and one processor, as on Binder: the first notebook fits in with room to spare."""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
CGROUPS = Path("/sys/fs/cgroup")
GB = 2**30
ALLOWED = 700 * 2**20  # bytes resident at any moment
LIMITS = {"memory.limit_in_bytes": GB, "cpu.cfs_period_us": 100_000, "cpu.cfs_quota_us": 100_000}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

ENTER = """\
import os
for folder in {folders!r}:
    with open(f"{{folder}}/cgroup.procs", "w") as members:
        members.write(str(os.getpid()))
"""
WITHOUT = "import nbexplain; nbexplain.options.memory_budget = 150 * 2**20"  # a quarter of what would be left of 1 GB
LAST = """\
import json, torch, nbexplain
import ipywidgets.widgets.widget as _widgets
_explorers = [widget for widget in _widgets._instances.values() if isinstance(widget, nbexplain.Explorer)]
_explorers[1].session.select(method="lime")  # as the notebook proposes
for _explorer in _explorers:
    assert _explorer.session.wait(200)
    assert _explorer._status.error == "", _explorer._status.traceback
_status = dict(line.split(":") for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([int(_status["VmHWM"].split()[0]) * 1024, nbexplain.options.memory_budget, torch.get_num_threads()]))
"""


@pytest.fixture
def groups() -> Iterator[list[Path]]:
    """Cgroups of 1 GB and one processor below our own; none where we may not make them, or they are of version 2."""
    made = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in {"memory", "cpu"} & set(controllers.split(",")):
            folder = CGROUPS / controller / path.strip("/") / f"nbexplain-{uuid.uuid4()}"
            try:
                folder.mkdir()
            except OSError:
                continue
            made.append(folder)
            for name, limit in LIMITS.items():
                if name.startswith(f"{controller}."):
                    (folder / name).write_text(str(limit))
    yield made
    for folder in made:
        folder.rmdir()


def test_the_first_notebook_in_a_gigabyte(groups: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for name, value in {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}.items():  # as binder/start does
        monkeypatch.setenv(name, value)
    book = nbformat.read(ROOT / "notebooks" / "01_first_look.ipynb", as_version=4)
    first = ENTER.format(folders=[str(folder) for folder in groups]) if len(groups) == 2 else WITHOUT
    book.cells = [nbformat.v4.new_code_cell(first), *book.cells, nbformat.v4.new_code_cell(LAST)]
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    resident, budget, threads = json.loads(book.cells[-1].outputs[0].text)
    assert threads == 1
    assert budget < GB // 4
    assert resident < ALLOWED, f"{resident / 2**20:.0f} MB"
