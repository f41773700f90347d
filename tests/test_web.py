"""What protects a page and its socket: origins, hosts, headers, cookies, sizes, and what is written to no log."""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import websockets
from websockets.asyncio.client import connect

from server import addresses
from server.cli import say_where
from server.guard import BODY, FORM, LARGE_BODY, policy
from server.house import House
from server.sessions import plans
from server.settings import Settings
from tests import running
from tests.inside import Inside, inside, routes_of
from tests.people import KEY, Day

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " media-src 'self'; connect-src 'self' {socket}; form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
    " object-src 'none'; require-trusted-types-for 'script'; trusted-types htmx"
)

#: Where a forged call comes from; {host} and {port} are ours.
FORGED: dict[str, str | None] = {
    "another site": "http://evil.example",
    "our host with another port": "http://127.0.0.1:9",
    "our host without the port": "http://127.0.0.1",
    "our host over the other scheme": "https://127.0.0.1:{port}",
    "another of our names": "http://localhost:{port}",
    "no origin that it tells": "null",
    "an empty one": "",
    "none, with a cookie": None,
    "our host as a prefix": "http://127.0.0.1:{port}.evil.example",
    "our host as a suffix": "http://evil.example/127.0.0.1:{port}",
    "our host as a user name": "http://127.0.0.1:{port}@evil.example",
    "our origin with a path": "http://127.0.0.1:{port}/",
    "two origins": "http://127.0.0.1:{port} http://evil.example",
    "the socket's own scheme": "ws://127.0.0.1:{port}",
}

pytestmark = pytest.mark.promise("G16")


async def desk_cookie(day: Day) -> str:
    cookie = await day.house.access.sign_in(0)
    return f"{day.house.access.desk_cookie}={cookie}"


async def shakes_hands(day: Day, path: str, headers: list[tuple[str, str]]) -> int:
    """The status that a handshake is answered with, byte by byte as a client that obeys nobody sends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(day.url).port)
    lines = [f"GET {path} HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *(f"{name}: {value}" for name, value in headers)]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    status = int((await asyncio.wait_for(reader.readline(), 10)).split()[1])
    writer.close()
    return status


async def test_G16_a_forged_origin_is_refused_before_a_socket_is_accepted(day: Day) -> None:
    port = urlsplit(day.url).port
    ours = [("Host", f"127.0.0.1:{port}"), ("Cookie", await desk_cookie(day))]
    path = f"/live/{day.code}"
    assert await shakes_hands(day, path, [*ours, ("Origin", day.url)]) == 101
    for what, origin in FORGED.items():
        headers = ours if origin is None else [*ours, ("Origin", origin.format(port=port))]
        assert await shakes_hands(day, path, headers) == 403, what
        assert await shakes_hands(day, "/try/live", headers) == 403, what


async def test_G16_a_key_in_the_header_does_not_excuse_a_forged_origin(day: Day) -> None:
    for origin in ("http://evil.example", "null"):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await connect(
                f"{day.url.replace('http', 'ws', 1)}/live/{day.code}",
                origin=origin,  # type: ignore[arg-type]
                additional_headers={"Authorization": f"Bearer {KEY}"},
                proxy=None,
            )
        assert refused.value.response.status_code == 403


async def test_G16_a_forged_origin_is_refused_for_every_unsafe_call(day: Day) -> None:
    port = urlsplit(day.url).port
    cookie = await desk_cookie(day)
    csrf = list(day.house.access.desks.values())[-1]
    number = day.house.rooms.live[day.code].room.number
    unsafe = [(method, path) for method, path in routes_of(day.officina) if method not in ("GET", "HEAD", "OPTIONS")]
    assert len(unsafe) > 12
    for method, path in unsafe:
        filled = re.sub(r"\{[^}]*\}", day.code, path)
        for what, origin in FORGED.items():
            headers = {"Cookie": cookie, "X-Officina-CSRF": csrf}
            headers |= {} if origin is None else {"Origin": origin.format(port=port)}
            answer = await day.http.request(method, filled, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "wrong_origin"), f"{what}: {path}"
    assert day.house.rooms.live[day.code].room.number == number


async def test_G16_a_browser_that_says_cross_site_is_refused_whatever_origin_it_shows(day: Day) -> None:
    port = urlsplit(day.url).port
    cookie = await desk_cookie(day)
    headers = {"Cookie": cookie, "X-Officina-CSRF": list(day.house.access.desks.values())[-1], "Origin": day.url}
    ask = {"id": "one", "stage": None, "do": "lock_room", "with": {}}
    path = f"/api/sessions/{day.code}/asks"
    for site, status in (("cross-site", 403), ("same-site", 200), ("same-origin", 200), ("none", 200), (None, 200)):
        more = {} if site is None else {"Sec-Fetch-Site": site}
        answer = await day.http.post(path, json={**ask, "id": f"from {site}"}, headers={**headers, **more})
        assert answer.status_code == status, site
    assert (await day.http.post(path, json=ask, headers={**headers, "Sec-Fetch-Site": "cross-site"})).json()["error"][
        "code"
    ] == "wrong_origin"
    ours = [("Host", f"127.0.0.1:{port}"), ("Cookie", cookie), ("Origin", day.url), ("Sec-Fetch-Site", "cross-site")]
    assert await shakes_hands(day, f"/live/{day.code}", ours) == 403
    followed = await day.http.get(f"/wall/{day.code}", headers={"Sec-Fetch-Site": "cross-site"})
    assert followed.status_code == 200, "a link to us from elsewhere may be followed"


async def test_a_refusal_at_the_door_is_a_page_for_people_and_json_for_programs(tmp_path: Path) -> None:
    async with inside(tmp_path) as door:
        await door.begins()
        person = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": "it"}
        large = {"data": {"plan": "x" * (BODY + 1)}}
        for method, path, more, origin, status, title in (
            ("POST", "/desk", large, "", 413, "È troppo grande"),
            ("POST", f"/j/{door.code}", large, "", 413, "È troppo grande"),
            ("POST", "/desk/plans", {"content": b"x" * (LARGE_BODY + FORM + 1)}, "", 413, "È troppo grande"),
            ("POST", "/desk", {}, "http://evil.example", 403, "arriva da un altro sito"),
        ):
            page = await door.call(method, path, KEY, origin=origin, headers=person, **more)
            assert page.status_code == status and page.headers["content-type"].startswith("text/html"), path
            assert title in page.text, path
            assert page.headers["content-security-policy"] == POLICY.format(socket="ws://localhost")
            assert page.headers["cache-control"] == "no-store"
            assert (page.headers.get("connection") == "close") == (status == 413)
            for headers in ({}, {"Accept": "*/*"}):
                said = await door.call(method, path, KEY, origin=origin, headers=headers, **more)
                assert said.status_code == status and said.json()["error"]["text"], path
        api = await door.call("POST", f"/api/sessions/{door.code}/badges", headers=person, content=b" " * (BODY + 1))
        assert (api.status_code, api.json()["error"]["code"]) == (413, "too_big")


async def test_the_language_of_a_refused_form_can_be_changed(tmp_path: Path) -> None:
    """Its page stands under the form's own address, and the links of the languages are relative to it."""
    async with inside(tmp_path) as door:
        await door.begins()
        page = await door.call("POST", "/desk/enter", data={"key": "no"}, headers={"Accept": "text/html"})
        assert page.status_code == 401 and 'href="?lang=en"' in page.text
        for path, home in (
            ("/desk/enter", "/desk"),
            ("/desk/plans", "/desk"),
            (f"/keep/{door.code}/erase", f"/keep/{door.code}"),
        ):
            for query, kept in (("?lang=en", "?lang=en"), ("", ""), ("?lang=xx%0d%0aSet-Cookie:a", "")):
                answer = await door.call("GET", path + query, headers={"Accept": "text/html"})
                assert (answer.status_code, answer.headers["location"]) == (303, home + kept)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1@evil.example",
        "",
        "[",
        "[::1",
        "a[b]c",
        "::::",
        "evil.example#127.0.0.1",
        "evil.example/127.0.0.1",
        "\u00b9\u00b2\u00b7.0.0.1",
        "x" * 5000,
    ],
)
async def test_a_host_that_is_not_ours_is_not_served(day: Day, host: str) -> None:
    """A rebound DNS name of a hostile page has its own Host, whatever address it leads to."""
    for path, extra in (("/", []), (f"/live/{day.code}", [("Origin", f"http://{host}")])):
        status = await shakes_hands(day, path, [("Host", host), *extra]) if extra else await plain(day, path, host)
        assert status in (400, 403), f"{host[:40]!r} {path}"


async def plain(day: Day, path: str, host: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(day.url).port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1"))
    status = int((await asyncio.wait_for(reader.readline(), 10)).split()[1])
    writer.close()
    return status


async def test_our_own_names_are_served_and_those_of_the_settings(tmp_path: Path) -> None:
    async with inside(tmp_path, allowed_hosts=["Officina.comune.example"], public_url="https://lab.example") as door:
        for host in ("localhost", "127.0.0.1:8000", "[::1]:8000", "officina.comune.example", "LAB.EXAMPLE"):
            assert (await door.call("GET", "/", headers={"Host": host})).status_code == 200, host
        assert (await door.call("GET", "/", headers={"Host": "comune.example"})).status_code == 403
        origin = "https://lab.example"
        answer = await door.call("POST", "/", origin=origin, headers={"Host": "lab.example"}, data={"code": "XXXXXX"})
        assert answer.status_code == 404


# -- headers --------------------------------------------------------------------------------------------------------


async def pages_of(door: Inside) -> list[str]:
    """Addresses of every page there is, errors too."""
    code = door.code
    return [
        "/",
        f"/j/{code}",
        f"/J/{code}",
        f"/j/{code}/back",
        f"/s/{code}",
        f"/wall/{code}",
        "/desk",
        f"/desk/{code}",
        f"/desk/{code}/preview/poll",
        f"/desk/{code}/stages/poll/import",
        "/desk/preflight",
        "/keep",
        f"/keep/{code}",
        "/nowhere",
        "/s/%00",
        "/healthz",
        f"/api/sessions/{code}",
        "/openapi.json",
    ]


async def test_G16_every_page_carries_the_policy_word_for_word(tmp_path: Path) -> None:
    async with inside(tmp_path) as door:
        await door.begins()
        badge, _ = await door.joins("Ada")
        headers = {"Accept": "text/html", "Cookie": f"{door.house.access.badge_cookie(door.code)}={badge}"}
        for scheme, socket in (("http", "ws://localhost"), ("https", "wss://localhost")):
            for path in await pages_of(door):
                for key in (None, KEY):
                    answer = await door.call("GET", path, key, scheme=scheme, headers=headers)
                    assert answer.headers.get_list("content-security-policy") == [POLICY.format(socket=socket)], path
                    assert answer.headers["x-content-type-options"] == "nosniff"
                    assert answer.headers["referrer-policy"] == "same-origin"
                    assert answer.headers["x-frame-options"] == "DENY"
                    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
                    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
                    assert answer.headers["cache-control"] == "no-store"
                    assert "camera=()" in answer.headers["permissions-policy"]
                    assert "access-control-allow-origin" not in answer.headers


def test_the_policy_allows_nothing_unsafe_and_no_other_host() -> None:
    said = policy("http", "192.168.1.2:8000")
    assert said == POLICY.format(socket="ws://192.168.1.2:8000")
    assert "unsafe" not in said and "*" not in said and "http:" not in said


async def test_a_host_with_signs_of_its_own_adds_nothing_to_the_policy(tmp_path: Path) -> None:
    async with inside(tmp_path) as door:
        for host in (
            "localhost; script-src *",
            "localhost:80;script-src",
            "localhost ws://evil.example",
            "localhost\n",
        ):
            answer = await door.call("GET", "/", headers={"Host": host})
            assert answer.status_code in (400, 403) and "script-src *" not in str(answer.headers), host


async def test_no_page_holds_a_script_or_style_of_its_own(tmp_path: Path) -> None:
    async with inside(tmp_path) as door:
        await door.begins()
        for path in await pages_of(door):
            text = (await door.call("GET", path, KEY, headers={"Accept": "text/html"})).text
            assert re.findall(r"<script(?![^>]*\ssrc=\"/static/)", text) == [], path
            assert re.findall(r"<style|\sstyle=\"|\son[a-z]+=\"|javascript:", text) == [], path
            assert re.findall(r"(?:src|href|action)=\"(?:https?:)?//", text.replace("http://127.0.0.1", "")) == [], path


# -- cookies --------------------------------------------------------------------------------------------------------


def flags(cookie: str) -> set[str]:
    return {part.strip().lower() for part in cookie.split(";")[1:]}


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_cookies_are_read_by_no_script_and_sent_by_no_other_site(tmp_path: Path, scheme: str) -> None:
    async with inside(tmp_path) as door:
        await door.begins()
        joined = await door.call("POST", f"/j/{door.code}", scheme=scheme, data={"name": "Ada"})
        joined_api = await door.call("POST", f"/api/sessions/{door.code}/badges", scheme=scheme, json={})
        badge = joined_api.json()["badge"]
        back = await door.call("POST", f"/j/{door.code}/badge", scheme=scheme, json={"badge": badge})
        desk = await door.call("POST", "/desk/enter", scheme=scheme, data={"key": KEY})
        for answer, site in ((joined, "lax"), (joined_api, "lax"), (back, "lax"), (desk, "strict")):
            (cookie,) = answer.headers.get_list("set-cookie")
            assert {"httponly", f"samesite={site}", "path=/"} <= flags(cookie)
            assert ("secure" in flags(cookie)) == (scheme == "https")
            assert not any(flag.startswith("domain=") for flag in flags(cookie))
            assert KEY not in cookie
        name = joined.headers["set-cookie"].split("=")[0]
        assert name == door.house.access.badge_cookie(door.code) and door.code in name and len(name) > 20
        value = joined_api.headers["set-cookie"].split(";")[0].split("=", 1)[1]
        rows = await door.house.journal.read("SELECT * FROM person")
        assert value == badge and badge not in str(rows), "the database keeps a badge's hash and nothing more"
        left = await door.call("DELETE", f"/api/sessions/{door.code}/me", badge)
        assert "max-age=0" in flags(left.headers["set-cookie"])


async def test_the_desks_token_stands_in_the_desks_pages_only(tmp_path: Path) -> None:
    async with inside(tmp_path) as door:
        await door.begins()
        access = door.house.access
        cookie = f"{access.desk_cookie}={await access.sign_in(0)}"
        csrf = next(iter(access.desks.values()))
        for path in await pages_of(door):
            text = (await door.call("GET", path, headers={"Cookie": cookie, "Accept": "text/html"})).text
            assert (csrf in text) <= path.startswith("/desk"), path
            assert KEY not in text and cookie.split("=", 1)[1] not in text, path


# -- what travels and what is written down --------------------------------------------------------------------------


async def test_a_key_in_the_address_opens_nothing(tmp_path: Path) -> None:
    async with inside(tmp_path) as door:
        await door.begins()
        badge, _ = await door.joins("Ada")
        for query in (f"key={KEY}", f"token={KEY}", f"authorization=Bearer%20{KEY}", f"badge={badge}"):
            assert (await door.call("GET", f"/api/sessions/{door.code}/facts?{query}")).status_code == 401
            assert (await door.call("GET", f"/api/sessions/{door.code}/me?{query}")).status_code == 401


async def test_no_secret_and_no_name_is_written_to_the_logs(tmp_path: Path) -> None:
    secrets = {"the key": KEY, "a name": "CANARINO-NOME", "a word": "CANARINO-RISPOSTA"}
    async with running.running(tmp_path / "data", OFFICINA_LOG="debug") as (server, day):
        await day.begins()
        ada = await day.joins(secrets["a name"])
        carla = await day.carla()
        await carla.asks("go_next")
        await carla.asks("open_question", "poll", question="obstacle")
        await ada.answers_with(["a"])
        await ada.tries("answer", "poll", question="obstacle", round=1, value=secrets["a word"])
        await ada.says("{" + secrets["a word"])
        await carla.asks("pause", message=secrets["a word"])
        await carla.asks("rename_person", person=ada.person, name=secrets["a name"] + "2")
        signed = await day.http.post("/desk/enter", data={"key": secrets["the key"]}, headers={"Origin": day.url})
        secrets["the desk's cookie"] = next(iter(signed.cookies.values()))
        page = await day.http.get(f"/desk/{day.code}", headers={"Accept": "text/html"})
        secrets["the desk's token"] = re.findall(r'name="csrf" content="([^"]+)"', page.text)[0]
        await day.http.post("/desk/enter", data={"key": secrets["the key"][:-1]}, headers={"Origin": day.url})
        await day.http.get(f"/nowhere/{secrets['a word']}?key={secrets['the key']}")
        await day.http.post(
            f"/j/{day.code}", data={"name": secrets["a name"]}, headers={"Origin": "http://evil.example"}
        )
        assert ada.badge
        secrets["the badge"] = ada.badge
        await ada.leaves()
        await carla.leaves()
        server.stop()
        said = server.said
        said.seek(0)
        text = said.read().decode(errors="replace")
    assert "Officina is ready" in text.replace("\n", " ") and "activities found" in text, "the log was read"
    for what, secret in secrets.items():
        assert secret not in text, f"the log tells {what}"


def start_once(data: Path, **environment: str) -> str:
    """All that `officina start` says until it is ready and is stopped."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OFFICINA_")}
    command = [sys.executable, "-m", "server", "start", "--host", "127.0.0.1", "--port", str(running.free_port())]
    with subprocess.Popen(
        [*command, "--data", str(data), "--no-browser", "--no-demo"],
        cwd=running.PROJECT,
        env={**clean, **environment, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl+C" in line:
                break
        process.terminate()
        lines.append(process.stdout.read())
    return "".join(lines)


def test_the_key_is_printed_where_officina_made_it_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    said = start_once(tmp_path)
    file = tmp_path / "host.key"
    key = file.read_text().strip()
    assert len(key) == 64 and key in said
    assert file.stat().st_mode & 0o077 == 0
    assert start_once(tmp_path).count(key) == 1, "the second start has the same key"


def test_a_key_of_the_environment_is_printed_nowhere_and_kept_nowhere(tmp_path: Path) -> None:
    said = start_once(tmp_path, OFFICINA_HOST_KEY=KEY, OFFICINA_LOG="debug")
    assert "Ctrl+C" in said and KEY not in said and "Host key" not in said
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
async def test_the_start_says_when_phones_cannot_come_in_and_how_to_change_it(
    tmp_path: Path, host: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "ours", list)
    house = await House.open(Settings(host=host, data=tmp_path, host_key=KEY))
    try:
        say_where(house, 0.0, no_browser=True)
    finally:
        await house.close()
    said = " ".join(capsys.readouterr().out.split())
    assert ("listens only on this computer" in said and "--host 0.0.0.0" in said) == (host != "0.0.0.0")
    assert ("on no network yet" in said) == (host == "0.0.0.0")


# -- files ----------------------------------------------------------------------------------------------------------

OUTSIDE = [
    "../server/sessions/rules.py",
    "..%2fserver/sessions/rules.py",
    "%2e%2e/server/app.py",
    "..%2f..%2f..%2fetc/passwd",
    "....//server/app.py",
    "..\\server\\app.py",
    "..%5cserver%5capp.py",
    "%252e%252e/server/app.py",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "line.js%00.py",
    "line.js/../../server/app.py",
    "activities/poll/rules.py",
    "activities/poll/messages.py",
    "activities/poll/sample.toml",
    "activities/poll/words.it.toml",
    "activities/poll/phone.html",
    "activities/poll/README.md",
    "activities/poll/../poll/rules.py",
    "activities/..%2fapp.py",
    "activities/../app.py",
    "activities/poll/%2e%2e/%2e%2e/app.py",
    "activities/contract/__init__.py",
    "activities/poll/rules.py%00.js",
    "activities/poll",
    "activities/",
    "activities",
    "",
    ".",
    "..",
    "fonts",
    "fonts/",
    "vendor/..",
    "x" * 3000,
    "a/" * 500,
]


async def test_no_path_leads_out_of_the_static_files(day: Day) -> None:
    """Sent as they are: a client that tidies paths would hide what is tried."""
    port = urlsplit(day.url).port
    for name in OUTSIDE:
        for head in ("/static/x/", "/static/../static/x/", "/static/x//"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {head}{name} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
            whole = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            status, body = int(whole.split()[1]), whole.partition(b"\r\n\r\n")[2]
            assert status in (400, 404), f"{head}{name[:60]} gave {status}"
            assert b"from __future__" not in body and b"root:" not in body


async def test_static_files_are_kept_for_ever_and_packed(tmp_path: Path) -> None:
    async with inside(tmp_path) as door:
        for name, kind in (("line.js", "text/javascript"), ("app.css", "text/css"), ("mark.svg", "image/svg+xml")):
            path = door.house.drawing.asset(name)
            packed = await door.call("GET", path, headers={"Accept-Encoding": "gzip"})
            plain = await door.call("GET", path, headers={"Accept-Encoding": "identity"})
            assert plain.content == packed.content == (door.house.drawing.static / name).read_bytes()
            assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
            for answer in (packed, plain):
                assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
                assert answer.headers["content-type"].split(";")[0] == kind
                assert answer.headers["vary"] == "accept-encoding"
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["cross-origin-resource-policy"] == "same-origin"
                for document in ("content-security-policy", "permissions-policy", "referrer-policy", "x-frame-options"):
                    assert document not in answer.headers, "a script is no document, and forty phones fetch it"
        missing = await door.call("GET", "/static/x/nothing.js", headers={"Accept": "text/html"})
        assert missing.status_code == 404 and "content-security-policy" in missing.headers
        page = await door.call("GET", "/", headers={"Accept-Encoding": "gzip"})
        assert page.headers["content-encoding"] == "gzip" and page.headers["cache-control"] == "no-store"
        assert gzip.decompress(gzip.compress(page.content)) == page.content


# -- sizes ----------------------------------------------------------------------------------------------------------


async def test_a_body_over_64_kib_is_refused_wherever_no_file_is_expected(day: Day) -> None:
    for path in (f"/api/sessions/{day.code}/asks", f"/api/sessions/{day.code}/badges", f"/j/{day.code}", "/desk/enter"):
        answer = await day.api("POST", path, content=b" " * (BODY + 1), headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_big"), path
        assert answer.headers["connection"] == "close"
    good: dict[str, Any] = {"id": "x", "stage": None, "do": "lock_room", "with": {}, "pad": "x" * (BODY - 200)}
    assert (await day.api("POST", f"/api/sessions/{day.code}/asks", json=good)).status_code == 200


async def test_a_body_without_a_length_is_cut_off_at_the_same_size(day: Day) -> None:

    async def drip(most: int) -> Any:
        for _ in range(most // 8192 + 2):
            yield b" " * 8192

    for path, kind in (
        (f"/api/sessions/{day.code}/asks", "application/json"),
        (f"/api/sessions/{day.code}/badges", "application/json"),
        (f"/j/{day.code}", "application/x-www-form-urlencoded"),
        ("/desk/backup", "application/json"),
    ):
        answer = await day.api("POST", path, content=drip(BODY), headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_big"), path

    async def one_piece() -> Any:
        yield b" " * (BODY + 1)

    began = asyncio.get_running_loop().time()
    answer = await day.api("POST", f"/api/sessions/{day.code}/asks", content=one_piece())
    assert answer.status_code == 413 and asyncio.get_running_loop().time() - began < 5
    answer = await day.api("POST", "/api/sessions", content=drip(LARGE_BODY + FORM), headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_big")


async def test_files_and_plans_may_have_5_mib_and_no_more(day: Day) -> None:
    path = f"/api/sessions/{day.code}/stages/poll/import?dry_run=1"
    for size, status in ((LARGE_BODY + FORM, 413), (BODY * 4, 422)):
        answer = await day.api("POST", path, files={"file": ("a.csv", b"x" * size)})
        assert answer.status_code == status, answer.text[:200]
    plan = {"plan": {"title": "x" * (LARGE_BODY + FORM)}}
    assert (await day.api("POST", "/api/sessions", json=plan)).status_code == 413
    assert (await day.api("POST", "/api/sessions", json={"plan": {"title": "x" * (BODY * 4)}})).status_code == 422


async def test_a_plan_is_read_beside_the_room_and_not_in_its_way(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def slowly(data: bytes, name: str = "") -> Any:
        reading.set()
        assert go_on.wait(20)
        raise ValueError("read at last")

    monkeypatch.setattr(plans, "parse", slowly)
    upload = asyncio.create_task(day.api("POST", "/desk/plans", files={"file": ("plan.toml", b"a = 1")}))
    try:
        await asyncio.to_thread(reading.wait, 10)
        assert (await day.http.get("/healthz")).status_code == 200
        assert not upload.done()
    finally:
        go_on.set()
    answer = await upload
    assert answer.status_code == 422 and "read at last" in answer.text


async def test_a_plan_that_would_take_for_ever_to_read_is_refused_with_a_sentence(day: Day) -> None:
    parts = (plans.LARGEST - 10) // 4
    for what, sentence in (
        (b"x" * (plans.LARGEST + 1), "larger than a plan may be: 1024 KiB"),
        (b"# one\n" + b".".join([b"a"] * parts) + b" = 1\n", "line 2 has too many parts"),
        (b"[" + b" . ".join([b'"a"'] * (parts // 2)) + b"]\n", "line 1 has too many parts"),
    ):
        began = asyncio.get_running_loop().time()
        answer = await day.api("POST", "/desk/plans", files={"file": ("plan.toml", what)})
        assert answer.status_code == 422 and sentence in answer.text, answer.text[-3000:]
        assert asyncio.get_running_loop().time() - began < 5


async def test_a_length_that_is_no_number_is_refused(day: Day) -> None:
    for length in ("-1", "1e9", "0x10", "99999999999999999999", "\u00b2", "5, 5"):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(day.url).port)
        head = f"POST /desk/enter HTTP/1.1\r\nHost: {urlsplit(day.url).netloc}\r\nOrigin: {day.url}\r\n"
        writer.write((head + f"Content-Length: {length}\r\n\r\n").encode("latin-1"))
        status = int((await asyncio.wait_for(reader.readline(), 10)).split()[1])
        writer.close()
        assert status in (400, 413), length


async def test_a_chosen_address_that_is_none_is_refused_and_breaks_nothing(tmp_path: Path) -> None:
    async with inside(tmp_path) as door:
        await door.begins()
        for other in (
            "http://[",
            "http://[::1",
            "javascript:alert(1)",
            "javascript://x",
            "file:///etc/passwd",
            "http://",
        ):
            answer = await door.call("POST", "/desk/preflight", KEY, data={"other": other})
            assert answer.status_code == 422, other
            assert (await door.call("GET", "/")).status_code == 200
            assert (await door.call("GET", f"/wall/{door.code}")).status_code == 200
        for other in ("192.168.1.2:8000", "http://officina.local", "https://lab.example/"):
            assert (await door.call("POST", "/desk/preflight", KEY, data={"other": other})).status_code == 303
        assert door.house.chosen_url == "https://lab.example"


async def test_an_answer_does_not_wait_for_the_other_sides_acknowledgement(day: Day) -> None:
    """Nagle's algorithm and a delayed ACK cost 40 ms for each call, unless the socket says that it wants neither."""
    loop = asyncio.get_running_loop()
    took = []
    for _ in range(15):
        began = loop.time()
        assert (await day.http.get("/healthz")).status_code == 200
        took.append(loop.time() - began)
    assert min(took[1:]) < 0.03, took
