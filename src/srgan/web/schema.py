"""What the HTTP API takes and answers, as pydantic models."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from srgan.engine.sizes import MAX_SCALE, MAX_SIDE, Target, parse_fit
from srgan.web.queue import State


class FormatOption(StrEnum):
    """Formats of results."""

    jpeg = "jpeg"
    jpg = "jpg"
    png = "png"
    webp = "webp"
    avif = "avif"
    tiff = "tiff"
    tif = "tif"
    gif = "gif"
    bmp = "bmp"
    pnm = "pnm"


class UpscaleParams(BaseModel):
    """What a client may ask for, as query parameters."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field("", description="Name of a network, see /v1/models. Default: the first one.")
    scale: float | None = Field(
        None,
        ge=1,
        le=MAX_SCALE,
        allow_inf_nan=False,
        description="Enlargement; 1 cleans and keeps the size. Default: the network's own.",
    )
    width: int | None = Field(None, ge=1, le=MAX_SIDE, description="Instead of scale: pixels across of the result.")
    fit: str | None = Field(
        None,
        pattern=r"^[1-9][0-9]{0,5}x[1-9][0-9]{0,5}$",
        description="Instead of scale: the box that the result just fits into, as 1920x1080.",
    )
    fidelity: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Blend a GAN (0) with its faithful partner (1). Default: 0, with auto by the noise of the picture.",
    )
    denoise: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="How much noise, blocks and blur are taken away: 0 touches nothing, 1 cleans. "
        "Default: what the picture needs with auto, else what the network does.",
    )
    format: FormatOption | None = Field(None, description="Format of the result. Default: the input's.")
    quality: int | None = Field(None, ge=1, le=100, description="For formats that lose.")
    preview: bool = Field(
        False,
        description="Send after the result, in as many bytes as X-Srgan-Preview says, a JPEG of it that browsers show.",
    )
    ticket: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{8,64}$",
        description="A name that you make up for this request, to ask /v1/progress/TICKET how far it is.",
    )

    @model_validator(mode="after")
    def _one_size(self) -> UpscaleParams:
        given = [name for name in ("scale", "width", "fit") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} each say how large the result is: give one of them")
        return self

    @property
    def target(self) -> Target:
        """The size that is asked for."""
        return Target(self.scale, self.width, fit=None if self.fit is None else parse_fit(self.fit))


class ModelEntry(BaseModel):
    """A network that this server offers."""

    name: str
    title: str = Field(description="What people call it.")
    sample: str = Field(description="A picture of what it does, a path below the page; empty if there is none.")
    scale: int = Field(description="Its own enlargement.")
    bands: int = Field(description="Of the pictures that it is for: 3 for photographs.")
    when: str = Field(description="When to take it.")
    fidelity: bool = Field(description="Whether it takes a fidelity.")
    denoise: bool = Field(description="Whether it takes a strength of cleaning.")


class Limits(BaseModel):
    """What this server accepts."""

    max_bytes: int
    max_pixels: int
    max_result_pixels: int
    deadline: float = Field(description="Seconds.")


class ModelList(BaseModel):
    """The networks, the default one first, and the server's limits."""

    version: str
    models: list[ModelEntry]
    limits: Limits


class Progress(BaseModel):
    """How far a picture is."""

    state: State
    ahead: int = Field(description="Pictures that are computed before this one.")
    done: float = Field(ge=0, le=1, description="Share that is computed.")
    left: float | None = Field(
        description="Seconds until it is computed, as far as can be told; pictures ahead included."
    )


class Health(BaseModel):
    """That the server lives."""

    status: Literal["ok"] = "ok"
