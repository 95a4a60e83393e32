"""The page, the API's documentation, and the files that both are made of: all of them from this machine."""

from __future__ import annotations

import mimetypes
from importlib import resources
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.responses import RedirectResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

_HERE = Path(str(resources.files("srgan.web").joinpath("static")))

# Nothing but this server's own files, whatever a file's name or a picture contains. Pictures that a page shows before
# and after come from its own memory (blob:).
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{inline}; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def _headers(*, inline_styles: bool = False) -> dict[str, str]:
    return {
        "content-security-policy": _POLICY.format(inline=" 'unsafe-inline'" if inline_styles else ""),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
    }


def sample(model: str) -> str:
    """Return the path below the page of the crop that shows what a shipped network does; empty if there is none."""
    path = f"samples/{model}.webp"
    return f"static/{path}" if (_HERE / path).is_file() else ""


def router() -> APIRouter:
    """Return the routes of the page and the documentation; none of them needs the token, which the page asks for."""
    page = APIRouter(include_in_schema=False)

    @page.get("/")
    def index() -> Response:
        return FileResponse(_HERE / "index.html", headers=_headers())

    @page.get("/docs")
    def docs() -> Response:
        # Swagger UI sets style attributes.
        return FileResponse(_HERE / "docs.html", headers=_headers(inline_styles=True))

    @page.get("/favicon.ico")
    def icon() -> Response:
        return RedirectResponse("static/icon.svg")

    return page


# Windows may have another opinion in its registry, and browsers run no module that is not called JavaScript.
mimetypes.add_type("text/javascript", ".js")


def mounts() -> list[Mount]:
    """Return the folders of files: the page's own, and Swagger UI as the package fastapi-offline brings it."""
    swagger = Path(str(resources.files("fastapi_offline").joinpath("static")))
    return [Mount("/static/swagger", StaticFiles(directory=swagger)), Mount("/static", StaticFiles(directory=_HERE))]
