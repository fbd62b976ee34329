"""One family of fonts for a Chromium: what else the machine has, the page does not see."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

# Common ones of different width, and the file that shows that a machine has them; dev.py installs both on Debian.
FAMILIES = {"DejaVu Sans": "DejaVuSans.ttf", "Liberation Sans": "LiberationSans-Regular.ttf"}
_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
_CONFIG = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  <match target="pattern">
    <edit name="family" mode="assign" binding="strong"><string>{family}</string></edit>
  </match>
  <match target="font"> <!-- as Debian has it; else widths are whole pixels -->
    <edit name="antialias" mode="assign"><bool>true</bool></edit>
    <edit name="hintstyle" mode="assign"><const>hintslight</const></edit>
  </match>
</fontconfig>
"""


def only(family: str, folder: Path) -> dict[str, str]:
    """The environment in which a Chromium writes everything in this family; what it needs is put into the folder.

    Skips the test where that cannot be had.
    """
    if not sys.platform.startswith("linux"):
        pytest.skip("which fonts a browser sees is chosen with fontconfig, on Linux only")
    found = [path for each in _FOLDERS for path in Path(each).expanduser().rglob(FAMILIES[family])]
    if not found:
        pytest.skip(f"no {family} on this machine: on Debian, apt install fonts-dejavu-core fonts-liberation")
    config = folder / "fonts.conf"
    words = {"fonts": found[0].parent, "cache": folder / "cache", "family": family}
    config.write_text(_CONFIG.format(**{name: escape(str(word)) for name, word in words.items()}))
    return {"FONTCONFIG_FILE": str(config)}
