"""Pictures of many bands through networks of many bands: the same values tiled or whole, in the file's own depth."""

import numpy as np
import onnxruntime
import pytest
import pyvips
import torch
from PIL import Image

from srgan import Upscaler
from srgan.engine.multiband import Enlarger, bands_of
from srgan.errors import ImageReadError, ModelError, OutputExistsError, UsageError
from srgan.image.multiband import read_bands
from srgan.models.export import build_onnx, save_onnx, set_card
from srgan.networks.generator import Generator, GeneratorConfig
from support.tiny_runs import call


def save_network(path, bands):
    torch.manual_seed(0)
    config = GeneratorConfig(features=4, blocks=2, scale=2, bands=bands, norm="none", output="linear")
    weights = Generator(config).state_dict()
    weights["tail.weight"] *= 10  # so that values spread over the range
    model = build_onnx({key: value.numpy() for key, value in weights.items()}, config)
    set_card(model, name="many-x2", scale=2, card={"recipe": {"generator": {"bands": bands}}})
    save_onnx(model, path)
    return path


def save(path, shape, dtype):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)
    pyvips.Image.new_from_array(pixels).write_to_file(str(path))
    return pixels


def wanted(network, pixels):
    full = np.iinfo(pixels.dtype).max
    x = (pixels / full).astype(np.float32).transpose(2, 0, 1)[None]
    (y,) = onnxruntime.InferenceSession(network).run(None, {"input": x})
    return np.rint(np.clip(y[0], 0, 1).transpose(1, 2, 0) * full).astype(pixels.dtype)


@pytest.mark.parametrize(("bands", "dtype"), [(1, np.uint16), (2, np.uint8), (5, np.uint16), (13, np.uint8)])
def test_tiles_give_what_the_network_gives_for_the_whole(tmp_path, bands, dtype):
    network = save_network(tmp_path / "net.onnx", bands)
    pixels = save(tmp_path / "a.tif", (150, 130, bands), dtype)
    enlarger = Enlarger(network)
    enlarger.room = (2 * enlarger.network.radius + 40) ** 2
    assert enlarger(tmp_path / "a.tif", tmp_path / "b.tif") == ((150, 130), (300, 260))
    found = read_bands(tmp_path / "b.tif", bands)
    assert found.dtype == dtype
    difference = np.abs(found.astype(int) - wanted(network, pixels))
    assert difference.max() <= (1 if dtype == np.uint8 else 12)  # rounding of floats, in levels
    assert found.std() > 0.05 * np.iinfo(dtype).max
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.tif", "b.tif", "net.onnx"]


def test_too_little_memory_is_said(tmp_path):
    with pytest.raises(UsageError, match=r"memory of 0 MB is too little: give \d+ MB"):
        Enlarger(save_network(tmp_path / "net.onnx", 5), memory=100_000)


def test_only_fitting_pictures_and_names_are_taken(tmp_path):
    enlarger = Enlarger(save_network(tmp_path / "net.onnx", 5))
    save(tmp_path / "a.tif", (20, 30, 4), np.uint8)
    with pytest.raises(ImageReadError, match=r"a\.tif.*it has 4 bands, not 5"):
        enlarger(tmp_path / "a.tif", tmp_path / "b.tif")
    save(tmp_path / "a.tif", (20, 30, 5), np.uint8)
    with pytest.raises(UsageError, match=r"b\.png.*written as TIFF"):
        enlarger(tmp_path / "a.tif", tmp_path / "b.png")
    (tmp_path / "b.tif").write_text("mine")
    with pytest.raises(OutputExistsError):
        enlarger(tmp_path / "a.tif", tmp_path / "b.tif")
    assert (tmp_path / "b.tif").read_text() == "mine"
    enlarger(tmp_path / "a.tif", tmp_path / "b.tif", overwrite=True)
    assert read_bands(tmp_path / "b.tif", 5).shape == (40, 60, 5)


def test_the_upscaler_says_that_such_a_network_is_not_for_it(tmp_path):
    network = save_network(tmp_path / "net.onnx", 5)
    assert (bands_of(network), bands_of("srresnet-x4")) == (5, 3)
    with pytest.raises(ModelError, match="but of 5 bands: srgan upscale takes it"):
        Upscaler(network)


def test_the_command_does_a_folder_and_names_what_does_not_fit(tmp_path):
    network = save_network(tmp_path / "net.onnx", 1)
    save(tmp_path / "in" / "a.tif", (20, 30, 1), np.uint16)
    Image.new("RGB", (30, 20), (10, 200, 30)).save(tmp_path / "in" / "b.png")
    (tmp_path / "in" / "c.png").write_text("hello")
    result = call("upscale", tmp_path / "in", "--model", network, "-o", tmp_path / "out")
    assert result.code == 1
    assert [line.split()[0] for line in result.out.splitlines()] == [
        str(tmp_path / "out" / f"{n}_x2.tif") for n in "ab"
    ]
    assert [line.split()[1:4] for line in result.out.splitlines()] == 2 * [["30x20", "->", "60x40"]]  # width x height
    assert "c.png" in result.err
    assert read_bands(tmp_path / "out" / "a_x2.tif", 1).dtype == np.uint16
    assert read_bands(tmp_path / "out" / "b_x2.tif", 1).shape == (40, 60, 1)
    result = call("upscale", tmp_path / "in" / "a.tif", "--model", network, "--scale", 3, "--tta")
    assert result.code == 2
    assert "--scale, --tta: not with a network of 1 bands" in result.err


def test_a_satellites_picture_stays_in_its_place(tmp_path):
    """Of five bands: the size of a pixel is halved, tie point, projection and GDAL's tags stay."""
    tifffile = pytest.importorskip("tifffile")
    network = save_network(tmp_path / "net.onnx", 5)
    keys = (1, 1, 0, 1, 1025, 0, 1, 1)
    tags = [
        (33550, "d", 3, (10.0, 10.0, 0.0), True),
        (33922, "d", 6, (4.0, 2.0, 0.0, 500000.0, 4600000.0, 0.0), True),
        (34735, "H", 8, keys, True),
        (42113, "s", 0, "0", True),
    ]
    values = np.random.default_rng(0).integers(0, 65536, (40, 30, 5)).astype(np.uint16)
    options = {"photometric": "minisblack", "planarconfig": "contig", "metadata": None, "extratags": tags}
    tifffile.imwrite(tmp_path / "a.tif", values, **options)
    Enlarger(network)(tmp_path / "a.tif", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        page = file.pages[0]
        found = {number: page.tags[number].value for number in (33550, 33922, 34735, 42113)}
        assert page.shape == (80, 60, 5)
        assert "XResolution" not in page.tags or page.tags["ResolutionUnit"].value == 1
    assert found == {33550: (5, 5, 0), 33922: (8, 4, 0, 500000, 4600000, 0), 34735: keys, 42113: "0"}
