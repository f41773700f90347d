"""One flag away from plain http: the same server with a certificate, and a desk that then works from anywhere."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
import websockets
from websockets.asyncio.client import connect

from server.sessions import access as gate
from tests.people import KEY, Day, officina, plan

pytestmark = pytest.mark.promise("G15")


@dataclass
class Secured:
    """A server that speaks TLS only, and clients that trust its certificate."""

    day: Day
    url: str
    http: httpx.AsyncClient
    trust: ssl.SSLContext

    def socket(self, path: str, key: str | None = None, origin: str | None = None) -> Any:
        return connect(
            f"{self.url.replace('https', 'wss', 1)}{path}",
            ssl=self.trust,
            origin=origin or self.url,  # type: ignore[arg-type]
            additional_headers={"Authorization": f"Bearer {key}"} if key else {},
            proxy=None,
        )

    async def api(self, method: str, path: str, key: str | None = KEY, **more: Any) -> httpx.Response:
        headers = {"Origin": self.url, **({"Authorization": f"Bearer {key}"} if key else {})}
        return await self.http.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[Secured]:
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1", "localhost")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made.private_key_pem.write_to_path(key)
    certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with officina(tmp_path / "data", tls_certificate=certificate, tls_key=key) as day:
        url = day.url.replace("http", "https", 1)
        async with httpx.AsyncClient(base_url=url, verify=trust, trust_env=False) as http:
            yield Secured(day, url, http, trust)


async def test_pages_sockets_and_addresses_speak_tls(secured: Secured) -> None:
    made = await secured.api("POST", "/api/sessions", json={"plan": plan()})
    assert made.status_code == 201
    code = made.json()["code"]
    assert made.json()["join_url"].startswith("https://") and made.json()["desk_url"].startswith("https://")
    page = await secured.http.get(f"/wall/{code}", headers={"Accept": "text/html"})
    port = secured.url.rpartition(":")[2]
    assert (
        page.status_code == 200
        and f"connect-src 'self' wss://127.0.0.1:{port};" in page.headers["content-security-policy"]
    )
    joined = await secured.api("POST", f"/api/sessions/{code}/badges", None, json={"name": "Ada"})
    assert "secure" in joined.headers["set-cookie"].lower()
    async with secured.socket(f"/live/{code}", joined.json()["badge"]) as line:
        await line.send(json.dumps({"t": "hello", "v": 1, "screen": "phone", "as": "json", "last": None}))
        assert json.loads(await line.recv())["t"] == "welcome"


async def test_the_key_opens_the_desk_from_another_device_over_tls(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "is_loopback", lambda client: False)
    assert (await secured.api("GET", "/desk", None)).status_code == 401
    code = (await secured.api("POST", "/api/sessions", json={"plan": plan()})).json()["code"]
    signed = await secured.api("POST", "/desk/enter", None, data={"key": KEY})
    assert signed.status_code == 303
    flags = {part.strip().lower() for part in signed.headers["set-cookie"].split(";")}
    assert {"secure", "httponly", "samesite=strict"} <= flags
    page = await secured.http.get(f"/desk/{code}")
    assert page.status_code == 200 and 'name="csrf"' in page.text
    async with secured.socket(f"/live/{code}", KEY) as line:
        await line.send(json.dumps({"t": "hello", "v": 1, "screen": "desk", "as": "json", "last": None}))
        assert json.loads(await line.recv())["t"] == "welcome"
        await line.send(json.dumps({"t": "ask", "id": "1", "stage": None, "do": "go_next", "with": {}}))
        while (frame := json.loads(await line.recv()))["t"] != "receipt":
            assert frame["t"] in ("view", "digest")


async def test_the_same_key_opens_nothing_from_another_device_without_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "is_loopback", lambda client: False)
    async with officina(tmp_path) as day:
        assert (await day.api("POST", "/api/sessions", json={"plan": plan()})).status_code == 403
        assert (await day.api("GET", "/desk")).status_code == 403


async def test_a_page_over_plain_http_may_not_call_the_one_over_tls(secured: Secured) -> None:
    code = (await secured.api("POST", "/api/sessions", json={"plan": plan()})).json()["code"]
    plain = secured.url.replace("https", "http", 1)
    for origin in (plain, secured.url.replace("https", "wss", 1), "https://127.0.0.1", "https://evil.example"):
        assert (
            await secured.api("POST", "/", None, data={"code": code}, headers={"Origin": origin})
        ).status_code == 403
        with pytest.raises(websockets.InvalidStatus) as refused:
            await secured.socket(f"/live/{code}", KEY, origin)
        assert refused.value.response.status_code == 403


async def test_plain_http_on_the_tls_port_gets_no_page(secured: Secured) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx.TransportError):
            await http.get(secured.url.replace("https", "http", 1))
    assert (await secured.http.get("/healthz")).status_code == 200
