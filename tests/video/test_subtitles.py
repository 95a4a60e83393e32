"""Subtitles that are text come along into every container, and so do cover pictures."""

import io
from fractions import Fraction

import av
import pytest
from PIL import Image

from srgan.video.encoder import Encoding
from srgan.video.run import upscale_clip
from srgan.video.subtitles import HEADER, converted
from support import clips

SUFFIXES = {"mov_text": ".mp4", "subrip": ".mkv", "webvtt": ".webm", "ass": ".mkv"}
TARGETS = {".mp4": "mov_text", ".mov": "mov_text", ".mkv": "subrip", ".webm": "webvtt"}
AS_STORED = {
    "mov_text": b"\0\x0bHallo, Welt",
    "subrip": b"<i>Hallo</i>, Welt",
    "webvtt": b"<v Anna><i>Hallo</i>, Welt",
    "ass": b"0,0,Default,,0,0,0,,{\\i1}Hallo{\\i0}, {\\c&H00FF00&}Welt",
}


def film(path, codec=None, cover=None):
    """A clip with a line of words from 0.2 to 0.5 s, or with a cover picture."""
    webm = path.suffix == ".webm"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libvpx-vp9" if webm else "libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        if codec:
            words = out.add_stream(codec)
            words.codec_context.subtitle_header = HEADER
            words.time_base = Fraction(1, 1000)
            words.metadata["language"] = "deu"
        if cover and path.suffix == ".mkv":
            out.add_attachment("cover.png", "image/png", cover)
        elif cover:
            picture = out.add_stream("png")
            picture.width, picture.height, picture.pix_fmt = 8, 6, "rgb24"
            picture.disposition = av.stream.Disposition.attached_pic
        for number in range(6):
            frame = av.VideoFrame.from_ndarray(clips.picture(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if codec:
            packet = av.Packet(AS_STORED[codec])
            packet.stream, packet.time_base = words, Fraction(1, 1000)
            packet.pts = packet.dts = 200
            packet.duration = 300
            out.mux(packet)
        if cover and path.suffix != ".mkv":
            packet = av.Packet(cover)
            packet.stream, packet.time_base, packet.pts, packet.dts = picture, Fraction(1, 10), 0, 0
            out.mux(packet)
    return path


def words_of(path):
    """Return (from, to, text) of each line, as FFmpeg decodes it to text with tags."""
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        found = []
        for packet in container.demux(stream):
            text = bytes(packet)[2:] if stream.codec_context.name == "mov_text" else bytes(packet)
            if text:
                begin = float(packet.pts * packet.time_base)
                found.append((begin, begin + float(packet.duration * packet.time_base), text.decode()))
        return found, stream.metadata.get("language")


@pytest.mark.parametrize("after", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("before", ["mov_text", "subrip", "webvtt", "ass"])
def test_words_come_along(before, after, tmp_path, upscaler):
    source = film(tmp_path / f"a{SUFFIXES[before]}", before)
    listener = clips.Notes()
    upscale_clip(
        source,
        tmp_path / f"b{after}",
        upscaler,
        encoding=Encoding(preset="12" if after == ".webm" else "ultrafast"),
        listener=listener,
    )
    (only,), language = words_of(tmp_path / f"b{after}")
    assert (round(only[0], 3), round(only[1], 3)) == (0.2, 0.5)
    text = only[2]
    if text != AS_STORED[before].decode():
        assert text in ("Hallo, Welt", "<i>Hallo</i>, Welt")
    converts = not (before == "mov_text" and after in (".mp4", ".mov")) and not (
        before != "mov_text" and after == ".mkv"
    )
    converts = converts and not (before == "webvtt" and after == ".webm")
    assert bool(listener.notes) == converts
    if converts:
        assert f" becomes {TARGETS[after]} for {after}" in listener.notes[0]
    assert language == ("ger" if after == ".mov" else "deu")


def test_what_shows_nothing_is_no_line_and_special_characters_stay():
    assert converted(b"\0\0", "mov_text", "subrip") is None
    assert converted(b"\0\x05a < b", "mov_text", "webvtt") == b"a &lt; b"
    assert converted(b"\0\x05a < b", "mov_text", "subrip") == b"a < b"
    assert converted(b"R&D &amp; more", "webvtt", "mov_text") == b"\0\x0aR&D & more"
    assert converted(b"one\n\n\ntwo", "subrip", "webvtt") == b"one\ntwo"
    assert converted("0,0,Default,,0,0,0,,ä\\Nb, c".encode(), "ass", "subrip") == "ä\nb, c".encode()


@pytest.mark.parametrize("after", [".mp4", ".mkv"])
@pytest.mark.parametrize("before", [".mp4", ".mkv"])
def test_a_cover_picture_comes_along(before, after, tmp_path, upscaler):
    file = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 30, 90)).save(file, "PNG")
    source = film(tmp_path / f"a{before}", cover=file.getvalue())
    listener = clips.Notes()
    upscale_clip(source, tmp_path / f"b{after}", upscaler, encoding=Encoding(preset="ultrafast"), listener=listener)
    assert listener.notes == []
    with av.open(str(tmp_path / f"b{after}")) as made:
        (cover,) = (s for s in made.streams.video if s.disposition & av.stream.Disposition.attached_pic)
        assert next(bytes(packet) for packet in made.demux(cover) if packet.size) == file.getvalue()


@pytest.mark.parametrize("after", [".webm", ".mov"])
def test_where_there_is_no_place_for_a_cover_a_line_says_so(after, tmp_path, upscaler):
    file = io.BytesIO()
    Image.new("RGB", (8, 6)).save(file, "PNG")
    source = film(tmp_path / "a.mp4", cover=file.getvalue())
    listener = clips.Notes()
    preset = "12" if after == ".webm" else "ultrafast"
    upscale_clip(source, tmp_path / f"b{after}", upscaler, encoding=Encoding(preset=preset), listener=listener)
    assert listener.notes == ["its cover picture is left out: .mp4, .m4v, .mkv hold one"]
