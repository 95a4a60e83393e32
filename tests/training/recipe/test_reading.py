import pytest

from srgan.errors import RecipeError
from srgan.training.recipe import load_recipe, shipped_recipes

MINIMAL = "[stages.one]\nsteps = 10\npixel = { weight = 1.0 }\n"


def write(tmp_path, text):
    path = tmp_path / "my.toml"
    path.write_text(text)
    return path


def test_shipped_recipes_are_whole():
    assert {"srgan", "paper", "keras"} <= set(shipped_recipes())
    for name in shipped_recipes():
        assert load_recipe(name).stages


def test_paper_recipe_says_what_the_paper_says():
    recipe = load_recipe("paper")
    assert (recipe.generator.scale, recipe.generator.blocks, recipe.generator.features) == (4, 16, 64)
    first, second = recipe.stages["srresnet"], recipe.stages["srgan"]
    assert (first.steps, first.batch, first.crop, first.rate, first.beta1) == (1_000_000, 16, 96, 1e-4, 0.9)
    assert first.pixel.kind == "mse"
    assert second.content.layers == {"conv5_4": 1.0}
    assert second.content.constant == pytest.approx(1 / 12.75)
    assert (second.content.network, second.adversarial.weight, second.pixel.weight) == ("vgg19", 1e-3, 0)
    assert (second.steps, second.rate, second.final_rate, second.schedule) == (200_000, 1e-4, 1e-5, "halves")


def test_keras_recipe_is_the_blogs_one_stage():
    (stage,) = load_recipe("keras").stages.values()
    assert (stage.batch, stage.crop, stage.rate, stage.final_rate, stage.steps) == (4, 384, 2e-4, 2e-6, 400_000)
    assert (stage.pixel.weight, stage.adversarial.weight, stage.content.weight) == (1, 1e-3, 2e-6)


def test_photo_unet_differs_from_photo_by_what_real_esrgan_trains_its_gan_by():
    photo, unet = load_recipe("photo"), load_recipe("photo-unet")
    assert (photo.generator, photo.data) == (unet.generator, unet.data)
    assert (unet.discriminator.kind, unet.discriminator.features) == ("unet", 64)
    stage = unet.stages["photo"]
    assert (stage.pixel.weight, stage.content.weight, stage.adversarial.weight) == (1, 1, 0.1)
    assert stage.adversarial.kind == "standard"
    assert stage.wants_plain
    assert not photo.stages["photo"].wants_plain


def test_overrides_replace_single_values(tmp_path):
    path = write(tmp_path, MINIMAL)
    recipe = load_recipe(path, ["stages.one.steps=7", "run.seed=3", "generator.norm=none", "stages.one.pixel.kind=mse"])
    assert (recipe.stages["one"].steps, recipe.run.seed, recipe.generator.norm) == (7, 3, "none")
    assert recipe.stages["one"].pixel.kind == "mse"
    assert recipe.stages["one"].pixel.weight == 1


OLD = MINIMAL + "matrix_rate = 2e-4\ndecay = 0.5\n[run]\nexamine_every = 7\n"


def test_old_names_of_keys_are_read_with_a_line(tmp_path):
    notes: list[str] = []
    recipe = load_recipe(write(tmp_path, OLD), notes=notes)
    stage = recipe.stages["one"]
    assert (stage.muon_lr, stage.weight_decay, recipe.run.diagnose_every) == (2e-4, 0.5, 7)
    assert notes == [
        "stages.one.matrix_rate is now called muon_lr",
        "stages.one.decay is now called weight_decay",
        "run.examine_every is now called diagnose_every",
    ]
    for override in (
        "stages.one.muon_lr=1e-3",
        "stages.one.matrix_rate=1e-3",
        "stages.one={steps=3, matrix_rate=1e-3}",
    ):
        changed = load_recipe(write(tmp_path, OLD), [override, "stages.one.pixel.weight=1.0"])
        assert changed.stages["one"].muon_lr == 1e-3
    with pytest.raises(RecipeError, match="matrix_rate is the old name of muon_lr, which is there as well"):
        load_recipe(write(tmp_path, MINIMAL + "matrix_rate = 2e-4\nmuon_lr = 2e-4\n"))


def test_a_missing_recipe_names_the_known_ones(tmp_path):
    for name in ("nothing", tmp_path / "none.toml", tmp_path):
        with pytest.raises(RecipeError, match=r"srgan"):
            load_recipe(name)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="not text"):
        load_recipe(tmp_path / "binary.toml")


@pytest.mark.parametrize("override", ["run.seed", "run.seed.deeper=1"])
def test_malformed_overrides_are_named(tmp_path, override):
    path = write(tmp_path, MINIMAL + "[run]\nseed = 1\n")
    with pytest.raises(RecipeError, match="--set"):
        load_recipe(path, [override])
