"""How a call that failed is answered: a typed code, a sentence that says what to do, and the place."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse


class Failed(Exception):
    """Ends a call with an HTTP status, a code and a sentence."""

    def __init__(self, status: int, code: str, text: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.text = text
        self.details = details


def api_error(
    status: int, code: str, text: str, details: dict[str, Any] | None = None, again: bool | None = None
) -> JSONResponse:
    error: dict[str, Any] = {"code": code, "text": text or code}
    if again is not None:
        error["again"] = again
    if details:
        error["details"] = details
    return JSONResponse({"error": error}, status)
