"""The only place where parts are wired together."""

from __future__ import annotations

import mimetypes
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from . import __version__
from .guard import Guard
from .house import House
from .live.endpoint import live
from .live.rooms import NotKept
from .paths import api as path_api
from .paths import pages as path_pages
from .sessions import api, pages
from .sessions.answers import Failed, api_error
from .sessions.doors import language_of
from .settings import Settings
from .storage.sqlite import storage_is_at_fault

log = structlog.get_logger("app")

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")

FOR_EVER = "public, max-age=31536000, immutable"
COMPRESSED = (".js", ".css", ".svg")


class Officina:
    """The ASGI application: sockets go straight to the line, everything else to the pages and the API."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.house: House | None = None
        self.http = self._make()
        self.guarded = Guard(self._inside, lambda: self._house().access, self._refused)

    def _house(self) -> House:
        if self.house is None:
            raise RuntimeError("Officina is not open yet")
        return self.house

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.http(scope, receive, send)
        else:
            await self.guarded(scope, receive, send)

    async def _inside(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await live(self._house(), scope, receive, send)
        else:
            await self.http(scope, receive, send)

    async def _refused(self, scope: Any, status: int, code: str) -> Response:
        return await pages.show_error(Request({**scope, "app": self.http}), status, code)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        if self.house is None:
            self.house = await House.open(self.settings)
        app.state.house = self.house
        yield
        await self.house.close()

    def _make(self) -> FastAPI:
        app = FastAPI(title="Officina", version=__version__, lifespan=self.lifespan, docs_url=None, redoc_url=None)
        app.include_router(api.router)
        # Before the sessions' pages, where /desk/paths would be taken for the desk of a session.
        app.include_router(path_pages.router)
        app.include_router(pages.router)
        app.include_router(path_api.router)

        @app.get("/healthz")
        async def healthz() -> dict[str, str]:
            return {"status": "ok", "version": __version__}

        @app.get("/static/{digest}/{name:path}", include_in_schema=False)
        async def static(request: Request, digest: str, name: str) -> Response:
            path = self._house().drawing.find_static(name)
            if path is None:
                raise HTTPException(404)
            body, packed = file(path, path.stat().st_mtime_ns)
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            headers = {"cache-control": FOR_EVER, "vary": "accept-encoding"}
            if packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
                return Response(packed, media_type=kind, headers={**headers, "content-encoding": "gzip"})
            return Response(body, media_type=kind, headers=headers)

        @app.exception_handler(Failed)
        async def failed(request: Request, error: Failed) -> Response:
            return await pages.show_error(request, error.status, error.code, error.text, error.details)

        @app.exception_handler(sqlite3.DatabaseError)
        @app.exception_handler(NotKept)
        async def not_kept(request: Request, error: Exception) -> Response:
            if not isinstance(error, NotKept) and not storage_is_at_fault(error):
                return await broken(request, error)
            log.error("storage trouble", path=request.url.path, why=str(error))
            text = self._house().drawing.words("sessions", language_of(request))("error.storage")
            return await pages.show_error(request, 503, "storage", text)

        @app.exception_handler(HTTPException)
        async def not_here(request: Request, error: HTTPException) -> Response:
            return await pages.show_error(
                request, error.status_code, "not_found" if error.status_code == 404 else "refused"
            )

        @app.exception_handler(Exception)
        async def broken(request: Request, error: Exception) -> Response:
            log.error("a call failed", path=request.url.path, why=type(error).__name__, exc_info=error)
            return await pages.show_error(request, 500, "failed")

        @app.exception_handler(RequestValidationError)
        async def malformed(request: Request, error: RequestValidationError) -> Response:
            places = [".".join(str(part) for part in one["loc"]) for one in error.errors()[:8]]
            return api_error(422, "malformed", "The call does not have the right form.", {"fields": places})

        return app


@lru_cache(maxsize=256)
def file(path: Path, changed: int) -> tuple[bytes, bytes | None]:
    """A static file's bytes, and packed once where packing helps. `changed` is part of the key only."""
    import gzip

    body = path.read_bytes()
    return body, gzip.compress(body, 9, mtime=0) if path.suffix in COMPRESSED else None


def make_app(settings: Settings | None = None) -> Officina:
    return Officina(settings or Settings())
