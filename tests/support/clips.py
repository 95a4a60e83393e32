"""Clips made with PyAV: timestamps, audio and tags as a test wants them."""

from fractions import Fraction

import av
import numpy as np

from srgan.video.work import ClipListener

UNIT = Fraction(1, 90_000)
VARIABLE = [0, 3000, 6000, 7500, 13_500, 13_800, 21_300, 24_300, 30_000, 33_003, 36_006, 60_000]
"""Timestamps of a variable frame rate, in 90,000ths of a second."""


class Notes(ClipListener):
    """Keeps what is said of a clip, without the name of its file."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text.split(": ", 1)[1])


def picture(number, width=64, height=48):
    """Return frame ``number``: colours that move, soft enough to survive encoding."""
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    planes = [across * 3 + 8 * number, down * 4, (across + down) * 2 + 90]
    return np.stack([np.clip(plane, 0, 255) for plane in planes], 2).astype(np.uint8)


def make(
    path,
    times=VARIABLE,
    *,
    frames=None,
    codec="libx264",
    pixel_format="yuv420p",
    audio=None,
    subtitles=False,
    rotation=None,
    tags=None,
    unit=UNIT,
    aspect=None,
    options=None,
    rate=30,
    sound_from=0,
):
    """Write a clip; ``tags`` are (colorspace, primaries, transfer, range) as FFmpeg numbers them.

    ``sound_from`` is when the sound begins, in 90,000ths of a second.
    """
    frames = [picture(number) for number in range(len(times))] if frames is None else frames
    with av.open(str(path), "w") as out:
        out.metadata["title"] = "Ein Titel"
        video = out.add_stream(
            codec, rate=rate, options={**({"crf": "10"} if codec.startswith("lib") else {}), **(options or {})}
        )
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt = pixel_format
        video.time_base = video.codec_context.time_base = unit
        if aspect:
            video.codec_context.sample_aspect_ratio = aspect
        if rotation is not None:
            video.set_display_rotation(rotation)
        if tags is not None:
            context = video.codec_context
            context.colorspace, context.color_primaries, context.color_trc, context.color_range = tags
        sound = None
        if audio:
            sound = out.add_stream(audio, rate=48_000, layout="mono")
            sound.metadata["language"] = "deu"
            if audio == "wmav2":  # it has no default
                sound.bit_rate = 64_000
        words = out.add_mux_stream("subrip") if subtitles else None
        for time, pixels in zip(times, frames, strict=True):
            kind = "rgb48le" if pixels.dtype == np.uint16 else "rgb24"
            frame = av.VideoFrame.from_ndarray(pixels, format=kind)
            if tags is not None:
                frame = frame.reformat(
                    format=pixel_format, dst_colorspace={6: 5}.get(tags[0], tags[0]), dst_color_range=tags[3]
                )
            frame.pts, frame.time_base = time, unit
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if sound is not None:
            tone = (np.sin(np.arange(1024 * 40) / 20) * 9000).astype(np.int16)
            for start in range(0, len(tone), 1024):
                piece = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format="s16", layout="mono")
                piece.sample_rate, piece.pts = 48_000, start + sound_from * 48_000 // 90_000
                out.mux(sound.encode(piece))
            out.mux(sound.encode(None))
        if words is not None:
            for number in range(2):
                packet = av.Packet(f"Zeile {number}".encode())
                packet.stream, packet.time_base = words, Fraction(1, 1000)
                packet.pts = packet.dts = 200 * number
                packet.duration = 150
                out.mux(packet)
    return path


def shown(path):
    """Return the seconds at which each frame is shown, as exact fractions."""
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def decoded(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def packets(path, kind):
    """Return (seconds, bytes) of each packet of the first audio or subtitle stream."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.size]
