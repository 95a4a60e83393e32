import dataclasses
import tomllib

import pytest

from srgan.errors import RecipeError
from srgan.training import recipe as module
from srgan.training.recipe import describe, load_recipe, parse_recipe, shipped_recipes, to_toml

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


def test_every_field_is_documented():
    classes = [value for value in vars(module).values() if dataclasses.is_dataclass(value) and isinstance(value, type)]
    assert len(classes) >= 9
    for cls in classes:
        for entry in dataclasses.fields(cls):
            assert len(entry.metadata.get("doc", "")) >= 6, f"{cls.__name__}.{entry.name}"
    text = describe()
    for word in ("[stages.NAME.content]", "constant", "(required)", "seed", "validate_every"):
        assert word in text


def test_resolved_recipe_reads_back_equal():
    for name in shipped_recipes():
        recipe = load_recipe(name)
        problems: list[str] = []
        assert parse_recipe(tomllib.loads(to_toml(recipe.to_dict())), problems) == recipe
        assert not problems


def test_overrides_replace_single_values(tmp_path):
    path = write(tmp_path, MINIMAL)
    recipe = load_recipe(path, ["stages.one.steps=7", "run.seed=3", "generator.norm=none", "stages.one.pixel.kind=mse"])
    assert (recipe.stages["one"].steps, recipe.run.seed, recipe.generator.norm) == (7, 3, "none")
    assert recipe.stages["one"].pixel.kind == "mse"
    assert recipe.stages["one"].pixel.weight == 1


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


def test_names_that_toml_must_quote_come_back(tmp_path):
    path = write(tmp_path, MINIMAL + 'content = { layers = { "conv 5" = 1.0, "größe" = 2.0 } }\n')
    recipe = load_recipe(path)
    problems: list[str] = []
    assert parse_recipe(tomllib.loads(to_toml(recipe.to_dict())), problems) == recipe
    assert not problems


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
