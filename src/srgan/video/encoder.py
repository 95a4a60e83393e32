"""Codecs and their settings, and the writing of one part of the result."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import av
from av.codec.context import Flags
from av.container import OutputContainer
from numpy.typing import NDArray

from srgan.errors import UsageError, VideoError
from srgan.image.fitting import on_white
from srgan.video import scheduling
from srgan.video.clip import Clip, why_failed
from srgan.video.side_data import Mastering

CodecName = Literal["auto", "h264", "hevc", "av1", "vp9", "prores"]

MIN_SIDE, MAX_SIDE = 16, 16_384
"""What these codecs hold."""

LEAD = 1 << 32
"""Timestamps in parts are so much later than in the clip: containers of parts hold no negative ones, which frames may
have, and times of decoding do have where an encoder reorders frames; FFmpeg would move a part's beginning to 0."""

_MKV_UNIT = Fraction(1, 1000)


@dataclass(frozen=True)
class _Codec:
    encoder: str
    crf: int | None
    """Default quality: hardly told from the frames by eye. None: it has no CRF."""
    best: int
    """Largest CRF, the worst quality."""
    preset: str
    presets: tuple[str, ...]
    depths: tuple[int, ...]
    subsamplings: tuple[str, ...]
    options: dict[str, str]
    preset_option: str = "preset"
    alpha: str | None = None
    """Pixel format with alpha, if it has one."""
    alpha_options: tuple[tuple[str, str], ...] = ()


_X26X = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_ALL = ("420", "422", "444")
_CODECS = {
    "h264": _Codec("libx264", 17, 51, "medium", _X26X, (8, 10), _ALL, {}),
    "hevc": _Codec("libx265", 18, 51, "medium", _X26X, (8, 10, 12), _ALL, {"x265-params": "log-level=error"}),
    "av1": _Codec("libsvtav1", 22, 63, "6", tuple(str(n) for n in range(14)), (8, 10), ("420",), {}),
    "vp9": _Codec(
        "libvpx-vp9",
        20,
        63,
        "3",
        tuple(str(n) for n in range(9)),
        (8,),
        _ALL,
        {"row-mt": "1"},
        preset_option="cpu-used",
        alpha="yuva420p",
        alpha_options=(("auto-alt-ref", "0"),),  # with them on, alpha is not encoded
    ),
    "prores": _Codec(
        "prores_ks",
        None,
        0,
        "",
        (),
        (10,),
        ("422", "444"),
        {"vendor": "apl0"},
        alpha="yuva444p10le",
    ),
}

_WITH_ALPHA = {".webm": "vp9", ".mkv": "vp9", ".mov": "prores"}
"""Container -> the codec in it that has alpha and that players know."""

_MASTERED: dict[str, tuple[str, Callable[[Mastering], str]]] = {
    "hevc": ("x265-params", Mastering.x265),
    "av1": ("svtav1-params", Mastering.svt),
}
"""Codecs that say how bright HDR is meant, with the encoder's option for it."""

_PRORES_TAGS = {"yuva444p10le": "ap4h", "yuv444p10le": "ap4h", "yuv422p10le": "apch"}


@dataclass(frozen=True)
class Encoding:
    """How the result is encoded.

    Attributes
    ----------
    codec : ``"auto"`` takes H.264 for 8 bits, HEVC for more, and AV1 in WebM; for transparent frames VP9 in WebM and
        MKV, and ProRes 4444 in MOV
    crf : constant rate factor: lower is better and larger. Default 17 (H.264), 18 (HEVC), 22 (AV1), 20 (VP9)
    preset : the encoder's own word for slow and small, or fast and large
    """

    codec: CodecName = "auto"
    crf: int | None = None
    preset: str | None = None


@dataclass(frozen=True)
class EncoderSettings:
    """An encoding decided for one clip: what FFmpeg is told."""

    codec: str
    encoder: str
    pixel_format: str
    width: int
    height: int
    options: dict[str, str]
    alpha: bool = False

    @property
    def part_suffix(self) -> str:
        """The container of parts: NUT keeps timestamps in any unit, but neither ProRes nor the alpha beside VP9."""
        return ".mkv" if self.codec == "prores" or self.alpha else ".nut"

    def tag(self, target: Path) -> str | None:
        """Return the codec's tag in a container, where FFmpeg's choice will not do."""
        if self.codec == "prores":
            return _PRORES_TAGS[self.pixel_format]
        # Apple's players show HEVC in MP4 under this one only.
        return "hvc1" if self.codec == "hevc" and target.suffix.lower() != ".mkv" else None


def decide(encoding: Encoding, clip: Clip, target: Path, size: tuple[int, int]) -> EncoderSettings:
    """Return the settings for a result of ``size`` (height, width); odd sides lose a pixel where chroma needs pairs.

    Raises
    ------
    UsageError
        if the codec does not hold that size, or an option is out of its range
    """
    name = _codec_name(encoding, clip, target)
    codec = _CODECS[name]
    height, width = size
    if max(size) > MAX_SIDE or min(size) < MIN_SIDE:
        raise UsageError(
            f"the result would have {width} x {height} pixels, and videos have {MIN_SIDE} to {MAX_SIDE} a side: "
            "ask for another size"
        )
    options = _options(encoding, name)
    if clip.mastering is not None and name in _MASTERED:
        option, form = _MASTERED[name]
        options[option] = ":".join(part for part in (options.get(option, ""), form(clip.mastering)) if part)
    alpha = clip.alpha and codec.alpha is not None
    if alpha:
        assert codec.alpha is not None
        pixel_format = codec.alpha
        options |= dict(codec.alpha_options)
    else:
        subsampling = clip.subsampling if clip.subsampling in codec.subsamplings else codec.subsamplings[0]
        depth = min((d for d in codec.depths if d >= clip.depth), default=codec.depths[-1])
        pixel_format = f"yuv{subsampling}p" + ("" if depth == 8 else f"{depth}le")
    if name == "prores":
        options["profile"] = "4444" if "444" in pixel_format else "hq"
    return EncoderSettings(
        codec=name,
        encoder=codec.encoder,
        pixel_format=pixel_format,
        width=width - width % 2 if "444" not in pixel_format else width,
        height=height - height % 2 if "420" in pixel_format else height,
        options=options,
        alpha=alpha,
    )


def _codec_name(encoding: Encoding, clip: Clip, target: Path) -> str:
    suffix = target.suffix.lower()
    if encoding.codec == "auto":
        if clip.alpha and suffix in _WITH_ALPHA:
            return _WITH_ALPHA[suffix]
        return "av1" if suffix == ".webm" else "hevc" if clip.depth > 8 else "h264"
    if suffix == ".webm" and encoding.codec not in ("av1", "vp9"):
        raise UsageError(f"WebM holds no {encoding.codec.upper()}: leave --codec out, or write .mkv or .mp4")
    if suffix in (".mp4", ".m4v") and encoding.codec == "prores":
        raise UsageError("MP4 holds no ProRes: leave --codec out, or write .mov")
    return encoding.codec


def _options(encoding: Encoding, name: str) -> dict[str, str]:
    codec = _CODECS[name]
    if codec.crf is None:
        if encoding.crf is not None or encoding.preset is not None:
            raise UsageError(f"{name} has neither CRF nor presets: leave --crf and --preset out")
        return dict(codec.options)
    crf = codec.crf if encoding.crf is None else encoding.crf
    if not 0 <= crf <= codec.best:
        raise UsageError(f"the CRF is {crf}: give 0 to {codec.best} for {name}")
    preset = encoding.preset or codec.preset
    if preset not in codec.presets:
        raise UsageError(f"{name} has no preset {preset!r}: choose one of {', '.join(codec.presets)}")
    return {"crf": str(crf), codec.preset_option: preset, **codec.options}


def losses_of(clip: Clip, settings: EncoderSettings, target: Path) -> list[str]:
    """Return a note for each property of the frames that the result does not keep."""
    notes = []
    if clip.alpha and not settings.alpha:
        notes.append(
            f"its transparency is laid on white, as {settings.codec} in {target.suffix} holds none: .webm and .mov do"
        )
    depth = 8 if not settings.pixel_format.endswith("le") else int(settings.pixel_format.removesuffix("le")[-2:])
    if clip.depth > depth:
        notes.append(f"its {clip.depth} bits a channel become {depth}, as {settings.codec} holds no more")
    if clip.mastering is not None and settings.codec not in _MASTERED:
        notes.append("what it says of the brightness of HDR is left out: hevc and av1 hold it")
    notes += clip.unsaid
    return notes


def add_encoder(container: OutputContainer, clip: Clip, settings: EncoderSettings, keyframes: int = 0) -> Any:
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
    context.flags |= Flags.global_header
    return stream


class PartWriter:
    """Encodes frames into one file, which begins with a key frame and can be joined to others of the same settings.

    Timestamps are kept exactly, in the clip's unit; Matroska, which counts milliseconds, is told that they are some.
    """

    def __init__(self, path: Path, clip: Clip, settings: EncoderSettings, keyframes: int) -> None:
        self._clip = clip
        self._settings = settings
        self._packets = 0
        try:
            kind = "nut" if settings.part_suffix == ".nut" else "matroska"
            self._container = av.open(str(path), "w", format=kind)
            self._stream = add_encoder(self._container, clip, settings, keyframes)
            with scheduling.kept():
                self._container.start_encoding()
        except (av.error.FFmpegError, ValueError) as error:
            raise VideoError(f"cannot encode as {settings.codec} ({error}): choose another --codec") from None

    def write(self, time: int, pixels: NDArray[Any]) -> None:
        """Encode one frame: [H, W, 3 or 4] RGB, uint8 or uint16, with its timestamp in the clip's unit."""
        cut = pixels[: self._settings.height, : self._settings.width]
        if cut.shape[2] == 4 and not self._settings.alpha:
            cut = on_white(cut)
        frame = self._clip.colours.from_rgb(cut, self._settings.pixel_format)
        frame.pts, frame.time_base = time + LEAD, self._clip.time_base
        self._encode(frame)

    def _encode(self, frame: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                if self._settings.part_suffix == ".mkv":
                    units = packet.time_base / self._clip.time_base
                    packet.pts = packet.dts = round(packet.pts * units)  # these codecs reorder nothing
                    packet.duration, packet.time_base = 0, _MKV_UNIT
                else:
                    # Joined, they get others; here they only have to grow, and be early. x265's own are whatever lay in
                    # memory where a part has one or two frames, and are refused then, or not.
                    packet.dts = self._packets
                self._packets += 1
                self._container.mux(packet)
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
