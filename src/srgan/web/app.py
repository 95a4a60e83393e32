"""The web application: the API, the page, and what all requests pass through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.cors import CORSMiddleware

from srgan._version import __version__
from srgan.runtime import kept
from srgan.web import api, page, problems
from srgan.web.headers import SafeHeaders
from srgan.web.hosts import OwnNames
from srgan.web.metrics import Counting, Metrics
from srgan.web.queue import WorkQueue
from srgan.web.refusing import Refusing
from srgan.web.served_models import ServedModel
from srgan.web.settings import ServerSettings

TIDY_SECONDS = 5.0
"""Between two looks for memory that nobody uses; where pictures are computed, each of them looks, too."""


def build_app(models: Mapping[str, ServedModel], settings: ServerSettings | None = None) -> FastAPI:
    """Return the ASGI application.

    Parameters
    ----------
    models : the networks, from :func:`srgan.web.served_models.open_models`; the first is the default
    settings : limits and access
    """
    settings = settings or ServerSettings()
    queue = WorkQueue(settings.queue)
    metrics = Metrics(queue)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tidying = asyncio.create_task(_tidy())
        yield
        tidying.cancel()
        queue.close()

    app = FastAPI(
        title="srgan",
        version=__version__,
        summary="Enlarges photographs.",
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    problems.install(app)
    app.include_router(api.router(models, settings, queue, metrics))
    app.include_router(page.router())
    app.router.routes.extend(page.mounts())
    app.add_middleware(Refusing, queue=queue, settings=settings, path="/v1/upscale")
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Content-Disposition", "Retry-After", "X-Srgan-Model", "X-Srgan-Size"],
        )
    # The last one is the first to see a request: all are counted, and whoever calls a wrong name learns no more.
    app.add_middleware(OwnNames, hosts=settings.hosts)
    app.add_middleware(SafeHeaders)
    app.add_middleware(Counting, metrics=metrics)
    _describe(app, list(models), secured=settings.token is not None)
    return app


async def _tidy() -> None:
    """Give back what large pictures have left, though no others come."""
    while True:
        await asyncio.sleep(TIDY_SECONDS)
        await asyncio.to_thread(kept.give_back_idle)


def _describe(app: FastAPI, models: list[str], *, secured: bool) -> None:
    """Make the OpenAPI document say what this server in particular takes."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            for parameter in schema["paths"]["/v1/upscale"]["post"]["parameters"]:
                if parameter["name"] == "model":
                    parameter["schema"] = {"type": "string", "enum": models, "default": models[0]}
            if secured:
                schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                for path, methods in schema["paths"].items():
                    if path != "/healthz":
                        for operation in methods.values():
                            operation["security"] = [{"token": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
