"""The page's work on its pictures, static/jobs.js, in Node: what enlarges and what shows are stood in for."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import srgan.web

STATIC = Path(srgan.web.__file__).parent / "static"
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")

BACKEND = """
export const previews = true;
export const sent = [], given = {}; // what was sent; the ends of what is under way
export const preview = (file, signal) =>
  new Promise((end) => (given.preview = () => end({ blob: new Blob(["x"]), width: 8, height: 6, signal })));
export const enlarge = (file) => {
  sent.push(file.name);
  const made = { blob: new Blob(["y"]), name: "r.png", width: 1, height: 1, network: "n", seen: "", preview: null };
  return new Promise((end) => (given.result = () => end(made)));
};
"""
SETUP = """
import * as backend from "./backend.js";
import { Jobs } from "./jobs.js";
// Browsers show PNG here, and no TIFF; results, which have no name yet, take a while.
const kept = new Set();
URL.createObjectURL = (blob) => {
  const url = `blob:${blob.name ?? ""}:${kept.size}:${Math.random()}`;
  kept.add(url);
  return url;
};
URL.revokeObjectURL = (url) => kept.delete(url);
globalThis.Image = class {
  naturalWidth = 8;
  naturalHeight = 6;
  set src(url) { setTimeout(() => (url.includes(".tif") ? this.onerror() : this.onload()), url.includes("::") ? 50 : 1); }
};
const file = (name) => ({ file: new File(["x"], name, { type: name.endsWith("png") ? "image/png" : "" }), folder: "" });
const wish = { model: "n", scale: 4 };
const until = async (met) => { while (!met()) await new Promise((end) => setTimeout(end, 2)); };
const jobs = new Jobs();
jobs.limits = { max_bytes: 1e9, max_pixels: 1e9, max_result_pixels: 1e9 };
const changes = [];
jobs.addEventListener("change", ({ detail }) => changes.push(detail.what));
const say = (value) => console.log(JSON.stringify(value));
"""


def run(folder, script):
    """Run a script in Node, and return what it says."""
    for name in ("jobs.js", "words.js"):
        shutil.copyfile(STATIC / name, folder / name)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "backend.js").write_text(BACKEND)
    (folder / "run.js").write_text(SETUP + script)
    done = subprocess.run(["node", "run.js"], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_is_removed_while_it_is_looked_at_is_not_enlarged(tmp_path):
    """Nor is anything of it kept: neither the preview that comes later, nor what was to be done."""
    states, sent, kept = run(
        tmp_path,
        """
        const [first] = await jobs.add([file("0.png")]);
        jobs.enqueue(first, wish);
        const coming = jobs.add([file("scan.tif"), file("1.png")]);
        await until(() => backend.given.preview);
        jobs.remove(jobs.pictures[1]);
        backend.given.preview();
        const pictures = await coming;
        for (const picture of pictures) if (picture.state === "ready") jobs.enqueue(picture, wish);
        for (const picture of pictures) jobs.enqueue(picture, wish); // not even if it is asked for
        backend.given.result();
        await until(() => first.state === "done");
        backend.given.result();
        await until(() => jobs.pictures.every((picture) => picture.state === "done"));
        const states = pictures.map((picture) => picture.state);
        for (const picture of [...jobs.pictures]) jobs.remove(picture);
        say([states, backend.sent, kept.size]);
        """,
    )
    assert states == ["removed", "done"]
    assert sent == ["0.png", "1.png"]
    assert kept == 0


def test_what_is_removed_while_its_result_is_opened_leaves_nothing(tmp_path):
    """The work is done, and its result comes too late to be shown."""
    state, kept = run(
        tmp_path,
        """
        const [first] = await jobs.add([file("0.png")]);
        jobs.enqueue(first, wish);
        backend.given.result();
        await until(() => kept.size === 2);
        jobs.remove(first);
        await until(() => !jobs.running);
        say([first.state, kept.size]);
        """,
    )
    assert (state, kept) == ("cancelled", 0)


def test_many_are_told_of_once_and_each_when_it_is_known(tmp_path):
    """Each change is drawn: a folder of a thousand must not be drawn a thousand times."""
    told = run(tmp_path, 'await jobs.add(["0.png", "1.png", "2.png"].map(file)); say(changes);')
    assert told == ["added", "looked", "looked", "looked"]


def test_what_cannot_be_made_is_said_before(tmp_path):
    problems = run(
        tmp_path,
        """
        const [one] = await jobs.add([file("0.png")]);
        jobs.limits.max_result_pixels = 1000;
        say([{ scale: 4 }, { scale: 8 }, { width: 8 }, { fit: [8, 100] }].map((asked) => jobs.problem(one, asked)));
        """,
    )
    assert problems == [
        "",
        "the result would have 64 × 48 pixels, 0 million, and the limit here is 0 million: ask for a smaller one",
        "the picture is 8 pixels across already: ask for more, or for the same size to clean it",
        "the picture has 8 × 6 pixels, and fills 8 × 100 already: ask for more",
    ]
