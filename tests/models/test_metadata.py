"""What a model file says of itself, read by hand: against onnx, to the byte, and where it is damaged.

Files that the runtime refuses are tested in test_runtime.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srgan.errors import ModelError
from srgan.models import metadata
from srgan.models.catalogue import CATALOGUE, resolve
from srgan.models.metadata import read_info
from support import tiny_models
from support.limits import error_unprivileged


@pytest.mark.parametrize("name", CATALOGUE)
def test_it_reads_what_onnx_reads(name: str) -> None:
    facts = {entry.key: entry.value for entry in onnx.load(str(resolve(name))).metadata_props}
    info = read_info(resolve(name))
    assert facts["srgan.format"] == "1"
    assert (info.name, info.scale, info.radius) == (
        facts["srgan.name"],
        int(facts["srgan.scale"]),
        int(facts["srgan.radius"]),
    )
    assert info.card == json.loads(facts["srgan.card"])


def varint(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def entry(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def message(**facts: Any) -> bytes:
    """Return a ModelProto with an empty graph, written by hand; fields of every wire type that it does not have."""
    all_facts = {"format": "1", "name": "n", "scale": "4", "radius": "7", "card": '{"a": 1}', **facts}
    properties = [
        entry(14, entry(1, f"srgan.{key}".encode()) + entry(2, value if isinstance(value, bytes) else value.encode()))
        for key, value in all_facts.items()
        if value is not None
    ]
    others = varint(100 << 3) + varint(2**63) + varint(101 << 3 | 1) + bytes(8) + varint(102 << 3 | 5) + bytes(4)
    return varint(1 << 3) + varint(8) + others + entry(7, b"") + b"".join(properties)


def test_a_message_by_hand(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(message())
    info = read_info(file)
    assert (info.path, info.name, info.scale, info.radius, info.card) == (file, "n", 4, 7, {"a": 1})


def test_without_a_name_the_file_gives_one_and_without_a_card_it_is_empty(tmp_path: Path) -> None:
    file = tmp_path / "mine.onnx"
    file.write_bytes(message(name=None, card=None))
    assert (read_info(file).name, read_info(file).card) == ("mine", {})


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"format": None}, "without srgan's metadata: pass a name from 'srgan models'"),
        ({"format": "2"}, "has model format '2', this srgan reads '1': update srgan"),
        ({"scale": "0"}, "srgan.scale is '0'"),
        ({"scale": "3"}, "3 is no power of two"),
        ({"scale": "128"}, "srgan.scale is '128'"),
        ({"scale": "-4"}, "srgan.scale is '-4'"),
        ({"scale": "4.0"}, "srgan.scale is '4.0'"),
        ({"scale": "٤"}, "srgan.scale is '٤'"),  # a digit, of another script
        ({"scale": "1" * 5000}, "srgan.scale is '11111111111111111111'"),
        ({"radius": None}, "srgan.radius is ''"),
        ({"radius": "10001"}, "srgan.radius is '10001'"),
        ({"card": "{"}, "its model card is not JSON"),
        ({"card": "[" * 100_000}, "its model card is not JSON"),
        ({"card": "[]"}, "its model card is not a JSON object"),
        ({"name": b"\xff"}, "its metadata is no text"),
    ],
)
def test_wrong_entries_are_one_line(tmp_path: Path, facts: dict[str, Any], says: str) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(message(**facts))
    with pytest.raises(ModelError) as caught:
        read_info(file)
    assert says in str(caught.value)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",  # field 0
        b"\x0b",  # a group: wire type 3
        b"\xff" * 11,  # a number without end
        entry(7, b"") + b"\x72\x7f",  # longer than what follows
        varint(1 << 3) + varint(8),  # no graph
        entry(7, b""),  # no version
        message() + b"\x08",  # a number is missing
    ],
)
def test_what_is_no_onnx_is_one_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "net.onnx").write_bytes(data)
    with pytest.raises(ModelError, match="it is no ONNX file"):
        read_info(tmp_path / "net.onnx")


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_few_wrong_bytes_are_a_model_error_or_nothing(tmp_path_factory: Any, data: st.DataObject) -> None:
    raw = bytearray(message())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.getbasetemp() / "damaged.onnx"
    file.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    try:
        info = read_info(file)
    except ModelError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either is right
    else:
        assert info.scale in (1, 2, 4, 8, 16, 32, 64)
        assert 0 <= info.radius <= 10_000


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.touch()
    with file.open("r+b") as out:
        out.truncate(metadata.MAX_MODEL_BYTES + 1)  # a hole: it takes no room on the disk
    with pytest.raises(ModelError, match="2048 MiB is too large"):
        read_info(file)


READ = """
from pathlib import Path
from srgan.models.metadata import read_info
read_info(Path(sys.argv[1]))
"""


def test_an_empty_and_a_locked_file(tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(ModelError, match="is empty: pass a name"):
        read_info(tmp_path / "empty.onnx")
    file = tiny_models.nearest(tmp_path / "locked.onnx")
    file.chmod(0)
    error = error_unprivileged(READ, file)
    assert error.startswith(f"ModelError: cannot read the model {file}: Permission denied")
