"""The notebook in examples/ runs from top to bottom."""

import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.slow
def test_the_notebook_runs_and_shows_pictures(tmp_path):
    import ipykernel  # noqa: F401 - what runs it
    import nbclient
    import nbformat

    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES, folder)
    notebook = nbformat.read(EXAMPLES / "upscale.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # kept without results
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert "(768, 512)" in [output["data"]["text/plain"] for output in outputs if "data" in output]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert any("spices.jpg (128, 192, 3) -> (512, 768, 3)" in output.get("text", "") for output in outputs)
