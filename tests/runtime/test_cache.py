"""Compiled networks are taken from the cache, are the same, never stale, few; and nothing depends on the cache."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srgan import image
from srgan.runtime import cache
from srgan.runtime import network as runtime_module
from srgan.runtime.cache import Half
from srgan.runtime.network import open_network
from support import tiny_models
from support.limits import call_unprivileged


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def result(file: Path, **options: Any) -> Any:
    return open_network(file, precision="fp32", **options)(np.random.default_rng(0).random((1, 3, 20, 31), np.float32))


def entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def no_graph(*_: Any) -> Any:
    raise AssertionError("the network was compiled again")


@pytest.mark.parametrize("kind", ["shallow", "residual"])
def test_the_second_run_takes_what_the_first_has_compiled(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    file = getattr(tiny_models, kind)(tmp_path / "net.onnx", scale=4)
    first = open_network(file, precision="fp32", threads=1)
    expected = result(file)
    assert len(entries(folder)) == 1
    monkeypatch.setattr(runtime_module, "read_graph", no_graph)
    second = open_network(file, precision="fp32", threads=1)
    np.testing.assert_array_equal(result(file), expected)
    assert (first.radius, first.scale, first.body is None) == (second.radius, second.scale, second.body is None)
    assert first.tail.bytes_per_pixel == second.tail.bytes_per_pixel


@pytest.mark.usefixtures("folder")
def test_a_network_from_the_cache_recovers_from_a_failure(tmp_path: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx", scale=4)
    expected = result(file)
    network = open_network(file, precision="fp32")
    assert network.body is not None
    with pytest.raises(RuntimeError):
        network.body(np.zeros((1, 5, 8, 8), np.float32))  # it takes three channels
    batch = np.random.default_rng(0).random((1, 3, 20, 31), np.float32)
    np.testing.assert_array_equal(network(batch), expected)


@pytest.mark.parametrize("locks", [False, True])
def test_the_weights_lie_in_the_entry_which_may_be_replaced_or_removed_meanwhile(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, locks: bool
) -> None:
    """They are mapped from it, and read again for each new size; where mapping would lock it, as on Windows, it is read."""
    monkeypatch.setattr(cache, "_LOCKS", locks)
    file = tiny_models.residual(tmp_path / "net.onnx", scale=4)
    network = open_network(file, precision="fp32", threads=1)
    (entry,) = entries(folder)
    if sys.platform == "linux":
        assert (entry.name in Path("/proc/self/maps").read_text()) != locks
    cache.keep(entry.stem, [Half(1, 0, 1, bytes(1000))])
    cache.clear()
    batch = np.random.default_rng(0).random((1, 3, 40, 31), np.float32)
    made = network(batch)
    network.release()
    np.testing.assert_array_equal(network(batch), made)
    np.testing.assert_array_equal(open_network(file, precision="fp32", threads=1)(batch), made)


def test_another_network_under_the_same_name_is_another_entry(tmp_path: Path, folder: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx", seed=1)
    about = file.stat()
    one = result(file)
    assert tiny_models.residual(file, seed=2).stat().st_size == about.st_size
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert np.abs(result(file) - one).max() > 1e-3
    assert len(entries(folder)) == 2


@pytest.mark.usefixtures("folder")
def test_what_it_was_compiled_by_and_for_counts(tmp_path: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx")
    keys = {cache.key_of(file, *facts) for facts in [("fp32", "A"), ("bf16", "A"), ("fp32", "B"), ("fp32", "A")]}
    assert len(keys) == 3
    assert cache.key_of(tmp_path / "missing.onnx", "fp32") is None


@pytest.mark.parametrize("harm", ["cut short", "a bit", "longer", "empty", "no JSON", "another runtime's"])
def test_a_damaged_entry_is_compiled_anew(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx", scale=4)
    expected = result(file)
    (entry,) = entries(folder)
    whole = entry.read_bytes()
    spoiled = bytearray(whole)
    spoiled[5000] ^= 1  # the first half's
    if harm == "another runtime's":
        cache.keep(entry.stem, [Half(4, 9, 100, b"not what it exports"), Half(4, 9, 100, b"nor this")])
    else:
        harmed = {"cut short": whole[:-100], "longer": whole + b"x", "empty": b"", "no JSON": b"\n" + whole}
        entry.write_bytes(harmed.get(harm, bytes(spoiled)))
    np.testing.assert_array_equal(result(file), expected)
    monkeypatch.setattr(runtime_module, "read_graph", no_graph)
    np.testing.assert_array_equal(result(file), expected)  # and it is whole again


def test_a_cache_that_cannot_be_is_as_good_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx")
    monkeypatch.setenv("SRGAN_CACHE", "")
    expected = result(file)
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        monkeypatch.setenv("SRGAN_CACHE", str(place))
        np.testing.assert_array_equal(result(file), expected)


def test_a_folder_that_may_not_be_written_is_not_mentioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    monkeypatch.setenv("SRGAN_CACHE", str(closed))
    image.write(image.Picture(np.zeros((9, 9, 3), np.uint8)), tmp_path / "a.png")
    model = tiny_models.residual(tmp_path / "net.onnx", scale=4)
    done = call_unprivileged("upscale", tmp_path / "a.png", "--model", model, "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert (tmp_path / "a_x4.png").is_file()
    assert not entries(closed)


def test_the_entry_used_longest_ago_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LIMIT_BYTES", 28000)  # an entry takes two pages
    for number, key in enumerate("abc"):
        cache.keep(key, [Half(1, 0, 1, bytes(1000))])
        os.utime(folder / f"{key}.compiled", (number, number))
    assert cache.find("a") is not None  # which makes it the newest
    cache.keep("d", [Half(1, 0, 1, bytes(1000))])
    assert [entry.stem for entry in entries(folder)] == ["a", "c", "d"]
    cache.keep("large", [Half(1, 0, 1, bytes(40000))])
    assert len(entries(folder)) == 3


def test_others_may_not_put_anything_in(folder: Path) -> None:
    cache.keep("a", [Half(1, 0, 1, b"x")])
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_blend_is_not_kept(folder: Path) -> None:
    open_network("srgan-x4", precision="fp32", fidelity=0.5)
    assert not entries(folder)


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SRGAN_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for platform, place in (("linux", ".cache/srgan"), ("darwin", "Library/Caches/srgan")):
        monkeypatch.setattr("sys.platform", platform)
        assert cache.folder() == tmp_path / place
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert cache.folder() == Path("/elsewhere/srgan")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # which the specification says to ignore
    assert cache.folder() == tmp_path / ".cache/srgan"
    monkeypatch.setenv("SRGAN_CACHE", "")
    assert cache.folder() is None
