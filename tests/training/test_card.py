import json

from lightning_fabric import Fabric

from srgan import __version__
from srgan.training.card import make_card, to_markdown
from srgan.training.pictures import prepare
from srgan.training.processes import Processes
from srgan.training.recipe import load_recipe, parse_recipe
from srgan.training.report import Reporter
from srgan.training.state import Run, StageState
from support.tiny_runs import RECIPE, save_photos


def make(tmp_path, stage, init=None):
    (tmp_path / "my.toml").write_text(RECIPE)
    recipe = load_recipe(tmp_path / "my.toml")
    files = sorted(save_photos(tmp_path / "photos", 2).iterdir())
    pictures = prepare(files, tmp_path / "cache", scale=2, bands=3, smallest=32, degradation="bicubic")
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    run = Run(tmp_path, recipe, pictures, [], fabric, Processes(fabric), None, Reporter(tmp_path))
    facts = StageState(5400.0, 31.2, [(25, {"Set5": 30.12345}), (60, {"Set5": 31.2})])
    return make_card(run, init, stage, recipe.stages[stage], facts), pictures


def test_a_card_says_all_that_was_done(tmp_path):
    card, pictures = make(tmp_path, "gan")
    card = json.loads(json.dumps(card))  # as it is stored
    assert (card["srgan"], card["stage"], card["steps"], card["hours"]) == (__version__, "gan", 40, 1.5)
    assert card["data"] == {"pictures": 2, "megapixels": 0.005, "sha256": pictures.digest}
    assert card["precision"] == "bf16-mixed"
    assert card["curve"] == [[25, {"Set5": 30.123}], [60, {"Set5": 31.2}]]
    problems: list[str] = []
    assert parse_recipe(card["recipe"], problems) == load_recipe(tmp_path / "my.toml")
    assert not problems


def test_markdown_tells_where_a_stage_started(tmp_path):
    first, _ = make(tmp_path, "pixels")
    assert "- **Started from**: random weights" in to_markdown("pixels-x2", first)
    given, _ = make(tmp_path, "pixels", "srresnet-x4")
    assert "- **Started from**: srresnet-x4" in to_markdown("pixels-x2", given)
    second, pictures = make(tmp_path, "gan")
    second["evaluation"] = [{"set": "Set5", "images": 5, "psnr_y": 30.614, "ssim_y": 0.86789}]
    lines = to_markdown("gan-x2", second).splitlines()
    assert lines[0] == "# gan-x2"
    assert "- **Started from**: stage pixels" in lines
    assert "- **Loss**: 1 x pixel (l1), 0.1 x content (l1), 0.05 x adversarial (relativistic)" in lines
    assert "- **Steps**: 40 of batch 2, HR crops of 32 pixels; 1.50 hours, precision bf16-mixed" in lines
    assert f"- **Data**: 2 pictures, 0.0 megapixels, SHA-256 `{pictures.digest}`" in lines
    assert "| Set5 | 5 | 30.61 | 0.8679 |" in lines
