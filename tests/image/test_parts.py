"""What follows the picture in a JPEG file: a gain map grows with it, a video goes along, anything else gets a line."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srgan.image import Picture, jpeg_segments, left_out, packet, parts, read, stream, write, xmp
from support import picture_samples as samples
from support.metadata import larger, noise

VIDEO = b"\0\0\0\x18ftypmp42\0\0\0\0" + bytes(range(256)) * 20 + b"SEFT"


def jpeg(*segments: bytes, size: tuple[int, int] = (48, 32), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    ramp = np.linspace(0, 255, size[0]).astype(np.uint8)[None, :].repeat(size[1], axis=0)
    Image.fromarray(noise(size[1], size[0]) if mode == "RGB" else ramp).save(file, "JPEG", quality=90)
    data = file.getvalue()
    return data[:2] + b"".join(segments) + data[2:]


def about(attributes: str = "", items: str = "") -> bytes:
    directory = f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory>" if items else ""
    text = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:hdrgm="{xmp.GAIN_MAP}" xmlns:GCamera="{xmp.CAMERA}" '
        f'xmlns:Container="{xmp.CONTAINER}" xmlns:Item="{xmp.CONTAINER_ITEM}" xmlns:tiff="{xmp.TIFF}" '
        f'tiff:Make="Maker" {attributes}>{directory}</rdf:Description></rdf:RDF></x:xmpmeta>'
    )
    return jpeg_segments.segment(0xE1, jpeg_segments.XMP + text.encode())


def item(semantic: str, length: int | None = None) -> str:
    size = "" if length is None else f' Item:Length="{length}"'
    return f'<rdf:li><Container:Item Item:Semantic="{semantic}" Item:Mime="image/jpeg"{size}/></rdf:li>'


def ultra_hdr(path: Path, *, exif: bytes = b"", map_size: tuple[int, int] = (12, 8), after: bytes = b"") -> None:
    iso = jpeg_segments.segment(0xE2, jpeg_segments.GAIN_MAP + bytes(60))
    gain = jpeg(about('hdrgm:Version="1.0" hdrgm:GainMapMax="2.5"'), iso, size=map_size, mode="L")
    said = about('hdrgm:Version="1.0"', item("Primary") + item("GainMap", len(gain)))
    announced = jpeg_segments.segment(0xE2, jpeg_segments.GAIN_MAP + bytes(4))
    turn = jpeg_segments.segment(0xE1, b"Exif\0\0" + exif) if exif else b""
    path.write_bytes(jpeg(turn, said, announced) + gain + after)


def pictures(path: Path) -> list[bytes]:
    """Cut a JPEG file where its index of pictures says."""
    data = path.read_bytes()
    said = jpeg_segments.read_bytes(data)
    assert said.multi_picture is not None
    index, base = said.multi_picture
    return [data[place and base + place :][:size] for _, size, place in parts.entries(index)]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_gain_map_grows_with_the_picture(streamed: bool, tmp_path: Path) -> None:
    ultra_hdr(tmp_path / "a.jpg")
    picture = larger(tmp_path / "a.jpg")
    assert left_out(picture, "b.jpg") == ()
    if streamed:
        with stream(read(tmp_path / "a.jpg"), tmp_path / "b.jpg", 128, 192) as sink:
            sink.write(picture.pixels)
    else:
        write(picture, tmp_path / "b.jpg")
    first, gain = pictures(tmp_path / "b.jpg")
    assert first + gain == (tmp_path / "b.jpg").read_bytes()
    with Image.open(io.BytesIO(first)) as one, Image.open(io.BytesIO(gain)) as two:
        assert (one.size, two.size, two.mode) == ((192, 128), (48, 32), "L")
        with Image.open(io.BytesIO(read(tmp_path / "a.jpg").parts[0].data)) as old:
            wanted = old.resize((48, 32), Image.Resampling.BICUBIC)
        assert abs(np.asarray(two).astype(int) - np.asarray(wanted)).mean() < 3
    said, of_map = (jpeg_segments.read_bytes(data) for data in (first, gain))
    assert b'hdrgm:Version="1.0"' in (said.xmp or b"")
    assert f'Item:Semantic="GainMap" Item:Mime="image/jpeg" Item:Length="{len(gain)}"'.encode() in (said.xmp or b"")
    assert said.gain_map == [jpeg_segments.GAIN_MAP + bytes(4)]
    assert b'hdrgm:GainMapMax="2.5"' in (of_map.xmp or b"")
    assert of_map.gain_map == [jpeg_segments.GAIN_MAP + bytes(60)]


def test_a_gain_map_is_turned_with_the_picture(tmp_path: Path) -> None:
    ultra_hdr(tmp_path / "a.jpg", exif=samples.exif(orientation=6))
    write(larger(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    with Image.open(io.BytesIO(pictures(tmp_path / "b.jpg")[1])) as gain:
        assert gain.size == (32, 48)


def test_a_video_goes_along_behind_the_gain_map(tmp_path: Path) -> None:
    ultra_hdr(tmp_path / "a.jpg", after=VIDEO)
    write(larger(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    assert (tmp_path / "b.jpg").read_bytes().endswith(VIDEO)
    assert len(pictures(tmp_path / "b.jpg")) == 2


MOTION = 'GCamera:MicroVideo="1" GCamera:MicroVideoVersion="1" GCamera:MicroVideoOffset="{}"'


@pytest.mark.parametrize("video", [VIDEO, bytes(1000)])
def test_a_moving_picture_keeps_its_video(video: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(about(MOTION.format(len(video)))) + video)
    picture = larger(tmp_path / "a.jpg")
    assert left_out(picture, "b.jpg") == ()
    write(picture, tmp_path / "b.jpg")
    assert (tmp_path / "b.jpg").read_bytes().endswith(video)
    assert f'GCamera:MicroVideoOffset="{len(video)}"'.encode() in (read(tmp_path / "b.jpg").xmp or b"")


@pytest.mark.parametrize("target", ["png", "webp", "tif"])
def test_elsewhere_nothing_is_promised_and_all_is_said(target: str, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(about(MOTION.format(len(VIDEO)))) + VIDEO)
    picture = larger(tmp_path / "a.jpg")
    assert left_out(picture, f"b.{target}") == (f"the video of the moving picture ({len(VIDEO):,} bytes)",)
    write(picture, tmp_path / f"b.{target}")
    xmp_there = read(tmp_path / f"b.{target}").xmp or b""
    assert b"MicroVideo" not in xmp_there
    assert b'tiff:Make="Maker"' in xmp_there
    ultra_hdr(tmp_path / "c.jpg")
    picture = larger(tmp_path / "c.jpg")
    assert left_out(picture, f"d.{target}") == ("the gain map for bright displays (HDR)",)
    write(picture, tmp_path / f"d.{target}")
    xmp_there = read(tmp_path / f"d.{target}").xmp or b""
    assert b"Version" not in xmp_there
    assert b"Directory" not in xmp_there


def test_a_gain_map_that_is_damaged_is_said(tmp_path: Path) -> None:
    gain = jpeg(about('hdrgm:Version="1.0"'))[:-300]
    (tmp_path / "a.jpg").write_bytes(jpeg(about('hdrgm:Version="1.0"')) + gain)
    picture = larger(tmp_path / "a.jpg")
    assert left_out(picture, "b.jpg") == ("the gain map for bright displays (HDR)",)
    write(picture, tmp_path / "b.jpg")
    assert b"hdrgm:Version" not in (read(tmp_path / "b.jpg").xmp or b"")


def test_the_second_eye_is_said_and_a_preview_is_not(tmp_path: Path) -> None:
    frames = [Image.fromarray(noise()), Image.fromarray(noise()[::-1])]
    frames[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=frames[1:])
    (said,) = left_out(larger(tmp_path / "a.jpg"), "b.jpg")
    assert said.startswith("another picture in the file")
    write(larger(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    assert jpeg_segments.read(io.FileIO(tmp_path / "b.jpg")).multi_picture is None  # type: ignore[arg-type]
    data = bytearray((tmp_path / "a.jpg").read_bytes())
    second = data.index(b"MPF\0") + 4 + 50 + 32  # the second entry of the index
    assert struct.unpack_from("<3I", data, second - 16)[0] >> 16 in (3, 0x2003, 0)
    struct.pack_into("<I", data, second - 16 if struct.unpack_from("<I", data, second - 8)[0] else second, 0x010001)
    (tmp_path / "c.jpg").write_bytes(data)
    assert left_out(larger(tmp_path / "c.jpg"), "d.jpg") == ()


def test_unknown_bytes_are_said_and_padding_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg() + bytes(100))
    assert left_out(read(tmp_path / "a.jpg"), "b.jpg") == ()
    (tmp_path / "a.jpg").write_bytes(jpeg() + b"some secret" * 10)
    assert left_out(read(tmp_path / "a.jpg"), "b.jpg") == ("110 bytes behind the picture, of no known kind",)


def test_content_credentials_are_said(tmp_path: Path) -> None:
    box = jpeg_segments.segment(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x40jumb\0\0\0\x20jumdc2pa" + bytes(60))
    (tmp_path / "a.jpg").write_bytes(jpeg(box))
    assert "C2PA" in left_out(read(tmp_path / "a.jpg"), "b.jpg")[0]


# --- Large XMP -------------------------------------------------------------------------------------------------------


def large_packet(way: str, size: int = 200_000) -> bytes:
    data = "QUJD" * (size // 4)
    inner = f"<GDepth:Data>{data}</GDepth:Data>" if way == "element" else ""
    attribute = f'GDepth:Data="{data}"' if way == "attribute" else ""
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'GDepth:Format="RangeInverse" {attribute}><dc:format>image/jpeg</dc:format>{inner}</rdf:Description></rdf:RDF>'
        '</x:xmpmeta><?xpacket end="w"?>'
    ).encode()


@pytest.mark.parametrize("way", ["element", "attribute"])
def test_xmp_above_64_kb_is_never_dropped(way: str, tmp_path: Path) -> None:
    """Into JPEG in two packets, out of it as one, into PNG, and back."""
    write(Picture(noise(), xmp=large_packet(way)), tmp_path / "a.jpg")
    said = jpeg_segments.read(io.FileIO(tmp_path / "a.jpg"))  # type: ignore[arg-type]
    assert said.extended is not None
    assert b"RangeInverse" in (said.xmp or b"")
    for name in ("b.png", "c.tif", "d.jpg"):
        write(larger(tmp_path / "a.jpg"), tmp_path / name)
        whole = read(tmp_path / name).xmp or b""
        assert whole.count(b"QUJD") == 50_000, name
        assert b"image/jpeg" in whole
        assert b"HasExtendedXMP" not in whole


@pytest.mark.parametrize("data", [b"<x" * 40_000, b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + large_packet("element")])
def test_a_large_packet_that_cannot_be_cut_is_said(data: Any, tmp_path: Path) -> None:
    picture = Picture(noise(), xmp=data)
    assert any("XMP" in said for said in left_out(picture, "b.jpg"))
    write(picture, tmp_path / "b.jpg")
    assert read(tmp_path / "b.jpg").xmp is None


# --- History ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["jpg", "png", "webp", "avif", "tif", "gif"])
def test_one_line_of_history(end: str, tmp_path: Path) -> None:
    picture = Picture(noise()).with_pixels(noise(128, 192), 4)
    write(picture, tmp_path / f"a.{end}")
    assert read(tmp_path / f"a.{end}").xmp is None
    object.__setattr__(picture, "history", "srgan-x4")
    write(picture, tmp_path / f"b.{end}")
    said = (read(tmp_path / f"b.{end}").xmp or b"").decode()
    assert 'stEvt:parameters="enlarged 4 times by srgan-x4"' in said
    assert 'stEvt:softwareAgent="srgan ' in said


def test_history_goes_on() -> None:
    first = packet.with_history(samples.xmp(1), "srgan 1", "one")
    second = packet.with_history(first, "srgan 1", "two & <more>").decode()
    assert second.count("History>") == 2
    assert second.index('"one"') < second.index('"two &amp; &lt;more&gt;"')
