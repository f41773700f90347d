"""What a phone with an empty cache fetches to take part: both pages and everything they name, weighed as it comes over the wire."""

import gzip
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from tests.load.client import Answer, HttpLine
from tests.load.measures import NotMeasured

_ACCEPT = {"Accept-Encoding": "gzip", "Accept": "*/*", "Accept-Language": "it"}
_CSS_IMPORT = re.compile(r"@import\s+(?:url\()?\s*[\"']?([^\"')\s;]+)")
_CSS_URL = re.compile(r"url\(\s*[\"']?([^\"')]+)[\"']?\s*\)")
_FONT_FACE = re.compile(r"@font-face\s*{([^}]*)}")
IMPORTED = re.compile(r"""(?:^|[;\n}])\s*(?:import|export)\b(?:[^"';]*?\bfrom)?\s*["']([^"']+)["']""")
# The letters of Italian and English; a font cut for other scripts is fetched only when such a letter is on the page.
_LATIN = 0x61


@dataclass(slots=True)
class Weight:
    """`wire` in bytes with the heads of the answers, `requests` without the POST of the badge and the socket itself."""

    wire: int = 0
    requests: int = 0
    blocking: int = 0
    parts: list[tuple[str, int]] = field(default_factory=list)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.needed: list[str] = []
        self.blocking: list[str] = []
        self.has_icon = False
        self._script = False
        self._style = False
        self.inline_modules: list[str] = []
        self.inline_styles: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and given.get("href"):
            self._link(given, given["href"] or "")
        elif tag == "script" and given.get("src"):
            address = given["src"] or ""
            self.needed.append(address)
            if "defer" not in given and "async" not in given and given.get("type") != "module":
                self.blocking.append(address)
        elif tag == "script":
            self._script = given.get("type") == "module"
        elif tag == "style":
            self._style = True
        elif tag in ("img", "source", "iframe") and given.get("src") and given.get("loading") != "lazy":
            self.needed.append(given["src"] or "")
        elif tag == "use" and given.get("href"):
            self.needed.append(given["href"] or "")

    def _link(self, given: dict[str, str | None], address: str) -> None:
        relations = (given.get("rel") or "").lower().split()
        if "icon" in relations:
            self.has_icon = True
        if "stylesheet" in relations:
            self.needed.append(address)
            if given.get("media") not in ("print",):
                self.blocking.append(address)
        elif {"icon", "preload", "modulepreload", "manifest"} & set(relations):
            self.needed.append(address)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = False
        elif tag == "style":
            self._style = False

    def handle_data(self, data: str) -> None:
        if self._script:
            self.inline_modules.append(data)
        elif self._style:
            self.inline_styles.append(data)


def _used_in_css(css: str) -> tuple[list[str], list[str]]:
    """Addresses a stylesheet makes a browser fetch: other stylesheets, and the fonts of upright latin text in 400 and 700."""
    fonts = []
    for face in _FONT_FACE.findall(css):
        style = re.search(r"font-style:\s*([a-z]+)", face)
        weight = re.search(r"font-weight:\s*([^;]+)", face)
        ranges = re.search(r"unicode-range:\s*([^;]+)", face)
        source = _CSS_URL.search(face)
        if source is None or (style is not None and style[1] != "normal"):
            continue
        if _has_weight(weight[1] if weight else "400") and (ranges is None or _has_latin(ranges[1])):
            fonts.append(source[1])
    return _CSS_IMPORT.findall(css), fonts


def _has_weight(given: str) -> bool:
    named = given.replace("normal", "400").replace("bold", "700")
    numbers = [int(number) for number in re.findall(r"\d+", named)] or [400]
    return any(min(numbers) <= wanted <= max(numbers) for wanted in (400, 700))


def _has_latin(ranges: str) -> bool:
    for low, high in re.findall(r"U\+([0-9A-Fa-f?]+)(?:-([0-9A-Fa-f]+))?", ranges):
        first = int(low.replace("?", "0"), 16)
        last = int(high or low.replace("?", "F"), 16)
        if first <= _LATIN <= last:
            return True
    return False


def _text(answer: Answer) -> str:
    body = gzip.decompress(answer.body) if answer.headers.get("content-encoding") == "gzip" else answer.body
    return body.decode(errors="replace")


async def weigh(port: int, pages: list[tuple[str, list[str]]]) -> Weight:
    """Fetch the pages in order, each with its cookies, and once each everything they need on this server.

    `blocking` counts, for the worse of the pages, the page itself, its stylesheets (imported ones too) and its scripts without defer, async or
    module. Raises NotMeasured when something a page names is missing.
    """
    weight = Weight()
    line = await HttpLine.open(port)
    seen: dict[str, str] = {}
    headers = dict(_ACCEPT)

    async def get(address: str, named_by: str) -> str:
        path = urlsplit(address)._replace(scheme="", netloc="", fragment="").geturl()
        if path in seen:
            return seen[path]
        answer = await line.request("GET", path, headers)
        weight.requests += 1
        weight.wire += answer.wire
        weight.parts.append((path, answer.wire))
        if 300 <= answer.status < 400:
            return await get(urljoin(path, answer.headers["location"]), path)
        if answer.status != 200 and path != "/favicon.ico":
            raise NotMeasured(f"{path} (named by {named_by}): status {answer.status}")
        seen[path] = _text(answer) if "font" not in answer.headers.get("content-type", "") else ""
        return seen[path]

    async def follow(address: str, named_by: str) -> int:
        """Fetch a stylesheet or script with what it imports; returns how many stylesheets that were."""
        known = urlsplit(address).path in (urlsplit(path).path for path in seen)
        text = await get(address, named_by)
        path = urlsplit(address).path
        sheets = 0
        if path.endswith(".css"):
            sheets = 1
            imports, fonts = _used_in_css(text)
            for other in imports:
                sheets += await follow(urljoin(address, other), address)
            for font in fonts:
                await get(urljoin(address, font), address)
        elif path.endswith((".js", ".mjs")) and not known:
            for other in IMPORTED.findall(text):
                if other.startswith((".", "/")):
                    await follow(urljoin(address, other), address)
        return sheets

    try:
        for address, cookies in pages:
            if cookies:
                headers["Cookie"] = "; ".join(cookies)
            page = _Page()
            page.feed(await get(address, "the bench"))
            blocking = 1
            if not page.has_icon:
                page.needed.append("/favicon.ico")
            for css in page.inline_styles:
                for font in _used_in_css(css)[1]:
                    await get(urljoin(address, font), address)
            for code in page.inline_modules:
                page.needed += [other for other in IMPORTED.findall(code) if other.startswith((".", "/"))]
            for needed in dict.fromkeys(page.needed):
                full = urljoin(address, needed)
                if full.startswith("data:"):
                    continue
                if urlsplit(full).netloc:
                    raise NotMeasured(f"{address} names {needed}, which is not on this server")
                sheets = await follow(full, address)
                if needed in page.blocking:
                    blocking += max(1, sheets)
            weight.blocking = max(weight.blocking, blocking)
    finally:
        line.close()
    return weight
