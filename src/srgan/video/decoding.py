"""Decoders: the one that a stream needs, and packets that are damaged."""

from __future__ import annotations

from typing import Any

import av

from srgan.video import clock


def decoder_of(stream: Any, name: str | None) -> Any:
    """Return the decoder of a stream, or the one of this name, which must know the stream's packets."""
    if name is not None:
        return av.CodecContext.create(name, "r")
    stream.codec_context.thread_type = "AUTO"
    return stream.codec_context


def first_frame(container: Any, stream: Any, decoder: Any) -> Any:
    """Return the first frame that can be decoded, or None."""
    for packet in clock.packets(container, [stream]):
        frames, _ = decode(decoder, packet)
        if frames:
            return frames[0]
    return None


def decode(decoder: Any, packet: Any) -> tuple[list[Any], bool]:
    """Return the frames that are complete with a packet, and whether it is damaged."""
    try:
        return decoder.decode(packet), False
    except MemoryError:
        raise
    except av.error.FFmpegError:  # of whatever kind: Theora's empty packets, which repeat a frame, are wrong arguments
        return [], packet.size > 0
