"""Titles, makers and other texts of a video: in the result, or in a line; and what else describes its streams."""

from fractions import Fraction

import av
import pytest
from av.stream import Disposition

from srgan.video import tags
from srgan.video.clip import probe
from srgan.video.decoding import decode
from srgan.video.encoder import Encoding
from srgan.video.run import upscale_clip
from support import clips

FAST = Encoding(preset="ultrafast")
PHONE = {"com.apple.quicktime.make": "Apple", "com.apple.quicktime.location.ISO6709": "+48.1+011.5/", "title": "A walk"}


def with_texts(source, target, whole=None, video=None, audio=None, shift=0, disposition=None):
    """Copy a clip into another file with these texts, and its packets moved by so many units."""
    options = {"movflags": tags.KEYS, "avoid_negative_ts": "disabled"}
    with av.open(str(source)) as old, av.open(str(target), "w", container_options=options) as out:
        out.metadata.update(whole or {})
        copies = {}
        for stream in old.streams:
            copies[stream.index] = out.add_stream_from_template(stream, opaque=True)
            copies[stream.index].metadata.update((video if stream.type == "video" else audio) or {})
        if disposition is not None:
            copies[0].disposition = disposition
        for packet in old.demux():
            if not packet.size:
                continue
            packet.dts = packet.pts if packet.dts is None else packet.dts
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = copies[packet.stream.index]
            out.mux(packet)
    return target


def test_what_a_phone_says_goes_along(tmp_path, upscaler):
    clips.make(tmp_path / "a.mp4")
    source = with_texts(tmp_path / "a.mp4", tmp_path / "b.mov", PHONE)
    for end in (".mov", ".mp4", ".mkv"):
        listener = clips.Notes()
        target = tmp_path / f"c{end}"
        upscale_clip(source, target, upscaler, encoding=FAST, listener=listener)
        assert listener.notes == []
        with av.open(str(target)) as result:
            said = {name.lower(): text for name, text in result.metadata.items()}
        assert {name.lower(): text for name, text in PHONE.items()}.items() <= said.items()


@pytest.mark.parametrize("end", [".mp4", ".mov", ".mkv"])
def test_texts_that_are_not_in_utf_8_go_along_byte_for_byte(end, tmp_path, upscaler):
    """As programs of another century write them."""
    clips.make(tmp_path / "a.mkv", audio="mp3", options={"bf": "0"})
    source = with_texts(
        tmp_path / "a.mkv", tmp_path / f"b{end}", {"title": "Die Kueche"}, audio={"title": "Die Kueche"}
    )
    with av.open(str(source)) as made:
        in_the_sound = {"title", "handler_name"} & {  # FFmpeg writes a title of a stream into Matroska and MOV
            name for name, text in made.streams.audio[0].metadata.items() if "Kueche" in text
        }
    source.write_bytes(source.read_bytes().replace(b"Die Kueche", b"Die K\xfcche "))
    for target in ("c.mkv", "c.mp4"):
        listener = clips.Notes()
        upscale_clip(source, tmp_path / target, upscaler, encoding=FAST, listener=listener)
        with av.open(str(tmp_path / target), metadata_errors="surrogateescape") as result:
            assert result.metadata["title"].encode(errors="surrogateescape").rstrip() == b"Die K\xfcche"
            if target == "c.mkv" and in_the_sound:
                text = result.streams.audio[0].metadata["title"]
                assert text.encode(errors="surrogateescape").rstrip() == b"Die K\xfcche"


def test_texts_that_the_container_has_no_place_for_are_said(tmp_path, upscaler):
    source = clips.make(tmp_path / "a.mkv", audio="aac", options={"bf": "0"})
    source = with_texts(
        source, tmp_path / "b.mkv", audio={"title": "Commentary", "BPS": "128", "NUMBER_OF_BYTES": "99"}
    )
    listener = clips.Notes()
    upscale_clip(source, tmp_path / "c.mp4", upscaler, encoding=FAST, listener=listener)
    assert listener.notes == ["its text title is left out: .mp4 does not hold it"]
    upscale_clip(source, tmp_path / "c.mkv", upscaler, encoding=FAST)
    with av.open(str(tmp_path / "c.mkv")) as result:
        sound = result.streams.audio[0].metadata
    assert sound["title"] == "Commentary"
    assert not {"BPS", "NUMBER_OF_BYTES"} & sound.keys()  # of another file than this one


@pytest.mark.parametrize("rate", [25, Fraction(30_000, 1001)])
@pytest.mark.parametrize("end", [".mkv", ".mp4"])
def test_frames_a_second_are_the_sources(tmp_path, upscaler, rate, end):
    """Matroska writes how long frames last by themselves: it said a millisecond."""
    unit = 1 / Fraction(rate)
    source = clips.make(tmp_path / "a.mp4", range(12), rate=rate, unit=unit)
    upscale_clip(source, tmp_path / f"b{end}", upscaler, encoding=FAST)
    with av.open(str(tmp_path / f"b{end}")) as result:
        assert result.streams.video[0].average_rate == rate


def test_which_stream_is_shown_by_default_stays(tmp_path, upscaler):
    source = with_texts(
        clips.make(tmp_path / "a.mkv", options={"bf": "0"}), tmp_path / "b.mkv", disposition=Disposition.default
    )
    upscale_clip(source, tmp_path / "c.mkv", upscaler, encoding=FAST)
    with av.open(str(tmp_path / "c.mkv")) as result:
        assert result.streams.video[0].disposition & Disposition.default


def test_frames_that_an_edit_list_hides_are_not_missing(tmp_path, upscaler):
    """A clip that was cut without encoding begins with frames that no player shows."""
    unit = Fraction(1, 12_800)
    clips.make(tmp_path / "a.mp4", range(0, 20 * 512, 512), rate=25, unit=unit, options={"g": "100", "bf": "0"})
    source = with_texts(tmp_path / "a.mp4", tmp_path / "b.mp4", shift=-5 * 512)
    assert probe(source).total == 20
    listener = clips.Notes()
    done = upscale_clip(source, tmp_path / "c.mp4", upscaler, encoding=FAST, listener=listener)
    assert (done.frames, listener.notes) == (15, [])


def test_a_packet_of_no_bytes_shows_nothing_and_ends_nothing(tmp_path):
    """Theora repeats a frame so, and FFmpeg calls that a wrong argument."""
    with av.open(str(clips.make(tmp_path / "a.mp4"))) as container:
        stream = container.streams.video[0]
        packet = av.Packet(b"")
        packet.stream = stream
        assert decode(stream.codec_context, packet)[1] is False
