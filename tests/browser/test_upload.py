"""Pictures that a person adds: each is shown as it should be, with its words, or refused with its words."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from nbexplain.examples import scenes
from tests.browser.jupyter import Lab
from tests.browser.pane import PLAIN, SOON, Explorer, difference, frames, kernel_values, until, wait

pytestmark = pytest.mark.browser

DEMO = scenes()
SHOW = """\
failing = []

def moody(picture):
    if failing:
        raise RuntimeError("<b>not</b> this one")
    return demo.preprocess(picture)

e = nx.explore(demo.model, list(demo.pictures), classes=demo.classes, preprocess=moody, target=7,
               show=["inputs", "map"], controls=["input"])
e"""
ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def explorer(shared_lab: Lab) -> Explorer:
    """One explorer that all files are given to, in turn."""
    assert shared_lab.execute(PLAIN) == ""
    shared_lab.run_cell(SHOW)
    explorer = Explorer(shared_lab)
    explorer.map.as_cells()
    shared_lab.execute("heard = []; e._parts[-1].strip.on_msg(lambda *message: heard.append(message))")
    return explorer


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def on_its_side() -> bytes:
    """A JPEG as a phone held upright writes it: to be turned by a quarter, clockwise."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return encoded(scene(2).transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif)


def scene(number: int) -> Image.Image:
    return DEMO.pictures[number].copy()


def half_transparent() -> tuple[bytes, Image.Image]:
    """The left half can be seen through; and the same on white."""
    picture, white = scene(3), Image.new("RGB", scene(3).size, "white")
    alpha = Image.new("L", picture.size, 255)
    alpha.paste(51, (0, 0, picture.width // 2, picture.height))
    on_white = Image.composite(picture, white, alpha)
    picture.putalpha(alpha)
    return encoded(picture, "PNG"), on_white


def sixteen_bits() -> tuple[bytes, Image.Image]:
    """A grey ramp over all of 16 bits; and the same in 8."""
    ramp = np.tile(np.linspace(0, 65535, 200), (200, 1))
    eight = Image.fromarray(np.rint(ramp / 257).astype(np.uint8)).convert("RGB")
    return encoded(Image.fromarray(ramp.astype(np.uint16)), "PNG"), eight


TAKEN = {
    "small.png": (encoded(scene(1), "PNG"), scene(1), ""),
    "phone.jpg": (on_its_side(), scene(2), ""),
    "moving.gif": (
        encoded(scene(4), "GIF", save_all=True, append_images=[scene(5)], duration=100),
        scene(4),
        "only the first frame is taken",
    ),
    "glass.png": (*half_transparent(), "transparent parts are shown on white"),
    "deep.png": (*sixteen_bits(), "values from 0 to 65535 are scaled to 8 bits"),
    "printed.jpg": (encoded(scene(6).convert("CMYK"), "JPEG", quality=95), scene(6), "inks (CMYK) are turned into"),
    "scan.tif": (encoded(scene(8), "TIFF"), scene(8), ""),  # Chromium decodes none: the kernel does
    "wide <b>.png": (encoded(scene(7).resize((400, 250)), "PNG"), scene(7).resize((400, 250)), ""),
}
KINDS = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "tif": "image/tiff", "txt": "text/plain"}


def send(explorer: Explorer, name: str, content: bytes) -> None:
    file: Any = {"name": name, "mimeType": KINDS[name.rpartition(".")[2]], "buffer": content}
    explorer.strip.locator("input[type=file]").set_input_files(file)


def at_rest(lab: Lab) -> None:
    until(lab, "e.session.wait(30)", True)
    frames(lab.page)


@pytest.mark.parametrize("name", TAKEN)
def test_a_picture_that_is_added_is_chosen_and_shown_as_it_should_be(explorer, shared_lab, name):
    lab = shared_lab
    content, picture, words = TAKEN[name]
    titles, count = explorer.inputs.evaluate_all("all => all.map(o => o.ariaLabel)"), explorer.inputs.count()
    send(explorer, name, content)
    explorer.chose_input(count)
    expect(explorer.inputs).to_have_count(count + 1)
    message = explorer.strip.get_by_role("alert")
    if words:
        expect(message).to_contain_text(words, timeout=SOON)
        expect(message).to_contain_text(name)
    else:
        expect(message).to_be_hidden(timeout=SOON)
    explorer.map.view("Show", "picture")
    x = DEMO.preprocess(picture)
    upright = (x * 0.27 + 0.45).mul(255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    explorer.map.shows_picture(upright)
    seen = explorer.map.pixels()
    turned = np.asarray(Image.fromarray(np.rot90(upright)).resize(seen.shape[1::-1]))
    assert np.abs(seen[..., :3].astype(int) - turned).mean() > 15  # the comparison would notice a wrong turn
    explorer.map.view("Show", "map")
    explorer.map.draws(kernel_values(lab, f"cam(e.session.inputs[{count}].tensor, 7)"))
    best = DEMO.model(x[None])[0].argmax()
    called = re.compile(rf"^input {count}, {DEMO.classes[best]} ")
    expect(explorer.inputs.nth(count)).to_have_attribute("aria-label", called, timeout=SOON)
    assert explorer.inputs.evaluate_all("all => all.map(o => o.ariaLabel)")[:count] == titles
    assert lab.errors == []


# What the browser refuses, and nothing of it reaches the kernel.
REFUSED = {
    "poem.txt": (b"no picture at all", "poem.txt is no picture"),
    "lie.png": (b"no picture at all", "lie.png is damaged or no picture"),
    "half.png": (encoded(scene(0), "PNG")[:4000], "half.png is damaged or no picture"),
    "empty.png": (b"", "empty.png is empty"),
    "holiday.jpg": (
        encoded(scene(0), "JPEG") + bytes(9_000_000),
        "MB, at most 8 MB are taken",
    ),
    "huge.png": (
        encoded(Image.new("1", (8000, 5000)), "PNG"),
        "huge.png has 8000 × 5000 pixels, fewer than 40 million are taken",
    ),
}
# What only the kernel can judge.
REFUSED_LATER = {
    "broken.tif": (b"II*\0" + bytes(60), "'broken.tif' can't be read as a picture"),
    "huge.tif": (
        encoded(Image.new("1", (8000, 5000)), "TIFF", compression="group4"),
        "'huge.tif' has 8000×5000 pixels; fewer than 40 million are taken",
    ),
}


@pytest.fixture
def unchanged(explorer, shared_lab):
    """Inputs, choice and picture are the same afterwards, and the next picture is taken."""
    at_rest(shared_lab)
    before, label = explorer.map.pixels(), explorer.map.canvas.get_attribute("aria-label")
    names, chosen = (
        explorer.inputs.evaluate_all("all => all.map(o => o.ariaLabel)"),
        explorer.range("Input").input_value(),
    )
    kernel = "e.session.wait(30) and (len(e.session.inputs), e.input)"
    was = shared_lab.execute(f"print({kernel})")
    yield
    until(shared_lab, kernel, was)
    frames(shared_lab.page)
    assert difference(explorer.map.pixels(), before) == 0
    assert explorer.map.canvas.get_attribute("aria-label") == label
    assert explorer.inputs.evaluate_all("all => all.map(o => o.ariaLabel)") == names
    explorer.chose_input(int(chosen))
    expect(explorer.button("Add a picture")).to_be_enabled()
    assert shared_lab.errors == []


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.usefixtures("unchanged")
def test_a_file_is_refused_before_anything_of_it_is_sent(explorer, shared_lab, name):
    content, words = REFUSED[name]
    heard = shared_lab.execute("print(len(heard))")
    send(explorer, name, content)
    expect(explorer.strip.get_by_role("alert")).to_contain_text(words, timeout=SOON)
    frames(shared_lab.page)
    until(shared_lab, "e.session.wait(30) and len(heard)", heard)


@pytest.mark.parametrize("name", REFUSED_LATER)
@pytest.mark.usefixtures("unchanged")
def test_the_kernel_says_why_it_takes_no_file(explorer, shared_lab, name):
    content, words = REFUSED_LATER[name]
    heard = int(shared_lab.execute("print(len(heard))"))
    send(explorer, name, content)
    expect(explorer.strip.get_by_role("alert")).to_contain_text(words, timeout=SOON)
    until(shared_lab, "len(heard)", heard + 1)


@pytest.mark.usefixtures("unchanged")
def test_what_the_users_own_transform_raises_is_said(explorer, shared_lab):
    shared_lab.execute("failing.append(1)")
    send(explorer, "small.png", TAKEN["small.png"][0])
    message = explorer.strip.get_by_role("alert")
    expect(message).to_contain_text("<b>not</b> this one", timeout=SOON)
    expect(message.locator("b")).to_have_count(0)
    shared_lab.execute("failing.clear()")


def test_a_file_comes_through_the_button_and_by_dropping_it(explorer, shared_lab):
    count = explorer.inputs.count()
    with shared_lab.page.expect_file_chooser() as chooser:
        explorer.button("Add a picture").click()
    file: Any = {"name": "small.png", "mimeType": "image/png", "buffer": TAKEN["small.png"][0]}
    chooser.value.set_files(file)
    explorer.chose_input(count)
    dropped = shared_lab.page.evaluate_handle(
        """bytes => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], 'dropped.png', {type: 'image/png'}));
            return transfer;
        }""",
        list(TAKEN["small.png"][0]),
    )
    explorer.strip.dispatch_event("dragover", {"dataTransfer": dropped})
    explorer.strip.dispatch_event("drop", {"dataTransfer": dropped})
    explorer.chose_input(count + 1)
    explorer.map.draws(kernel_values(shared_lab, "cam(tensor(1), 7)"))
    wait(lambda: shared_lab.page.locator(".nbx-dropping").count(), 0)
    assert shared_lab.errors == []
    assert shared_lab.strangers() == []
