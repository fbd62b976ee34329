"""dev.py and hatch_build.py: what they decide, not what they install."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

import dev
import hatch_build
from tests.browser.fonts import FAMILIES


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small front end, built."""
    static = tmp_path / "nbexplain" / "widgets" / "static"
    (tmp_path / "js" / "src").mkdir(parents=True)
    static.mkdir(parents=True)
    (tmp_path / "js" / "package.json").write_text("{}")
    (tmp_path / "js" / "src" / "pane.ts").write_text("export default 1;")
    monkeypatch.setattr(hatch_build, "ROOT", tmp_path)
    monkeypatch.setattr(hatch_build, "JS", tmp_path / "js")
    monkeypatch.setattr(hatch_build, "STATIC", static)
    monkeypatch.setattr(hatch_build, "STAMP", static / ".sources")
    hatch_build.STAMP.write_text(hatch_build.digest(*hatch_build.sources()))
    return tmp_path


def test_a_built_front_end_is_current_until_a_source_changes(tree: Path) -> None:
    assert hatch_build.is_current()
    (tree / "js" / "node_modules").mkdir()
    (tree / "js" / "node_modules" / "other.ts").write_text("not ours")
    assert hatch_build.is_current()
    (tree / "js" / "src" / "pane.ts").write_text("export default 2;")
    assert not hatch_build.is_current()


def test_a_source_that_is_new_or_renamed_is_a_change(tree: Path) -> None:
    (tree / "js" / "src" / "pane.ts").rename(tree / "js" / "src" / "other.ts")
    assert not hatch_build.is_current()


def test_a_current_front_end_is_not_built_again(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatch_build, "npm", lambda *words, **options: pytest.fail("npm was called"))
    hatch_build.build()


def test_a_stale_front_end_is_built_into_an_empty_folder(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def npm(*words: str, tests: bool) -> None:
        assert words == ("run", "build")
        hatch_build.STATIC.mkdir()
        (hatch_build.STATIC / "pane.js").write_text("1")

    (hatch_build.STATIC / "gone.js").write_text("of a pane that is no longer in js/")
    (tree / "js" / "src" / "pane.ts").write_text("export default 2;")
    monkeypatch.setattr(hatch_build, "npm", npm)
    hatch_build.build()
    assert sorted(path.name for path in hatch_build.STATIC.iterdir()) == [".sources", "pane.js"]
    assert hatch_build.is_current()


def test_built_files_without_js_beside_them_are_taken_as_they_are(tree: Path) -> None:
    (tree / "js" / "package.json").unlink()
    assert hatch_build.is_current()


@pytest.mark.skipif(os.name == "nt", reason="writes shell scripts")
@pytest.mark.parametrize(
    ("version", "usable"), [("v12.22.12", False), ("v20.18.3", False), ("v20.19.0", True), ("", False)]
)
def test_an_old_node_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, usable: bool) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(hatch_build, "find_spec", lambda name: None)
    assert (hatch_build.find_npm() is not None) == usable


def test_all_parts_run_though_one_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def test_part(part: str, arguments: list[str], counts: dict[str, int]) -> int:
        ran.append(part)
        if part == "python":
            counts["passed"] += 7
            counts["failed"] += 2
        return int(part in ("lint", "python"))

    ran: list[str] = []
    monkeypatch.setattr(dev, "prepare", lambda extra: None)
    monkeypatch.setattr(dev, "test_part", test_part)
    assert dev.test(["js", "python", "lint"], []) == 1
    assert ran == ["lint", "js", "python"]
    lines = capsys.readouterr().out.splitlines()
    assert "failed: lint, python" in lines[-2]
    assert "2 failed, 7 passed, 1 error in" in lines[-1]


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(SystemExit, match="no such part: pyhton"):
        dev.test(["pyhton"], [])


@pytest.mark.parametrize(
    ("own", "missing", "debian", "superuser", "wanted"),
    [
        (True, [], True, True, []),
        (False, [], True, True, [("apt-get", "update"), ("apt-get", "install", "chromium")]),
        (False, ["a"], True, True, [("apt-get", "update"), ("apt-get", "install", "chromium", "a")]),
        (True, ["a", "b"], True, True, [("apt-get", "update"), ("apt-get", "install", "a", "b")]),
        (True, ["a"], True, False, []),
        (True, ["a"], False, True, []),
        (False, [], True, False, [("-m", "playwright")]),
        (False, ["a"], False, True, [("-m", "playwright")]),
    ],
)
def test_a_chromium_is_the_machines_else_debians_else_playwrights(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    own: bool,
    missing: list[str],
    debian: bool,
    superuser: bool,
    wanted: list[object],
) -> None:
    commands: list[tuple[str, ...]] = []
    installed = [own]

    def run(*command: str | Path) -> int:
        words = tuple(str(word) for word in command)
        plain = tuple(word for word in words if not word.startswith("--") and word not in ("-y", "-qq"))
        commands.append(words[1:3] if words[0] == str(dev.PYTHON) else plain)
        installed[0] |= "chromium" in words and words[:2] == ("apt-get", "install")
        return 0

    release = tmp_path / "os-release"
    release.write_text("NAME=X\nID=debian\n" if debian else "NAME=X\nID=fedora\nID_LIKE=debian\n")
    monkeypatch.setattr(dev, "Path", lambda _: release)
    monkeypatch.setattr(dev, "SUPERUSER", superuser)
    monkeypatch.setattr(dev, "missing_packages", lambda: missing)
    monkeypatch.setattr(dev, "find_chromium", lambda: "/usr/bin/chromium" if installed[0] else None)
    monkeypatch.setattr(dev, "run", run)
    monkeypatch.setenv("DEBIAN_FRONTEND", "")
    monkeypatch.setenv("NBEXPLAIN_CHROMIUM", "")
    dev.prepare_chromium()
    assert commands == wanted
    assert os.environ["NBEXPLAIN_CHROMIUM"] == ("/usr/bin/chromium" if installed[0] else "")


def test_the_fonts_that_are_installed_are_those_that_tests_look_for() -> None:
    assert sorted(dev.FONTS.values()) == sorted(FAMILIES.values())


@pytest.mark.parametrize(("version", "told"), [((3, 11, 2), False), ((3, 13, 1), False), ((3, 14, 0), True)])
def test_pins_that_have_no_wheel_for_a_newer_python_say_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: tuple[int, ...], told: bool
) -> None:
    monkeypatch.setattr(dev.sys, "version_info", version)
    for name, path in (("VENV", ""), ("STAMP", "nbexplain.json"), ("PYTHON", "python")):
        monkeypatch.setattr(dev, name, tmp_path / path)
    (tmp_path / "python").touch()
    dev.STAMP.write_text(f'{{"python": "{version[0]}.{version[1]}"}}')
    monkeypatch.setattr(hatch_build, "is_current", lambda: True)
    monkeypatch.setattr(dev, "run", lambda *command: 1)
    with pytest.raises(SystemExit) as stopped:
        dev.prepare("demo")
    words = str(stopped.value)
    assert "this step failed with status 1: installing the pinned packages for `demo`" in words
    assert ("tried with Python 3.11 to 3.13, and this is 3.14" in words) == told
    assert ("python3.13 dev.py" in words) == told


def test_the_pythons_that_are_tried_are_those_that_the_package_names() -> None:
    project = tomllib.loads((dev.ROOT / "pyproject.toml").read_text())["project"]
    named = [each.rpartition(" ")[2] for each in project["classifiers"] if "Python :: 3." in each]
    assert named == [f"3.{minor}" for minor in range(dev.TRIED[0][1], dev.TRIED[1][1] + 1)]
    assert project["requires-python"] == ">=3.11"  # newer ones are not refused
