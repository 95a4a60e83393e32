"""The options of ``srgan upscale`` as one object, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan.cli import video
from srgan.cli.options import MACHINE, parse_size
from srgan.cli.precision import settled
from srgan.cli.video import VideoOptions, selection
from srgan.engine.sizes import Target, parse_fit
from srgan.jobs.job import Keeping
from srgan.jobs.plan import Plan, plan
from srgan.models.catalogue import TWICE, for_clips, networks_of, resolve
from srgan.models.metadata import ModelInfo, read_info

if TYPE_CHECKING:
    from srgan.engine.choice import ModelChooser

_NETWORK = (
    *("scale", "width", "height", "fit", "wrap", "tta", "fidelity", "denoise"),
    *("precision", "exact", *MACHINE),
)
"""Options that :class:`srgan.engine.choice.ModelChooser` takes."""


@dataclass(frozen=True)
class CommandOptions:
    """The options of the command, by their names."""

    paths: Sequence[str]
    output: str | None
    model: str
    network: Mapping[str, Any]
    """Arguments of :class:`srgan.engine.choice.ModelChooser`."""
    format: str | None
    suffix: str | None
    name: str | None
    quality: int | None
    keeping: Keeping
    overwrite: bool
    check: bool
    check_map: str | None
    skip_larger: tuple[int, int] | None
    watch: bool
    dry_run: bool
    report: str | None
    ray: str | None
    video: VideoOptions
    quiet: bool

    @classmethod
    def from_command(cls, given: Mapping[str, Any]) -> CommandOptions:
        """Return the options for the arguments of :func:`srgan.cli.upscale.upscale_command`, by their names.

        Raises
        ------
        UsageError
            for an invalid size, and for options on streams that contradict each other
        """
        box, largest = (None if given[name] is None else parse_fit(given[name]) for name in ("fit", "skip_larger"))
        asked = {name: given[name] for name in ("device", "fidelity", "quiet")}
        precision = settled(given["precision"].value, **asked)
        read = {"fit": box, "precision": precision, "memory": parse_size(given["memory"])}
        streams = selection(given["only"], no_audio=given["no_audio"], no_subtitles=given["no_subtitles"])
        encoding = {name: given[name] for name in ("codec", "crf", "preset", "quality", "overwrite", "quiet")}
        keeping = Keeping(history=not given["no_history"], date=given["keep_date"])
        own = {field.name: given[field.name] for field in fields(cls) if field.name in given}
        own |= {
            "network": {name: given[name] for name in _NETWORK} | read,
            "keeping": keeping,
            "skip_larger": largest,
            "video": VideoOptions(**encoding, streams=streams, keeping=keeping),
        }
        return cls(**own)

    @property
    def label(self) -> str:
        """What results are called after (:attr:`srgan.Upscaler.label`), known before the network is opened."""
        return self.target.label(self._info.scale)

    @property
    def target(self) -> Target:
        """The size that results shall have."""
        return Target(*(self.network[name] for name in ("scale", "width", "height", "fit")))

    @property
    def bands(self) -> int:
        """How many bands the network's pictures have."""
        return self._info.bands

    @cached_property
    def _info(self) -> ModelInfo:
        return read_info(resolve(networks_of(self.model)[0]))

    def plan(self, *, empty: bool = False) -> Plan:
        """Return what becomes what; ``empty`` if a folder without pictures is not an error."""
        return plan(
            self.paths,
            self.output,
            scale=self.label,
            format=self.format,
            suffix=self.suffix,
            name=self.name,
            skip_larger=self.skip_larger,
            clips=True,
            empty=empty,
            bands=self.bands,
        )

    def clip_model(self, clip: Path) -> str:
        """Return the model that a clip goes through."""
        given = self.model, self.network["fidelity"], self.network["denoise"]
        large, twice = for_clips(*given), for_clips(*given, twice=True)
        return str(large if large == twice or not video.is_within(TWICE, clip, self.target) else twice)

    def open(self, model: str | None = None) -> ModelChooser:
        """Open the network, or another one with the same options."""
        from srgan.engine.choice import ModelChooser

        # Where a cluster computes, its machines take their own devices.
        network = self.network if self.ray is None else {**self.network, "device": "cpu"}
        return ModelChooser(model or self.model, **network)

    def settings(self) -> dict[str, Any]:
        """Return the options on which results depend, by name."""
        return {name: value for name, value in self.network.items() if name not in MACHINE} | {
            "quality": self.quality,
            **({} if self.keeping.history else {"history": False}),
        }
