"""Pictures of 16 bits and of any number of bands, from the file to the network."""

import numpy as np
import onnxruntime
import pytest
import pyvips
import torch
from lightning_fabric import Fabric
from PIL import Image

from srgan.errors import RecipeError
from srgan.evaluation.metrics import psnr
from srgan.networks.generator import Generator, GeneratorConfig
from srgan.resize.imresize import downscale
from srgan.training.batches import batches
from srgan.training.checkpoint import load_checkpoint
from srgan.training.data import CropDataset
from srgan.training.pictures import prepare
from srgan.training.preview import side_by_side
from srgan.training.recipe import load_recipe
from srgan.training.stages import _to_unit
from srgan.training.validation import Example, find_validation, upscale
from support.tiny_runs import RECIPE, call

SHORT = RECIPE[: RECIPE.index("[stages.gan]")] + RECIPE[RECIPE.index("[run]") :]
SHORT = SHORT.replace("steps = 60", "steps = 4").replace("warmup = 5", "warmup = 0")


def save(path, bands=5, dtype=np.uint16, height=48, width=56, seed=0, full=4000):
    """Write a smooth picture that uses a small part of its range, as satellites' are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 256, (height // 8 + 1, width // 8 + 1, bands), dtype=np.uint8)
    large = [Image.fromarray(small[:, :, n]).resize((width, height), Image.Resampling.BICUBIC) for n in range(bands)]
    pixels = (np.stack(large, axis=2) / 255 * min(full, np.iinfo(dtype).max)).astype(dtype)
    pyvips.Image.new_from_array(pixels).write_to_file(str(path))
    return pixels


def prepared(tmp_path, bands, **changes):
    settings = {"scale": 2, "smallest": 16, "degradation": "bicubic", **changes}
    return prepare(sorted((tmp_path / "photos").iterdir()), tmp_path / "cache", bands=bands, **settings)


def test_16_bits_and_all_bands_reach_the_map_and_the_crops(tmp_path):
    pixels = save(tmp_path / "photos" / "a.tif", bands=13)
    pictures = prepared(tmp_path, 13)
    assert np.array_equal(pictures.hr[0], pixels)
    assert np.array_equal(pictures.lr[0], downscale(pixels, 2))
    dataset = CropDataset(pictures, crop=48, scale=2, seed=0, flips=False)
    (batch,) = batches(dataset, first_step=0, steps=1, batch=2, workers=0)
    assert batch.hr.shape == (2, 13, 48, 48)
    assert batch.hr.dtype == batch.lr.dtype == torch.uint16
    assert any(np.array_equal(batch.hr[0].permute(1, 2, 0), pixels[:, left : left + 48]) for left in range(0, 9, 2))


def test_values_are_scaled_by_the_range_of_their_depth():
    for dtype, full in ((torch.uint8, 255), (torch.uint16, 65535)):
        x = torch.tensor([0, full // 5, full]).to(dtype).reshape(1, 1, 1, 3)
        assert torch.equal(_to_unit(x, torch.device("cpu")).flatten(), torch.tensor([0, 0.2, 1]))


def test_pictures_of_both_depths_share_batches_at_the_same_brightness(tmp_path):
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (32, 32), (51, 51, 51)).save(tmp_path / "photos" / "a.png")
    deep = np.full((33, 33, 3), 51 * 257, np.uint16)  # odd sides, so that what follows begins anywhere
    pyvips.Image.new_from_array(deep).write_to_file(str(tmp_path / "photos" / "b.png"), bitdepth=16)
    Image.new("RGB", (33, 31), (51, 51, 51)).save(tmp_path / "photos" / "c.png")
    pictures = prepared(tmp_path, 3)
    assert [picture.dtype for picture in pictures.hr] == [np.uint8, np.uint16, np.uint8]
    dataset = CropDataset(pictures, crop=16, scale=2, seed=0, flips=True, candidates=2)
    (batch,) = batches(dataset, first_step=0, steps=1, batch=32, workers=0)
    assert (batch.hr == 51 * 257).all()
    assert (batch.lr == 51 * 257).all()


def test_pictures_with_other_numbers_of_bands_are_named(tmp_path):
    save(tmp_path / "photos" / "a.tif", bands=5)
    save(tmp_path / "photos" / "b.tif", bands=4)
    pictures = prepared(tmp_path, 5)
    assert pictures.names == ("a.tif",)
    assert "it has 4 bands, not 5" in dict(pictures.rejected)["b.tif"]


def test_psnr_over_bands_by_hand():
    a = np.zeros((10, 10, 4), np.uint16)
    b = a.copy()
    b[:, :, 1] = 655  # of one band in four; a mean of the bands' own figures would be infinite
    assert psnr(a, b, 2) == pytest.approx(20 * np.log10(65535 / 655) + 10 * np.log10(4))
    b[2:-2, 2:-2] = 0
    assert psnr(a, b, 2) == np.inf  # the border does not count


def test_validation_keeps_depth_and_bands(tmp_path):
    pixels = save(tmp_path / "val" / "a.tif", bands=5)
    ((example,),) = (
        entry.examples for entry in find_validation([tmp_path / "val"], scale=2, bands=5, degradation="bicubic")
    )
    assert np.array_equal(example.hr, pixels)
    generator = Generator(GeneratorConfig(features=4, blocks=1, scale=2, bands=5, norm="none", output="linear")).eval()
    sr = upscale(generator, example.lr, Fabric(accelerator="cpu", devices=1))
    with torch.no_grad():
        wanted = generator(torch.from_numpy(example.lr.astype(np.float32)).permute(2, 0, 1)[None] / 65535)
    assert (sr.dtype, sr.shape) == (np.uint16, pixels.shape)
    assert np.abs(sr / 65535 - wanted[0].clamp(0, 1).permute(1, 2, 0).numpy()).max() < 1e-5


@pytest.mark.parametrize(("bands", "shown"), [(1, [0, 0, 0]), (2, [0, 0, 0]), (5, [0, 1, 2])])
def test_the_preview_shows_the_first_bands_bright_enough_to_see(bands, shown):
    hr = np.random.default_rng(0).integers(0, 2000, (320, 320, bands), dtype=np.uint16)
    picture = side_by_side([Example("a", downscale(hr, 2), hr)], [hr], 2)
    assert (picture.dtype, picture.shape) == (np.uint8, (320, 3 * 320 + 16, 3))
    assert picture[:, -320:].max() == 255
    for band, source in enumerate(shown):
        assert np.corrcoef(picture[:, -320:, band].ravel(), hr[:, :, source].ravel())[0, 1] > 0.999


def test_what_needs_colours_is_reported_with_all_else(tmp_path):
    (tmp_path / "my.toml").write_text(RECIPE)
    with pytest.raises(RecipeError) as caught:
        load_recipe(tmp_path / "my.toml", ["generator.bands=5", "data.degradation=photo", "run.keep=0"])
    for words in ("3 problems", "stages.gan.content: VGG", "data.degradation 'photo' is for", "run.keep"):
        assert words in str(caught.value)
    for bands in (0, 14):
        with pytest.raises(RecipeError, match="must be from 1 to 13"):
            load_recipe(tmp_path / "my.toml", [f"generator.bands={bands}", "stages.gan.content.weight=0"])


def test_a_run_on_five_bands_ends_in_a_network_of_five_bands(tmp_path):
    for number in range(10):
        save(tmp_path / "photos" / f"{number}.tif", seed=number)
    recipe = SHORT + "\n[stages.gan]\nsteps = 2\nbatch = 2\ncrop = 32\npixel = { weight = 1.0 }\n"
    (tmp_path / "my.toml").write_text(recipe + "adversarial = { weight = 0.01 }\n")
    where = ["--recipe", tmp_path / "my.toml", "--out", tmp_path / "run", "--device", "cpu"]
    result = call("train", tmp_path / "photos", *where, "--set", "generator.bands=5")
    assert result.code == 0, result.err
    assert "PSNR validation" in result.err
    assert (tmp_path / "run" / "results" / "gan-00000002.png").exists()
    session = onnxruntime.InferenceSession(tmp_path / "run" / "gan-x2.onnx")
    x = np.random.default_rng(0).random((1, 5, 12, 14), np.float32)
    (found,) = session.run(None, {"input": x})
    weights = load_checkpoint(tmp_path / "run" / "checkpoints", print).parts["average"]
    generator = Generator(GeneratorConfig(features=4, blocks=1, scale=2, bands=5, norm="none", output="linear")).eval()
    generator.load_state_dict(weights)
    with torch.no_grad():
        assert np.abs(found - generator(torch.from_numpy(x)).numpy()).max() < 2e-3  # weights are stored in fp16
    result = call("upscale", tmp_path / "photos" / "0.tif", "--model", tmp_path / "run" / "gan-x2.onnx")
    assert result.code == 0, result.err
    large = pyvips.Image.new_from_file(str(tmp_path / "photos" / "0_x2.tif"))
    assert (large.width, large.height, large.bands, large.format) == (112, 96, 5, "ushort")
