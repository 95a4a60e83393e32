"""Codecs and their settings, and the writing of one part of the result."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import av
from av.container import OutputContainer
from numpy.typing import NDArray

from srgan.errors import UsageError, VideoError
from srgan.video.clip import Clip, why_failed

CodecName = Literal["auto", "h264", "hevc", "av1"]

MIN_SIDE, MAX_SIDE = 16, 16_384
"""What these codecs hold."""

LEAD = 1 << 32
"""Timestamps in parts are so much later than in the clip: NUT holds no negative ones, which frames may have, and times of
decoding do have where an encoder reorders frames; FFmpeg would move a part's beginning to 0."""


@dataclass(frozen=True)
class _Codec:
    encoder: str
    crf: int
    """Default quality: hardly told from the frames by eye."""
    best: int
    """Largest CRF, the worst quality."""
    preset: str
    presets: tuple[str, ...]
    depths: tuple[int, ...]
    subsamplings: tuple[str, ...]
    options: dict[str, str]


_X26X = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_ALL = ("420", "422", "444")
_CODECS = {
    "h264": _Codec("libx264", 17, 51, "medium", _X26X, (8, 10), _ALL, {}),
    "hevc": _Codec("libx265", 18, 51, "medium", _X26X, (8, 10, 12), _ALL, {"x265-params": "log-level=error"}),
    "av1": _Codec("libsvtav1", 22, 63, "6", tuple(str(n) for n in range(14)), (8, 10), ("420",), {}),
}


@dataclass(frozen=True)
class Encoding:
    """How the result is encoded.

    Attributes
    ----------
    codec : ``"auto"`` takes H.264 for 8 bits, HEVC for more, and AV1 in WebM
    crf : constant rate factor: lower is better and larger. Default 17 (H.264), 18 (HEVC), 22 (AV1)
    preset : the encoder's own word for slow and small, or fast and large
    """

    codec: CodecName = "auto"
    crf: int | None = None
    preset: str | None = None


@dataclass(frozen=True)
class Settings:
    """An encoding decided for one clip: what FFmpeg is told."""

    codec: str
    encoder: str
    pixel_format: str
    width: int
    height: int
    options: dict[str, str]


def decide(encoding: Encoding, clip: Clip, target: Path, size: tuple[int, int]) -> Settings:
    """Return the settings for a result of ``size`` (height, width); odd sides lose a pixel where chroma needs pairs.

    Raises
    ------
    UsageError
        if the codec does not hold that size, or an option is out of its range
    """
    webm = target.suffix.lower() == ".webm"
    name = ("av1" if webm else "hevc" if clip.depth > 8 else "h264") if encoding.codec == "auto" else encoding.codec
    if webm and name != "av1":
        raise UsageError(f"WebM holds no {name.upper()}: leave --codec out, or write .mkv or .mp4")
    codec = _CODECS[name]
    crf = codec.crf if encoding.crf is None else encoding.crf
    if not 0 <= crf <= codec.best:
        raise UsageError(f"the CRF is {crf}: give 0 to {codec.best} for {name}")
    preset = encoding.preset or codec.preset
    if preset not in codec.presets:
        raise UsageError(f"{name} has no preset {preset!r}: choose one of {', '.join(codec.presets)}")
    subsampling = clip.subsampling if clip.subsampling in codec.subsamplings else codec.subsamplings[0]
    depth = min((d for d in codec.depths if d >= clip.depth), default=codec.depths[-1])
    height, width = size
    if max(size) > MAX_SIDE or min(size) < MIN_SIDE:
        raise UsageError(
            f"the result would have {width} x {height} pixels, and videos have {MIN_SIDE} to {MAX_SIDE} a side: "
            "ask for another size"
        )
    return Settings(
        codec=name,
        encoder=codec.encoder,
        pixel_format=f"yuv{subsampling}p" + ("" if depth == 8 else f"{depth}le"),
        width=width - width % 2 if subsampling != "444" else width,
        height=height - height % 2 if subsampling == "420" else height,
        options={"crf": str(crf), "preset": preset, **codec.options},
    )


def add_encoder(container: OutputContainer, clip: Clip, settings: Settings, keyframes: int = 0) -> Any:
    """Add the stream of a clip's enlarged frames to a container and return it.

    Parameters
    ----------
    keyframes : largest distance of key frames; 0 leaves it to the encoder

    Raises
    ------
    ValueError
        if the container does not hold the codec
    """
    os.environ.setdefault("SVT_LOG", "1")  # errors only; it is read when the encoder opens, and prints 40 lines else
    stream: Any = container.add_stream(settings.encoder, rate=clip.rate, options=dict(settings.options))
    context = stream.codec_context
    stream.width, stream.height, stream.pix_fmt = settings.width, settings.height, settings.pixel_format
    stream.time_base = context.time_base = clip.time_base
    if keyframes:
        context.gop_size = keyframes
    if clip.aspect:
        context.sample_aspect_ratio = clip.aspect
    context.colorspace = clip.colours.matrix
    context.color_primaries = clip.colours.primaries
    context.color_trc = clip.colours.transfer
    context.color_range = 2 if clip.colours.full_range else 1
    return stream


class PartWriter:
    """Encodes frames into one file, which begins with a key frame and can be joined to others of the same settings.

    The container is NUT: it keeps timestamps in any unit exactly.
    """

    def __init__(self, path: Path, clip: Clip, settings: Settings, keyframes: int) -> None:
        self._clip = clip
        self._settings = settings
        try:
            self._container = av.open(str(path), "w", format="nut")
            self._stream = add_encoder(self._container, clip, settings, keyframes)
            self._container.start_encoding()
        except (av.error.FFmpegError, ValueError) as error:
            raise VideoError(f"cannot encode as {settings.codec} ({error}): choose another --codec") from None

    def write(self, time: int, pixels: NDArray[Any]) -> None:
        """Encode one frame: [H, W, 3] RGB, uint8 or uint16, with its timestamp in the clip's unit."""
        cut = pixels[: self._settings.height, : self._settings.width]
        frame = self._clip.colours.from_rgb(cut, self._settings.pixel_format)
        frame.pts, frame.time_base = time + LEAD, self._clip.time_base
        self._encode(frame)

    def _encode(self, frame: av.VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except av.error.FFmpegError as error:
            raise VideoError(f"cannot write a part of the video: {why_failed(error)}") from None

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._encode(None)
        finally:
            self._container.close()
