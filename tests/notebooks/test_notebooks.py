"""Every notebook of the course runs from top to bottom as it is, and is stored without outputs."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_notebooks():
    assert NOTEBOOKS


def test_it_is_stored_clean(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    ids = [cell.id for cell in book.cells]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    assert book.metadata.kernelspec.name == "python3"
    assert "widgets" not in book.metadata
    for cell in book.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert cell.source.strip()


def hidden_answers(cell: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The code in the answers to exercises of a markdown cell, each as a code cell."""
    if cell.cell_type != "markdown":
        return []
    answers = re.findall(r"<details>.*?</details>", cell.source, re.DOTALL)
    blocks = [block for answer in answers for block in re.findall(r"```python\n(.*?)```", answer, re.DOTALL)]
    return [nbformat.v4.new_code_cell(block) for block in blocks]


@pytest.mark.slow
@pytest.mark.parametrize("run", ["background", "sync"])
def test_it_runs_without_a_change(path, run, tmp_path, monkeypatch):
    """In the background as in JupyterLab, and in place as where there are no background updates.

    The code of a hidden answer runs where it stands.
    """
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    book = nbformat.read(path, as_version=4)
    cells = list(book.cells)
    with_answers = [each for cell in cells for each in (cell, *hidden_answers(cell))]
    first = nbformat.v4.new_code_cell(f"import nbexplain\nnbexplain.options.run = {run!r}")
    last = nbformat.v4.new_code_cell(LAST)
    book.cells = [first, *with_answers, last]
    client = NotebookClient(book, timeout=240, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    for cell in book.cells:
        for output in cell.get("outputs", ()):
            assert output.output_type != "error"
            said = output.text.splitlines() if output.get("name") == "stderr" else []
            assert [line for line in said if not PRICE.fullmatch(line)] == []
            assert "Traceback" not in output.get("text", "")
    assert book.cells[-1].outputs[0].text.split() == ["answered"]
    assert [cell.source for cell in cells] == [cell.source for cell in nbformat.read(path, as_version=4).cells]


PRICE = re.compile(r".+: about [\d,]+ passes, \S+ \w+")  # told where a machine is busy

LAST = """\
import ipywidgets.widgets.widget as _widgets
for _explorer in list(_widgets._instances.values()):
    if isinstance(_explorer, nbexplain.Explorer):
        assert _explorer.session.wait(200)
        assert _explorer._status.error == "", _explorer._status.traceback
        assert _explorer._status.text
print("answered")
"""
