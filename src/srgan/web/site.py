"""A static site that enlarges pictures in the visitor's browser: the page, one network, and onnxruntime-web.

The site is the page that ``srgan serve`` shows, with ``browser/backend.js`` in the place of the one that asks a server. Whatever
serves files can serve it; a service worker keeps it for use without a network. It needs nothing of the extra ``web``.
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import shutil
import tempfile
from pathlib import Path

from srgan.errors import SrganError, UsageError, option
from srgan.files import check_name
from srgan.models.catalogue import AUTO, CATALOGUE, resolve
from srgan.models.metadata import ModelInfo, read_info

_HERE = Path(__file__).parent
_SERVER_ONLY = ("backend.js", "docs.css", "docs.html", "docs.js", "samples")

RUNTIME = "onnxruntime-web"
"""The package of npm that runs the network. It is not in our wheel: it is larger than all of that together."""

_WASM = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
_WEBGPU = ("ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm")

# The page may load the site's files and nothing else, so that no picture can leave by mistake.
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; form-action 'none'; base-uri 'none'"
)
_MARK = "network.json"


def find_runtime(folder: Path | None = None) -> Path:
    """Return the folder of onnxruntime-web's files: in ``folder``, or in ``node_modules`` here.

    Raises
    ------
    UsageError
        if it is not there
    """
    for place in [folder] if folder is not None else [Path("node_modules", RUNTIME)]:
        for files in (place / "dist", place):
            if all((files / name).is_file() for name in _WASM):
                return files
    where = f"{folder} has not all of it" if folder is not None else "node_modules has none here"
    raise UsageError(
        f"the site needs {RUNTIME}, which runs networks in browsers, and {where}: "
        f"'npm install {RUNTIME}', or name its folder by {option('runtime', 'FOLDER')}"
    )


def export_site(
    model: str | Path, out: Path, *, runtime: Path | None = None, webgpu: bool = True, overwrite: bool = False
) -> int:
    """Write the site into a new folder, and return its size in bytes.

    Parameters
    ----------
    model : a shipped network's name or a network's file
    runtime : the folder of onnxruntime-web; ``node_modules/onnxruntime-web`` if None
    webgpu : whether the half of it that uses graphics processors goes along, where it is there
    overwrite : whether an earlier site there may be replaced; other folders never are

    Raises
    ------
    UsageError
        if the runtime is missing, the folder is taken, or the network is not one for a browser
    ModelError
        if the network cannot be read
    """
    if str(model) == AUTO:
        raise UsageError(f"{AUTO} chooses among several networks, and the site has one: name it, for instance photo-x4")
    info = read_info(resolve(model))
    if info.bands != 3:
        raise UsageError(f"{info.name} has bands of its own, and browsers show three: take a network for photographs")
    files = find_runtime(runtime)
    check_name(out)
    _check_free(out, overwrite=overwrite)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
            site = Path(folder) / "site"
            _write(site, info, files, webgpu=webgpu)
            size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
            if out.exists():
                out.rename(Path(folder) / "old")
            site.rename(out)
    except OSError as error:
        raise SrganError(f"cannot write {out}: {error.strerror or error}") from None
    return size


def _check_free(out: Path, *, overwrite: bool) -> None:
    if not os.path.lexists(out) or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / _MARK).is_file():
        raise UsageError(f"{out} is there and is no site of ours: name a new folder")
    if not overwrite:
        raise UsageError(f"{out} is there: name a new folder, or give {option('overwrite', True)}")


def _write(site: Path, info: ModelInfo, runtime: Path, *, webgpu: bool) -> None:
    static = site / "static"
    shutil.copytree(_HERE / "static", static, ignore=shutil.ignore_patterns(*_SERVER_ONLY))
    for script in (_HERE / "browser").glob("*.js"):
        if script.name != "sw.js":
            shutil.copyfile(script, static / script.name)
    (static / "ort").mkdir()
    for name in (*_WASM, *(_WEBGPU if webgpu else ())):
        if (runtime / name).is_file():  # releases before 1.24 run WebGPU by other files; WASM does without
            shutil.copyfile(runtime / name, static / "ort" / name)
    shutil.copyfile(info.path, site / "network.onnx")
    (site / _MARK).write_text(json.dumps(_described(info), indent=1) + "\n", encoding="utf-8")
    (static / "index.html").rename(site / "index.html")
    page = (site / "index.html").read_text(encoding="utf-8")
    (site / "index.html").write_text(_isolated(page), encoding="utf-8")
    _write_worker(site)


def _described(info: ModelInfo) -> dict[str, str | int]:
    """Return what the page has to know of the network: the entry of ``/v1/models``, its file and its radius."""
    entry = CATALOGUE.get(info.name)
    shipped = entry is not None and info.path == resolve(info.name)
    return {
        "name": info.name,
        "title": (entry.title if entry is not None and shipped else "") or info.name,
        "when": entry.when if entry is not None and shipped else f"enlarges {info.scale} times",
        "scale": info.scale,
        "radius": info.radius,
        "file": "network.onnx",
    }


def _isolated(page: str) -> str:
    """Return the page with its policy in it, as a static server sends none, and with the script that comes before all."""
    script = '<script src="static/page.js" type="module"></script>'
    assert script in page
    policy = f'<meta http-equiv="Content-Security-Policy" content="{html.escape(_POLICY)}">'
    page = page.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n    {policy}', 1)
    page = page.replace(script, f'<script src="static/isolate.js"></script>\n    {script}', 1)
    return page.replace(" The HTTP API and the command line do not.", "", 1)


def _write_worker(site: Path) -> None:
    """Write the service worker, which knows the site's files and is another one where any of them is."""
    names = sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode() + (site / name).read_bytes())
    # What runs the network is kept when it is first asked for: a browser needs one half of it.
    kept = ["./", *(name for name in names if "/ort/" not in name and name != "index.html")]
    text = (_HERE / "browser" / "sw.js").read_text(encoding="utf-8")
    text = text.replace("{{version}}", f"srgan-{digest.hexdigest()[:16]}").replace("{{files}}", json.dumps(kept))
    (site / "sw.js").write_text(text, encoding="utf-8")
