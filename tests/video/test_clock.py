"""Files whose clocks jump, and files with damaged packets: the rest of them is kept, picture and sound alike."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from srgan.errors import VideoError
from srgan.video.encoder import Encoding
from srgan.video.run import upscale_clip
from support import clips

FAST = Encoding(preset="ultrafast")
FRAME = 3600
"""Of 25 a second, in 90,000ths."""


def steps(path):
    return {b - a for a, b in pairwise(clips.shown(path))}


@pytest.mark.parametrize("later", [0, 100 * 90_000])
def test_a_clock_that_jumps_is_closed_up_sound_alike(tmp_path, upscaler, later):
    """Back to where it began, and far ahead, as when recordings are joined."""
    one = clips.make(tmp_path / "1.ts", [FRAME * n for n in range(20)], audio="aac")
    two = clips.make(tmp_path / "2.ts", [later + FRAME * n for n in range(20)], audio="aac", sound_from=later)
    source = tmp_path / "joined.ts"
    source.write_bytes(one.read_bytes() + two.read_bytes())
    target = tmp_path / "large.mkv"
    listener = clips.Notes()
    done = upscale_clip(source, target, upscaler, encoding=FAST, part_frames=7, listener=listener)
    assert listener.notes == ["its clock jumps once; the result runs on there"]
    assert done.frames == 40
    assert steps(target) == {Fraction(1, 25)}
    heard, wanted = clips.packets(target, "audio"), clips.packets(source, "audio")
    assert [len(data) for _, data in heard] == [len(data) - 7 for _, data in wanted]  # without their ADTS headers
    assert len(wanted) > 60
    # The second part's sound is as far from its picture as the first one's.
    half = len(heard) // 2
    apart = [heard[at][0] - clips.shown(target)[frame] for at, frame in ((5, 0), (half + 5, 20))]
    assert abs(apart[0] - apart[1]) <= Fraction(2, 1000)
    assert min(heard[0][0], clips.shown(target)[0]) == 0  # the clock of a broadcast begins anywhere


def test_a_pause_is_no_jump(tmp_path, upscaler):
    times = [0, FRAME, 30 * 90_000, 30 * 90_000 + FRAME]
    source = clips.make(tmp_path / "clip.mkv", times)
    upscale_clip(source, tmp_path / "large.mkv", upscaler, encoding=FAST)
    assert clips.shown(tmp_path / "large.mkv") == clips.shown(source)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
@pytest.mark.parametrize("damaged", [0, 4])
def test_a_damaged_packet_costs_its_frame_and_a_line(tmp_path, upscaler, suffix, damaged):
    source = clips.make(
        tmp_path / f"clip{suffix}", range(8), codec="mjpeg", pixel_format="yuvj420p", rate=25, unit=Fraction(1, 25)
    )
    before = clips.shown(source)
    with av.open(str(source)) as container:
        data = [bytes(packet) for packet in container.demux(video=0) if packet.size][damaged]
    held = source.read_bytes()
    assert held.count(data) == 1
    source.write_bytes(held.replace(data, bytes(len(data))))
    listener = clips.Notes()
    target = tmp_path / "large.mkv"
    done = upscale_clip(source, target, upscaler, encoding=FAST, listener=listener)
    assert done.frames == 7
    missing = "7 of its 8 frames can be shown; the rest is missing from the file"
    assert listener.notes == [missing if suffix != ".mkv" else "1 packet is damaged, and their frames are missing"]
    shown = clips.shown(target)
    kept = [time for number, time in enumerate(before) if number != damaged]
    assert [time - shown[0] for time in shown] == [time - kept[0] for time in kept]  # the others stay where they were


def test_a_file_of_nothing_but_damage_is_one_line(tmp_path, upscaler):
    source = clips.make(tmp_path / "clip.avi", [0, FRAME], codec="mjpeg", pixel_format="yuvj420p", rate=25)
    with av.open(str(source)) as container:
        data = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    held = source.read_bytes()
    for piece in data:
        held = held.replace(piece, bytes(len(piece)))
    source.write_bytes(held)
    with pytest.raises(VideoError, match="no frame that can be read"):
        upscale_clip(source, tmp_path / "large.mkv", upscaler)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.avi"]


def test_frames_of_another_size_are_brought_to_the_first_ones(tmp_path, upscaler):
    small = [np.full((32, 48, 3), 90, np.uint8)] * 3
    large = [np.full((64, 96, 3), 160, np.uint8)] * 3
    one = clips.make(tmp_path / "1.ts", [FRAME * n for n in range(3)], frames=small)
    two = clips.make(tmp_path / "2.ts", [FRAME * n for n in range(3, 6)], frames=large)
    Path(tmp_path / "joined.ts").write_bytes(one.read_bytes() + two.read_bytes())
    listener = clips.Notes()
    done = upscale_clip(tmp_path / "joined.ts", tmp_path / "large.mkv", upscaler, encoding=FAST, listener=listener)
    assert (done.frames, done.after) == (6, (96, 64))
    assert listener.notes == ["3 of its frames have another size, and were brought to that of the first"]


def test_matroska_whose_first_frames_have_no_time_of_decoding(tmp_path, upscaler):
    """x264 reorders frames; Matroska then says for the first ones only when they are shown. That is no jump."""
    source = clips.make(tmp_path / "a.mkv", [FRAME * n for n in range(12)], options={"preset": "medium", "bf": "3"})
    with av.open(str(source)) as container:
        first, second, *_ = (packet for packet in container.demux(video=0))
        assert (second.dts, second.pts > first.pts) == (None, True)
    listener = clips.Notes()
    upscale_clip(source, tmp_path / "b.mkv", upscaler, encoding=FAST, listener=listener)
    assert listener.notes == []
    assert clips.shown(tmp_path / "b.mkv") == clips.shown(source)
