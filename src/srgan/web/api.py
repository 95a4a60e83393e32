"""The HTTP API's routes: pictures in, larger pictures out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from srgan._version import __version__
from srgan.web import intake
from srgan.web.access import guard
from srgan.web.metrics import Metrics
from srgan.web.offers import Offer
from srgan.web.problems import ProblemError, documented
from srgan.web.queue import WorkQueue
from srgan.web.schema import Health, Limits, ModelEntry, ModelList, Progress, Wish
from srgan.web.settings import Settings
from srgan.web.upscaling import MEDIA_TYPES, Upscaling


def router(offers: Mapping[str, Offer], settings: Settings, queue: WorkQueue, metrics: Metrics) -> APIRouter:
    """Return the API's routes."""
    api = APIRouter()
    guarded = [Depends(guard(settings))]
    upscaling = Upscaling(offers, settings, queue, metrics)

    @api.post(
        "/v1/upscale",
        tags=["Pictures"],
        summary="Enlarge a picture",
        dependencies=guarded,
        response_class=Response,  # of no one media type: errors are JSON, pictures of many kinds
        responses={200: _PICTURE, **documented(400, 401, 403, 408, 409, 413, 422, 503, 504)},
        openapi_extra={"requestBody": _BODY},
    )
    async def upscale(request: Request, wish: Annotated[Wish, Query()]) -> Response:
        """Send a picture as the body, or as the field `image` of a form; the answer is the larger picture.

        Format, depth, alpha, profile, EXIF, XMP and resolution are those of the input. A client that closes the
        connection stops the work.
        """
        return await upscaling(request, wish)

    @api.get(
        "/v1/models",
        tags=["Pictures"],
        summary="The networks and the limits",
        dependencies=guarded,
        responses=documented(401, 403),
    )
    def models() -> ModelList:
        """List what `model` may be, the default first."""
        return _model_list(offers, settings)

    @api.get(
        "/v1/progress/{ticket}",
        tags=["Pictures"],
        summary="How far a picture is",
        dependencies=guarded,
        responses=documented(401, 403, 404, 422),
    )
    async def progress(ticket: str) -> Progress:
        """Ask for the ticket that you gave with a picture, as long as its request lasts."""
        place = upscaling.tickets.get(ticket)
        if place is None:
            raise ProblemError(404, "there is no such ticket: its picture is done, or was never sent")
        return Progress(
            state=place.state,
            ahead=queue.ahead_of(place),
            done=min(place.done / place.total, 1) if place.total else 0,
        )

    @api.get("/healthz", tags=["Server"], summary="Whether the server lives")
    async def healthz() -> Health:
        """Answer at once, however long the queue is."""
        return Health()

    @api.get(
        "/metrics",
        tags=["Server"],
        summary="Figures for Prometheus",
        dependencies=guarded,
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus' text format"},
            **documented(401, 403),
        },
    )
    def figures() -> Response:
        """Count requests by status, seconds, pixels, the queue, and what the process takes."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return api


def _model_list(offers: Mapping[str, Offer], settings: Settings) -> ModelList:
    return ModelList(
        version=__version__,
        models=[
            ModelEntry(
                name=offer.name,
                scale=offer.scale,
                when=offer.when,
                fidelity=offer.blended is not None,
                denoise=offer.cleans,
            )
            for offer in offers.values()
        ],
        limits=Limits(
            max_bytes=settings.max_bytes,
            max_pixels=settings.max_pixels,
            max_result_pixels=settings.max_result_pixels,
            deadline=settings.deadline,
        ),
    )


_BINARY = {"type": "string", "format": "binary"}
_BODY = {
    "required": True,
    "description": "The picture: JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP or PNM. Its bytes decide, not its declared type.",
    "content": {
        "multipart/form-data": {
            "schema": {"type": "object", "properties": {intake.FIELD: _BINARY}, "required": [intake.FIELD]}
        },
        "application/octet-stream": {"schema": _BINARY},
    },
}
_PICTURE: dict[str, Any] = {
    "description": "The larger picture",
    "content": {kind: {"schema": _BINARY} for kind in MEDIA_TYPES.values()},
    "headers": {
        "X-Srgan-Model": {
            "description": "The network that did it; for auto the one chosen",
            "schema": {"type": "string"},
        },
        "X-Srgan-Seen": {
            "description": "What was seen in the picture and decided for the network, if anything",
            "schema": {"type": "string"},
        },
        "X-Srgan-Size": {"description": "Width x height of the result", "schema": {"type": "string"}},
    },
}
