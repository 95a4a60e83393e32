"""The packets of a file whose clock may jump, with timestamps that run on: recordings of broadcasts, joined files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

BACKWARD = Fraction(1, 10)
"""A stream's clock that goes back by more seconds than this has been set anew; by less, it is only untidy."""
FORWARD = Fraction(10)
"""The same for a clock that leaps ahead, in formats whose clocks may jump. FFmpeg's tool has the same two limits."""

_TS_DISCONT = 0x0200
"""FFmpeg's flag of formats whose clocks may jump (AVFMT_TS_DISCONT), as MPEG-TS."""
_INDEXED = ("mov", "avi")
"""Formats that keep durations, not times: their clocks cannot jump."""
_PATIENCE = 32
"""Failed reads in a row after which a file is taken to end there."""


@dataclass
class _Stream:
    epoch: int = 0
    seen: Fraction | None = None
    """Its last timestamp as the file has it."""
    moved: Fraction = Fraction(0)
    """The same once it is moved."""
    length: Fraction = Fraction(1, 25)
    """How long its packets are: what they say, or what lies between them."""


class Clock:
    """Moves packets in time so that each stream runs on where its clock jumps.

    A file's streams jump together, but not at the same packet: those of a moment are not neighbours in the file. So each
    stream counts its own jumps, and after the same number of them all are moved by the same time: picture and sound stay
    as far apart as the file has them. How far that is follows from the picture alone (:func:`scan`).

    Parameters
    ----------
    video : index of the stream that the picture is in; sparse subtitles jump with it
    may_leap : whether a clock that leaps ahead has jumped; else there is a pause
    moves : seconds to move by from the beginning, after the first jump, the second, ...; more are found out by the way
    """

    def __init__(self, video: int, *, may_leap: bool, moves: Sequence[Fraction] = (Fraction(0),)) -> None:
        self._video = video
        self._may_leap = may_leap
        self._moves = list(moves)
        self._streams: dict[int, _Stream] = {}

    @property
    def moves(self) -> tuple[Fraction, ...]:
        """Seconds to move by from the beginning, and after each jump."""
        return tuple(self._moves)

    def correct(self, packet: Any) -> None:
        """Move one packet, in the order of the file."""
        stamp = packet.pts if packet.dts is None else packet.dts
        if stamp is None:
            return
        state = self._streams.setdefault(packet.stream.index, _Stream())
        now = stamp * packet.time_base
        # Matroska's first frames have no time of decoding, and are shown later than those behind them: that is no jump.
        shown_only = packet.dts is None and packet.stream.type == "video"
        if packet.stream.type == "subtitle":
            state.epoch = self._streams.get(self._video, state).epoch
        elif state.seen is not None and not shown_only:
            if self._jumped(now - state.seen):
                state.epoch += 1
                if state.epoch == len(self._moves):
                    self._moves.append(state.moved + state.length - now)
            elif now > state.seen:
                state.length = now - state.seen
        if not shown_only:
            state.seen = now
        move = round(self._moves[state.epoch] / packet.time_base)
        if packet.pts is not None:
            packet.pts += move
        if packet.dts is not None:
            packet.dts += move
        if not shown_only:
            state.moved = (stamp + move) * packet.time_base
        if packet.duration:
            state.length = packet.duration * packet.time_base

    def _jumped(self, step: Fraction) -> bool:
        return step < -BACKWARD or (self._may_leap and step > FORWARD)


def scan(container: Any, video: Any) -> tuple[Fraction, ...]:
    """Return how far packets must be moved from the beginning and after each jump of a file's clock (:class:`Clock`).

    Reads the whole file. Clocks that may jump begin anywhere, hours after 0; the result's begins at 0.
    """
    if container.format.name.startswith(_INDEXED):
        return (Fraction(0),)
    start = Fraction(-(container.start_time or 0), av.time_base) if may_leap(container) else Fraction(0)
    clock = Clock(video.index, may_leap=may_leap(container), moves=(start,))
    for packet in packets(container, [video]):
        clock.correct(packet)
    return clock.moves


def may_leap(container: Any) -> bool:
    """Return whether a file's format is one whose clocks jump."""
    return bool(int(container.format.flags) & _TS_DISCONT)


def packets(container: Any, streams: Sequence[Any]) -> Iterator[Any]:
    """Yield the packets of some streams in the order of the file; what cannot be read is passed over.

    At the end comes an empty packet for each stream, which makes its decoder give back what it still holds.
    """
    failures = 0
    while True:
        try:
            for packet in container.demux(streams):
                failures = 0
                yield packet
        except av.error.InvalidDataError:
            failures += 1
            if failures < _PATIENCE:
                continue
            for stream in streams:
                end = av.Packet()
                end.stream = stream
                yield end
        return
