"""The HTTP API's routes: pictures in, larger pictures out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from srgan._version import __version__
from srgan.web import page
from srgan.web.access import guard
from srgan.web.metrics import Metrics
from srgan.web.preview import Previews
from srgan.web.problems import ProblemError, documented
from srgan.web.queue import WorkQueue
from srgan.web.schema import Health, Limits, ModelEntry, ModelList, Progress, UpscaleParams
from srgan.web.served_models import ServedModel
from srgan.web.settings import ServerSettings
from srgan.web.upload import FIELD
from srgan.web.upscaling import MEDIA_TYPES, Upscaling


def router(
    served: Mapping[str, ServedModel], settings: ServerSettings, queue: WorkQueue, metrics: Metrics
) -> APIRouter:
    """Return the API's routes."""
    api = APIRouter()
    upscaling = Upscaling(served, settings, queue, metrics)
    _add_pictures(api, served, settings, upscaling)
    _add_facts(api, served, settings, queue, upscaling)
    _add_server(api, settings, metrics)
    return api


def _add_pictures(
    api: APIRouter, served: Mapping[str, ServedModel], settings: ServerSettings, upscaling: Upscaling
) -> None:
    guarded = [Depends(guard(settings))]
    previews = Previews(served, settings)

    @api.post(
        "/v1/upscale",
        tags=["Pictures"],
        summary="Enlarge a picture",
        dependencies=guarded,
        response_class=Response,  # of no one media type: errors are JSON, pictures of many kinds
        responses={200: _PICTURE, **documented(400, 401, 403, 408, 409, 413, 422, 503, 504)},
        openapi_extra={"requestBody": _BODY},
    )
    async def upscale(request: Request, params: Annotated[UpscaleParams, Query()]) -> Response:
        """Send a picture as the body, or as the field `image` of a form; the answer is the larger picture.

        Format, depth, alpha, profile, EXIF, XMP and resolution are those of the input. A client that closes the
        connection stops the work.
        """
        return await upscaling(request, params)

    @api.post(
        "/v1/preview",
        tags=["Pictures"],
        summary="Show a picture as JPEG",
        dependencies=guarded,
        response_class=Response,
        responses={
            200: {
                "content": {"image/jpeg": {"schema": _BINARY}},
                "description": "The picture, as large as it is",
                "headers": {"X-Srgan-Size": {"description": "Width x height", "schema": {"type": "string"}}},
            },
            **documented(400, 401, 403, 408, 413, 422, 503, 504),
        },
        openapi_extra={"requestBody": _BODY},
    )
    async def preview(request: Request) -> Response:
        """Send a picture as for `/v1/upscale`: browsers do not show TIFF, HEIC and raw files."""
        return await previews(request)


def _add_facts(
    api: APIRouter, served: Mapping[str, ServedModel], settings: ServerSettings, queue: WorkQueue, upscaling: Upscaling
) -> None:
    guarded = [Depends(guard(settings))]

    @api.get(
        "/v1/models",
        tags=["Pictures"],
        summary="The networks and the limits",
        dependencies=guarded,
        responses=documented(401, 403),
    )
    def models() -> ModelList:
        """List what `model` may be, the default first."""
        return _model_list(served, settings)

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
            done=place.share,
            left=queue.left_of(place),
        )


def _add_server(api: APIRouter, settings: ServerSettings, metrics: Metrics) -> None:
    @api.get("/healthz", tags=["Server"], summary="Whether the server lives")
    async def healthz() -> Health:
        """Answer at once, however long the queue is."""
        return Health()

    @api.get(
        "/metrics",
        tags=["Server"],
        summary="Figures for Prometheus",
        dependencies=[Depends(guard(settings))],
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus' text format"},
            **documented(401, 403),
        },
    )
    def figures() -> Response:
        """Count requests by status, seconds, pixels, the queue, and what the process takes."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _model_list(served: Mapping[str, ServedModel], settings: ServerSettings) -> ModelList:
    return ModelList(
        version=__version__,
        models=[
            ModelEntry(
                name=model.name,
                title=model.title or model.name,
                sample=page.sample(model.name) if model.shipped else "",
                scale=model.scale,
                bands=model.chooser.channels,
                when=model.when,
                fidelity=model.blended is not None,
                denoise=model.cleans,
            )
            for model in served.values()
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
        "multipart/form-data": {"schema": {"type": "object", "properties": {FIELD: _BINARY}, "required": [FIELD]}},
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
        "X-Srgan-Preview": {
            "description": "Where `preview` was asked for: how many bytes at the end are a JPEG of the result; without it none",
            "schema": {"type": "integer"},
        },
    },
}
