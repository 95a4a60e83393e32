"""Recipes that contradict themselves."""

import pytest

from srgan.errors import RecipeError
from srgan.training.recipe import load_recipe

MINIMAL = "[stages.one]\nsteps = 10\npixel = { weight = 1.0 }\n"


def write(tmp_path, text):
    path = tmp_path / "my.toml"
    path.write_text(text)
    return path


def test_all_problems_are_reported_together(tmp_path):
    path = write(
        tmp_path,
        '[generatr]\nscale = 4\n[run]\nsede = 1\nprecision = "int4"\n'
        '[stages.one]\nsteps = "many"\ncrop = 97\nbatch = true\n[stages.two]\npixel = 3\n',
    )
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    text = str(caught.value)
    for part in (
        "generatr",
        "did you mean generator?",
        "run.sede",
        "did you mean seed?",
        "'int4'",
        "'many'",
        "stages.one.batch",
        "stages.two.steps is missing",
        "stages.two.pixel must be a table",
        "my.toml",
    ):
        assert part in text
    assert "\n" not in text
    assert caught.value.exit_code == 2


def test_contradictions_do_not_hide_behind_unknown_keys(tmp_path):
    path = write(tmp_path, MINIMAL + "crop = 98\nwarmpu = 3\n[run]\nkeep = 0\n")
    with pytest.raises(RecipeError, match=r"3 problems.*warmpu.*keep.*crop"):
        load_recipe(path)
    both = write(tmp_path, MINIMAL + "batch = true\n[stages.two]\nstep = 3\n[generator]\nscale = 3\n")
    with pytest.raises(RecipeError, match=r"batch.*stages\.two\.step.*stages\.two\.steps is missing"):
        load_recipe(both)


def test_a_wrong_type_hides_no_other_fault(tmp_path):
    path = write(
        tmp_path,
        '[generator]\nscale = "four"\n[run]\nkeep = 0\nseed = "x"\n[stages.one]\nsteps = -1\nbatch = "many"\naccumulate = 3\n'
        "crop = 98\nrate = 2.0\nema = 1.0\n",
    )
    with pytest.raises(RecipeError, match="8 problems") as caught:
        load_recipe(path)
    for part in (
        "generator.scale must be a whole number",
        "run.seed must be a whole number",
        "run.keep must be at least 1",
        "stages.one.batch must be a whole number",
        "stages.one.steps must be at least 1",
        "stages.one.rate must be above 0",
        "stages.one.ema must be from 0",
        "stages.one has no loss",
    ):
        assert part in str(caught.value)
    # What stands in for a value of the wrong type is not held against another one.
    for part in ("crop", "multiple of accumulate"):
        assert part not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (MINIMAL + "crop = 98\n", "multiple"),
        (MINIMAL + "batch = 6\naccumulate = 4\n", "multiple of accumulate"),
        (MINIMAL + "accumulate = 0\n", "accumulate"),
        (MINIMAL.replace("1.0", "0.0"), "no loss"),
        (MINIMAL.replace("1.0", "-1.0"), "negative"),
        (MINIMAL + "rate = 1e-4\nfinal_rate = 1e-3\n", "final_rate"),
        (MINIMAL + "[generator]\nscale = 3\n", "power of two"),
        (MINIMAL + '[generator]\nkind = "fast"\noutput = "linear"\n', "'fast' needs generator.norm = 'none'"),
        (MINIMAL + 'content = { weight = 1.0, network = "vgg16", layers = { conv5_4 = 1.0 } }\n', "no layer 'conv5_4'"),
        (MINIMAL + "content = { weight = 1.0, layers = {} }\n", "layers is empty"),
        (MINIMAL + "crop = 8\nadversarial = { weight = 0.1 }\n", "at least 16"),
        (MINIMAL + '[discriminator]\nkind = "unet"\nnorm = "batch"\n', "'batch' is for kind 'paper'"),
        (MINIMAL + '[discriminator]\nkind = "unet"\ndense = 64\n', "dense is for kind 'paper'.*at 1024"),
        (MINIMAL + "adversarial = { weight = 0.1, noise = -0.1 }\n", "noise must be from 0 to 1"),
        (MINIMAL + 'adversarial = { weight = 0.1, kind = "hinge", label = 0.9 }\n', "label is for cross entropy"),
        (MINIMAL + "adversarial = { weight = 0.1, sharpened = false }\n", "sharpened = false is for .*'photo'"),
        (
            MINIMAL + 'adversarial = { weight = 0.1, sharpened = false }\n[data]\ndegradation = "photo"\nsharpen = 0\n',
            "sharpened = false is for",
        ),
        (MINIMAL + "[data]\nsharpen = 1.0\n", "data.sharpen is for data.degradation 'photo'"),
        (MINIMAL + '[data]\ndegradation = "photo"\nsharpen = -1.0\n', "data.sharpen must be from 0"),
        (MINIMAL + "[run]\nkeep = 0\n", "keep"),
        (MINIMAL.replace("stages.one", 'stages."größe"'), "from a to z"),
        ("[run]\nseed = 1\n", "stages is missing"),
        ("[stages]\n", "no stages"),
        (MINIMAL + "[generator\n", "not TOML"),
    ],
)
def test_contradictions_are_found(tmp_path, text, word):
    with pytest.raises(RecipeError, match=word):
        load_recipe(write(tmp_path, text))


def test_a_unet_is_left_its_own_values(tmp_path):
    unet = '[discriminator]\nkind = "unet"\n'
    for more in ("", 'norm = "auto"\n', 'norm = "spectral"\n', "dense = 1024\n", "features = 8\n"):
        assert load_recipe(write(tmp_path, MINIMAL + unet + more)).discriminator.kind == "unet"
    plain = MINIMAL + "adversarial = { weight = 0.1, sharpened = false }\n"
    for degradation in ("photo", "given"):  # the second is what the first becomes for pairs
        recipe = load_recipe(write(tmp_path, f'{plain}[data]\ndegradation = "{degradation}"\nsharpen = 1.0\n'))
        assert recipe.stages["one"].wants_plain
