"""What transforms are given, and what is taken of what they return."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor, nn

from nbexplain import explain
from nbexplain.inputs import Image

PHOTO = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
RAMP = np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30)
SHARES = (RAMP / 65535).astype(np.float32)
TENSOR = torch.from_numpy(PHOTO).permute(2, 0, 1) / 255


class Refusing(Tensor):
    """A subclass that refuses what its authors never thought of, as MONAI's MetaTensor and others do."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (Tensor.as_subclass, Tensor.detach, Tensor.clone, torch.isfinite, torch.where, Tensor.expand):
            raise TypeError(f"{func} is not implemented for {cls.__name__}")
        return super().__torch_function__(func, types, args, kwargs or {})


class Growing(Tensor):
    """A subclass that whatever it meets becomes, and that no batch may be made of."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.cat, torch.stack, Tensor.__setitem__):
            raise RuntimeError("metadata of several images can't be put together")
        return super().__torch_function__(func, types, args, kwargs or {})


def net(channels: int = 3) -> nn.Module:
    torch.manual_seed(0)
    layers = (nn.Conv2d(channels, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
    return nn.Sequential(*layers).eval()


# What they are given


@pytest.mark.parametrize(
    "source",
    [
        PHOTO,
        PHOTO[..., 0],
        RAMP,
        RAMP.astype(np.int32),
        PHOTO / 255,
        np.dstack([PHOTO] * 4),
        *(PIL.Image.fromarray(a) for a in (PHOTO, PHOTO[..., 0], RAMP, RAMP.astype(np.int32), RAMP.astype(np.float32))),
        *(PIL.Image.fromarray(PHOTO).convert(mode) for mode in ("P", "CMYK", "RGBA", "YCbCr", "1")),
        torch.from_numpy(PHOTO).permute(2, 0, 1),
    ],
    ids=lambda source: getattr(source, "mode", None) or f"{source.dtype} {tuple(source.shape)}",
)
def test_the_users_own_object_is_handed_over(source: Any) -> None:
    given: list[Any] = []
    image = Image(source, lambda x: given.append(x) or TENSOR)
    if isinstance(source, Tensor):
        assert given[0].data_ptr() == source.data_ptr()
        assert given[0].dtype == torch.uint8
    else:
        assert given[0] is source
    assert torch.equal(image.tensor[0], TENSOR)
    assert image.notes == ()


def test_a_file_keeps_its_depth_and_is_turned_upright(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.fromarray(RAMP).save(tmp_path / "ramp.png", exif=exif)
    given: list[Any] = []
    image = Image(tmp_path / "ramp.png", lambda x: given.append(x) or torch.from_numpy(np.array(x) / 65535)[None])
    np.testing.assert_array_equal(given[0], np.rot90(RAMP, -1))
    assert len(image.tensor.unique()) == len(np.unique(RAMP))
    assert image.picture_notes == image.notes == ()
    np.testing.assert_array_equal(image.picture[..., 0], np.rint(np.rot90(RAMP, -1) / 257))


def test_a_file_that_is_refused_as_it_is_is_tried_in_eight_bits_and_three_colours(tmp_path: Path) -> None:
    def colours_only(x: Any) -> Tensor:
        return torch.from_numpy(np.array(x)).permute(2, 0, 1) / 255

    for values, note in (
        (RAMP, "values from 0 to 65535 are scaled to 8 bits"),
        (PHOTO[..., 0], "grey values are repeated for three colours"),
    ):
        PIL.Image.fromarray(values).save(tmp_path / "a.png")
        image = Image(tmp_path / "a.png", colours_only)
        levels = np.rint(values / (257 if values is RAMP else 1))
        np.testing.assert_allclose(image.tensor[0], np.stack([levels] * 3) / 255, rtol=1e-6)
        assert image.notes == (note,)
        np.testing.assert_array_equal(image.picture[..., 2], levels)
        with pytest.raises(ValueError, match=r"preprocess: it raised RuntimeError .* PIL image of mode"):
            Image(PIL.Image.open(tmp_path / "a.png"), colours_only)  # the user's own object is never converted


# What they return


@pytest.mark.parametrize(
    "ways",
    [
        lambda x: x,
        lambda x: x[None],
        lambda x: x.numpy(),
        lambda x: x[None].numpy(),
        lambda x: x.double().numpy()[..., ::-1][..., ::-1],
        lambda x: [x],
        lambda x: (x[None],),
        lambda x: {"image": x},
        lambda x: {"pixel_values": x[None]},
        lambda x: {"pixel_values": [x.numpy()]},
        lambda x: {"image": x, "path": "a.png", "label": 3},
        lambda x: UserDict(pixel_values=x[None]),
        lambda x: x.as_subclass(Growing),
        lambda x: {"pixel_values": x[None].as_subclass(Refusing)},
    ],
)
def test_whatever_way_the_tensor_is_returned(ways: Callable[[Tensor], Any]) -> None:
    image = Image(PHOTO, lambda x: ways(torch.from_numpy(x).permute(2, 0, 1) / 255))
    assert type(image.tensor) is Tensor
    assert torch.equal(image.tensor.float(), TENSOR[None])
    assert image.alone
    assert image.arguments(image.tensor) == ((image.tensor,), {})
    np.testing.assert_array_equal(image.picture, PHOTO)
    assert image.notes == image.picture_notes == ()


class Masked(nn.Module):
    """What is under a mask, as a network of Hugging Face takes it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = net()

    def forward(self, pixel_values: Tensor, pixel_mask: Tensor | None = None) -> Tensor:
        assert pixel_mask is not None
        return self.inner(pixel_values * pixel_mask[:, None])


@pytest.mark.parametrize("batch", [False, True])
def test_further_tensors_of_a_mapping_go_to_the_model_as_keywords(batch: bool) -> None:
    mask = torch.zeros(20, 30)
    mask[:, 10:] = 1

    def pad(x: np.ndarray) -> dict[str, Any]:
        x = torch.from_numpy(x).permute(2, 0, 1) / 255
        found = {"pixel_mask": mask.long(), "pixel_values": x, "size": (20, 30)}
        return {k: v[None] if batch and isinstance(v, Tensor) else v for k, v in found.items()}

    model = Masked()
    got = explain(model, PHOTO, "gradient", target=1, preprocess=pad)
    x = TENSOR[None].clone().requires_grad_()
    score = model.inner(x * mask)[0, 1]
    np.testing.assert_allclose(got.values, torch.autograd.grad(score, x)[0][0], atol=1e-7)
    assert not got.values[:, :, :8].any()
    assert got.score == pytest.approx(score.item(), rel=1e-5)
    hidden = explain(model, PHOTO, "occlusion", target=1, preprocess=pad, window=4, stride=4)
    assert np.abs(hidden.values[:, 20:]).max() > 0


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        ([TENSOR, TENSOR], TypeError, "preprocess: expected a tensor from it, got list of 2"),
        (None, TypeError, "preprocess: expected a tensor from it, got NoneType"),
        ({}, ValueError, "preprocess: expected a mapping with one floating-point tensor .*, got no tensor"),
        (
            {"a": TENSOR, "b": TENSOR},
            ValueError,
            r"preprocess: .* got 'a' \(3, 20, 30\), 'b' \(3, 20, 30\); let it return",
        ),
        ({"ids": torch.ones(1, 5)}, ValueError, r"preprocess: .* got 'ids' \(1, 5\)"),
    ],
)
def test_what_cannot_be_taken_is_refused(returned: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Image(PHOTO, lambda x: returned)


# Transforms that raise


def pil_only(x: Any) -> Tensor:
    if not isinstance(x, PIL.Image.Image):
        raise TypeError(f"img should be PIL Image. Got {type(x)}")
    return torch.from_numpy(np.array(x)).permute(2, 0, 1) / 255


def numpy_only(x: Any) -> np.ndarray:
    return x.astype(np.float32).transpose(2, 0, 1) / 255


def test_a_transform_that_is_given_the_wrong_kind_says_which_call_works() -> None:
    with pytest.raises(TypeError) as raised:
        Image(PHOTO, pil_only)
    assert str(raised.value) == (
        "preprocess: it raised TypeError (img should be PIL Image. Got <class 'numpy.ndarray'>) when given "
        "an array uint8 (20, 30, 3); it takes Image(PIL.Image.fromarray(x), preprocess)"
    )
    assert torch.equal(Image(PIL.Image.fromarray(PHOTO), pil_only).tensor, TENSOR[None])
    with pytest.raises(ValueError, match=r"preprocess: .* RGB, 30×20; it takes Image\(np\.asarray\(x\), preprocess\)"):
        Image(PIL.Image.fromarray(PHOTO), numpy_only)
    assert torch.equal(Image(np.asarray(PIL.Image.fromarray(PHOTO)), numpy_only).tensor, TENSOR[None])


def test_a_transform_that_takes_nothing_promises_nothing() -> None:
    def broken(x: Any) -> Tensor:
        raise RuntimeError("out of order\nsince long")

    for source in (PHOTO, PIL.Image.fromarray(PHOTO)):
        with pytest.raises(ValueError, match=r"^preprocess: it raised RuntimeError \(out of order\) when given [^;]*$"):
            Image(source, broken)


# Black and white through them


def test_black_and_white_are_found_at_every_depth() -> None:
    def mean_and_spread(x: Any, white: float) -> Tensor:
        return (torch.from_numpy(np.atleast_3d(np.array(x)) / white).permute(2, 0, 1) - 0.45) / 0.27

    for source, white in ((RAMP, 65535), (PIL.Image.fromarray(RAMP), 65535), (RAMP.astype(np.int32), 65535)):
        image = Image(source, lambda x, white=white: mean_and_spread(x, white))
        np.testing.assert_array_equal(image.picture[..., 0], np.rint(RAMP / 257))
        assert image.picture_notes == ()
        assert float(image.fill("white").max()) == pytest.approx((1 - 0.45) / 0.27)
    holes = SHARES.copy()
    holes[2, 3] = np.nan
    image = Image(holes, lambda x: mean_and_spread(x, 1))
    np.testing.assert_array_equal(np.delete(image.picture[..., 0], 63), np.delete(np.rint(RAMP / 257), 63))
    beyond = Image(PHOTO.astype(np.float32), lambda x: mean_and_spread(x, 255))  # floats up to 255: what is white?
    assert "black and white are unknown" in beyond.picture_notes[0]
    np.testing.assert_array_equal(beyond.picture, PHOTO)


def test_black_and_white_are_found_through_a_transform_of_arrays_for_a_tensor_too() -> None:
    image = Image((TENSOR - 0.45) / 0.27, lambda x: (numpy_only(x) - 0.45) / 0.27)
    np.testing.assert_array_equal(image.picture, PHOTO)
    assert image.picture_notes == ()


# Image processors of Hugging Face


def test_image_processors_are_called_as_they_want_to_be() -> None:
    transformers = pytest.importorskip("transformers.models.vit.image_processing_pil_vit")
    processor = transformers.ViTImageProcessorPil(size={"height": 12, "width": 16}, image_mean=[0.4, 0.5, 0.6])
    for source in (PHOTO, PIL.Image.fromarray(PHOTO)):
        image = Image(source, processor)
        wanted = processor(images=source, return_tensors="pt")["pixel_values"]
        assert torch.equal(image.tensor, wanted)
        assert image.alone
        small = np.asarray(PIL.Image.fromarray(PHOTO).resize((16, 12), PIL.Image.Resampling.BILINEAR)).astype(int)
        assert np.abs(image.picture - small).max() <= 1  # black and white are known through it
        assert image.picture_notes == ()
        np.testing.assert_allclose(image.fill("black")[0, :, 0, 0], [-0.4 / 0.5, -1, -0.6 / 0.5], rtol=1e-6)
    bound = Image(PHOTO, processor.preprocess)
    assert torch.equal(bound.tensor, wanted)


def test_the_mask_of_an_image_processor_goes_to_the_model() -> None:
    transformers = pytest.importorskip("transformers.models.detr.image_processing_pil_detr")
    processor = transformers.DetrImageProcessorPil(size={"height": 12, "width": 16})
    image = Image(PIL.Image.fromarray(PHOTO), processor)
    positions, keywords = image.arguments(image.tensor.expand(2, -1, -1, -1))
    assert positions == ()
    assert set(keywords) == {"pixel_values", "pixel_mask"}
    assert keywords["pixel_mask"].shape == (2, 12, 16)


def test_processors_are_known_by_their_signature_or_by_what_they_are() -> None:
    asked: list[dict[str, Any]] = []

    class ImageProcessingMixin:
        def __call__(self, *args: Any, **options: Any) -> dict[str, Tensor]:
            assert not args
            asked.append(options)
            return {"pixel_values": TENSOR[None]}

    class Processor(ImageProcessingMixin):
        pass

    def by_signature(images: Any, return_tensors: str) -> dict[str, Tensor]:
        asked.append({"images": images, "return_tensors": return_tensors})
        return {"pixel_values": TENSOR[None]}

    def images_alone(images: Any) -> Tensor:
        return TENSOR

    for preprocess in (Processor(), by_signature, images_alone):
        assert torch.equal(Image(PHOTO, preprocess).tensor, TENSOR[None])
    assert len(asked) == 2
    assert all(one["images"] is PHOTO and one["return_tensors"] == "pt" for one in asked)


# Subclasses of torch.Tensor


@pytest.mark.parametrize("kind", [Refusing, Growing])
@pytest.mark.parametrize("way", ["tensor", "preprocess", "part"])
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("gradient", {}),
        ("grad_cam", {"layer": "0"}),
        ("occlusion", {"window": 4, "stride": 4}),
        ("lime", {"superpixels": 6, "samples": 40, "segmentation": "grid"}),
        ("kernel_shap", {"superpixels": 6, "segmentation": "grid"}),
    ],
)
def test_subclasses_are_left_at_the_door(kind: type[Tensor], way: str, method: str, params: dict[str, Any]) -> None:
    plain = TENSOR[None].clone()
    sub = plain.as_subclass(kind)
    if way == "tensor":
        got, wanted = (explain(net(), x, method, target=1, **params) for x in (sub, plain))
    elif way == "preprocess":
        ways = (lambda x: sub, lambda x: plain)
        got, wanted = (explain(net(), PHOTO, method, target=1, preprocess=p, **params) for p in ways)
    else:
        if method in ("lime", "kernel_shap"):
            pytest.skip("superpixels are those of an image, not of a tuple")

        def forward(model: nn.Module, x: Tensor, gain: Tensor) -> Tensor:
            assert type(gain) is Tensor
            return model(x) * gain

        parts = ((sub, torch.ones(1, 3).as_subclass(kind)), (plain, torch.ones(1, 3)))
        got, wanted = (explain(net(), x, method, target=1, forward=forward, **params) for x in parts)
    np.testing.assert_array_equal(got.values, wanted.values)
    assert got.score == wanted.score
    assert type(sub) is kind
    assert torch.equal(sub.as_subclass(Tensor) if kind is Growing else plain, plain)
