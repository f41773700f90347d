"""`officina`: start, simulate, doctor, backup, restore, rebuild, export, import, check, match, tables, activities."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from .settings import Settings
from .simulate import own_tls

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="A live co-design workshop that runs from a facilitator's laptop.",
    pretty_exceptions_show_locals=False,
)
out = Console()
bad = Console(stderr=True)

Data = Annotated[Path | None, typer.Option(help="Data folder; your own by default (OFFICINA_DATA).")]
Port = Annotated[int | None, typer.Option(help="Port (OFFICINA_PORT).", min=0, max=65535)]

FREE_PORTS = range(8000, 8020)


def fail(sentence: str, code: int = 1) -> typer.Exit:
    bad.print(f"[bold red]{escape(sentence)}[/]")
    return typer.Exit(code)


def settings_with(**given: Any) -> Settings:
    """The environment's settings with the flags that were given on top."""
    from pydantic import ValidationError

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise fail(f"OFFICINA_{str(first['loc'][0]).upper()} cannot be read: {first['msg']}") from None


@app.command()
def start(
    host: Annotated[str | None, typer.Option(help="Address to listen on; every network by default.")] = None,
    port: Port = None,
    data: Data = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", envvar="OFFICINA_NO_BROWSER", help="Do not open a browser.")
    ] = False,
    no_demo: Annotated[
        bool, typer.Option("--no-demo", envvar="OFFICINA_NO_DEMO", help="Do not load the demo on first use.")
    ] = False,
    demo: Annotated[
        bool, typer.Option("--demo", envvar="OFFICINA_DEMO", help="Load the demo again beside what is there.")
    ] = False,
    allow_remote_host: Annotated[
        bool | None, typer.Option("--allow-remote-host", help="Let a desk work from another device without TLS.")
    ] = None,
    public_url: Annotated[
        str | None, typer.Option(help="The address phones use, when a name or proxy leads here.")
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option(help="Certificate file: the server then speaks https.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Key file of the certificate.")] = None,
    once: Annotated[bool, typer.Option("--once", hidden=True)] = False,
) -> None:
    """Starts Officina, prints the addresses and a QR, opens the desk in the browser."""
    from . import logs, serve
    from .app import make_app

    settings = settings_with(
        host=host,
        port=port,
        data=data,
        allow_remote_host=allow_remote_host,
        public_url=public_url,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
    )
    logs.set_up(
        json=not sys.stderr.isatty(), level=os.environ.get("OFFICINA_LOG", "warning" if sys.stderr.isatty() else "info")
    )
    listening, settings = listen(settings, asked=port is not None or "OFFICINA_PORT" in os.environ)
    limit = serve.raise_open_files()
    if limit is not None and limit < 4 * settings.room_cap:
        bad.print(f"[yellow]Only {limit} open files are allowed here; a room of {settings.room_cap} may need more.[/]")
    officina = make_app(settings)
    began = time.perf_counter()

    async def run() -> None:
        from .house import House

        officina.house = await House.open(settings)
        if demo or (not officina.house.rooms.lines and not no_demo):
            await load_demo(officina.house)
        server = serve.Server(
            serve.config_for(officina), officina, lambda: say_where(officina.house, began, no_browser)
        )
        await server.serve(sockets=[listening])

    from .storage.sqlite import SecondProcess

    try:
        runner(run())
    except SecondProcess as error:
        raise fail(str(error)) from None
    except ValueError as error:
        raise fail(str(error)) from None
    except (sqlite3.DatabaseError, OSError) as error:
        good = sorted((settings.data / "backups").glob("officina-*.db"))
        hint = f" The last backup is {good[-1]}: officina restore {good[-1]}" if good else ""
        raise fail(f"The data in {settings.data} cannot be opened: {error}.{hint}") from None


def runner(work: Any) -> None:
    """Runs on uvloop where it is there."""
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):
        from uvloop import new_event_loop as factory
    with asyncio.Runner(loop_factory=factory) as loop:
        loop.run(work)


def listen(settings: Settings, asked: bool) -> tuple[socket.socket, Settings]:
    """A listening socket, on the next free port when no port was asked for."""
    from . import serve

    ports = [settings.port] if asked else [settings.port, *(one for one in FREE_PORTS if one != settings.port)]
    for port in ports:
        try:
            made = serve.listening(settings.host, port)
        except PermissionError:
            raise fail(f"Port {port} needs administrator rights. Choose another: officina start --port 8000") from None
        except OverflowError:
            raise fail(f"{port} is no port.") from None
        except socket.gaierror:
            raise fail(f"{settings.host} is no address of this machine.") from None
        except OSError:
            continue
        return made, settings.model_copy(update={"port": made.getsockname()[1]})
    raise fail(
        f"Port {ports[0]} is taken by another program. Choose another: officina start --port {ports[0] + 1}"
        if asked
        else "All ports from 8000 to 8019 are taken. Choose one: officina start --port 8123"
    )


async def load_demo(house: Any) -> None:
    """The demo path: a session from each of its plans, and its example ideas."""
    from .sessions import plans

    for one in plans.shipped_plans():
        plan = plans.named(one["name"])
        if plan is not None:
            await house.rooms.make(plan, one["name"])
    await house.paths.rest()
    for path, example in plans.example_ideas():
        await house.paths.show_example(path, example)


def say_where(house: Any, began: float, no_browser: bool) -> None:
    """Prints the addresses, the key and a QR of the newest session, and opens the desk."""
    import segno

    settings = house.settings
    desk = house.origin_at("127.0.0.1")
    phones = house.origin()
    newest = max(house.rooms.lines.values(), key=lambda row: row.made_at, default=None)
    out.print()
    out.print(f"[bold]Officina[/] is ready ({time.perf_counter() - began:.1f} s).", highlight=False)
    out.print(f"  Desk, for you:     [link={desk}/desk]{desk}/desk[/]", highlight=False)
    if "127.0.0.1" in phones and settings.only_here:
        out.print(
            "  Phones:            [yellow]cannot come in: Officina listens only on this computer. "
            "Start it with --host 0.0.0.0, or without OFFICINA_HOST[/]"
        )
    elif "127.0.0.1" in phones:
        out.print("  Phones:            [yellow]this laptop is on no network yet; connect it, then reload the desk[/]")
    else:
        out.print(f"  Phones, in the room: {phones}", highlight=False)
    if newest is not None:
        out.print(f"  Join:              {phones}/j/{newest.code}", highlight=False)
    if not settings.host_key:
        out.print(f"  Host key:          {house.host_key}", highlight=False)
    out.print(f"  Data folder:       {settings.data}", highlight=False)
    if settings.allow_remote_host:
        bad.print(
            "[yellow]Host powers work from other devices too: without TLS the key crosses the network readable.[/]"
        )
    if newest is not None and out.is_terminal:
        segno.make(f"{phones}/j/{newest.code}".upper(), micro=False, error="m").terminal(compact=True, border=2)
    out.print("  Stop with Ctrl+C; nothing is lost.", highlight=False)
    out.file.flush()
    if not no_browser:
        # The key never travels in an address; this code is good once and stands behind the #.
        webbrowser.open(f"{desk}/desk#once={house.access.new_once()}")


# -- talking to a running Officina ----------------------------------------------------------------------------------


class Running:
    """A running Officina on this machine, called with the host key over the loopback."""

    def __init__(self, settings: Settings, url: str | None = None) -> None:
        from .house import key_of

        scheme = "https" if settings.tls_certificate else "http"
        host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "localhost") else settings.host
        self.url = (url or f"{scheme}://{host}:{settings.port}").rstrip("/")
        self.tls = own_tls(settings.tls_certificate)
        self.key = settings.host_key or (key_of(settings.data) if (settings.data / "host.key").exists() else "")

    def call(self, method: str, path: str, body: Any = None, timeout: float = 60) -> tuple[int, bytes]:
        """Status and body; status 0 when nobody answers."""
        import json

        data = None if body is None else json.dumps(body).encode()
        return self.send(method, path, data, "application/json", timeout)

    def send_file(self, path: str, name: str, data: bytes, form: dict[str, str]) -> tuple[int, bytes]:
        """Posts a file as a browser's form does."""
        import secrets

        line = secrets.token_hex(16)
        plain = "".join(sign for sign in name if sign.isprintable() and sign not in '"\\')
        parts = [f'--{line}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{form[key]}\r\n' for key in form]
        head = f'--{line}\r\nContent-Disposition: form-data; name="file"; filename="{plain}"\r\n\r\n'
        whole = "".join([*parts, head]).encode() + data + f"\r\n--{line}--\r\n".encode()
        return self.send("POST", path, whole, f"multipart/form-data; boundary={line}", 300)

    def send(self, method: str, path: str, data: bytes | None, media: str, timeout: float) -> tuple[int, bytes]:
        import urllib.error
        import urllib.request

        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": media}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        handlers: list[Any] = [urllib.request.ProxyHandler({})]
        if self.tls is not None:
            handlers.append(urllib.request.HTTPSHandler(context=self.tls))
        opener = urllib.request.build_opener(*handlers)
        try:
            with opener.open(request, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""


def sentence_of(body: bytes) -> str:
    import json

    try:
        return str(json.loads(body)["error"]["text"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")


@app.command()
def simulate(
    code: Annotated[str, typer.Argument(help="The session's code.")],
    people: Annotated[int, typer.Option(min=1, max=2000, help="How many simulated people.")] = 40,
    speed: Annotated[str, typer.Option(help="How fast they are, such as 10x.")] = "1x",
    minutes: Annotated[float, typer.Option(help="Stop after this many minutes.")] = 120,
    lead: Annotated[bool, typer.Option("--lead", help="Play the desk too: walk the whole agenda.")] = False,
    port: Port = None,
    data: Data = None,
) -> None:
    """Rehearsal people join a session, answer and leave; marked as rehearsal, removed with one click on the desk."""
    from . import simulate as crowd

    try:
        factor = float(speed.lower().rstrip("x"))
    except ValueError:
        raise fail(f"{speed} is no speed; write it as 10x") from None
    running = Running(settings_with(port=port, data=data))
    status, body = running.call("GET", f"/api/sessions/{code}")
    if status == 0:
        raise fail(f"No Officina answers on {running.url}. Start it first: officina start")
    if status != 200:
        raise fail(sentence_of(body))
    try:
        asyncio.run(
            crowd.from_outside(
                running.url, running.key, code, people, max(0.1, factor), minutes * 60, out, running.tls, lead
            )
        )
    except crowd.Refused as error:
        raise fail(str(error)) from None
    except KeyboardInterrupt:
        out.print("The rehearsal people left. Remove them and their answers on the desk.")


@app.command()
def backup(
    to: Annotated[Path | None, typer.Argument(help="File to write; in the data folder's backups by default.")] = None,
    data: Data = None,
    port: Port = None,
) -> None:
    """A checked copy of everything, also while a session runs."""
    from .house import FILE
    from .storage import backup as backups

    settings = settings_with(data=data, port=port)
    target = (to or backups.named(settings.data / backups.FOLDER)).resolve()
    file = settings.data / FILE
    if not file.exists():
        raise fail(f"There is nothing to back up in {settings.data}.")
    from .storage.sqlite import Lock, SecondProcess, connect

    try:
        lock = Lock(file)
    except SecondProcess:
        status, body = Running(settings).call("POST", "/desk/backup", {"to": str(target)})
        if status != 200:
            raise fail(
                f"The running Officina could not make the backup: {sentence_of(body)} (is --port right?)"
            ) from None
    else:
        try:
            with contextlib.closing(connect(file)) as connection:
                backups.copy(connection, target)
        except (sqlite3.DatabaseError, OSError) as error:
            raise fail(f"The backup could not be written to {target}: {error}") from None
        finally:
            lock.release()
    out.print(f"Backup written and checked: {target}", highlight=False)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup made by Officina.", exists=True, dir_okay=False)],
    data: Data = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Puts a backup in the place of today's data, which is set aside."""
    from .house import FILE
    from .storage import backup as backups
    from .storage.sqlite import Lock, SecondProcess

    settings = settings_with(data=data)
    settings.data.mkdir(parents=True, exist_ok=True)
    try:
        lock = Lock(settings.data / FILE)
    except SecondProcess as error:
        raise fail(str(error)) from None
    out.print(
        "Restoring takes back what was kept after the backup: answers with a receipt stay only in the file that is set"
        " aside. Answers still waiting on phones come again by themselves."
    )
    if not yes:
        typer.confirm("Go on?", abort=True)
    try:
        aside = backups.restore(file, settings.data, FILE)
    except (ValueError, OSError) as error:
        raise fail(str(error)) from None
    finally:
        lock.release()
    out.print(f"Restored. What was there before is in {aside}", highlight=False)


@app.command()
def rebuild(data: Data = None) -> None:
    """Makes the tables of ideas, actors and steps anew from the facts; stop Officina first."""
    from . import logs
    from .house import FILE
    from .paths.line import copied_anew
    from .storage.sqlite import SecondProcess, SqliteJournal

    settings = settings_with(data=data)
    file = settings.data / FILE
    if not file.exists():
        raise fail(f"There is nothing to rebuild in {settings.data}.")
    logs.set_up(level="error")

    async def anew() -> dict[str, tuple[int, int]]:
        journal = await SqliteJournal.open(file)
        try:
            return await copied_anew(journal)
        finally:
            await journal.close()

    try:
        found = asyncio.run(anew())
    except SecondProcess:
        raise fail(f"Officina runs on {file}. Stop it first, then rebuild; nothing was changed.") from None
    except (ValueError, sqlite3.DatabaseError, OSError) as error:
        raise fail(f"The tables in {file} could not be made anew: {error}") from None
    for path, (ideas, rows) in sorted(found.items()):
        out.print(f"  {path}: {ideas} ideas, {rows} rows", highlight=False, markup=False)
    ideas, rows = (sum(one[place] for one in found.values()) for place in (0, 1))
    out.print(f"Rebuilt from the facts: {len(found)} paths, {ideas} ideas, {rows} rows.", highlight=False)


@app.command()
def export(
    what: Annotated[str, typer.Argument(metavar="CODE_OR_PATH", help="The session's code, or the id of a path.")],
    kind: Annotated[str, typer.Option(help="pdf, docx, xlsx, zip, json, csv or ics.")] = "xlsx",
    to: Annotated[Path | None, typer.Option(help="File to write.")] = None,
    language: Annotated[str, typer.Option(help="Language of the file's own words: it or en.")] = "it",
    data: Data = None,
    port: Port = None,
) -> None:
    """What a session or a whole path left, as a file; works with a running Officina and without one.

    Ctrl+C gives the file up and writes nothing.
    """
    from .outcomes.export import KINDS
    from .sessions.codes import normal
    from .storage.sqlite import SecondProcess

    if kind not in KINDS:
        raise fail(f"{kind} is none of: {', '.join(KINDS)}")
    settings = settings_with(data=data, port=port)
    running = Running(settings)
    status, _ = running.call("GET", f"/api/paths/{quoted(what)}")
    name = what if status == 200 else normal(what)
    try:
        if status == 0:
            from . import logs

            logs.set_up(level="error")
            with progress() as tell:
                found = asyncio.run(export_closed(settings, what, kind, language, tell))
            if found is None:
                raise fail(f"There is neither a session nor a path {what} here.")
            name, body = found
        elif status == 200:
            with progress() as tell:
                body = export_path(running, what, kind, language, tell)
        else:
            with out.status("Writing the file"):
                status, body = running.call(
                    "GET", f"/api/sessions/{normal(what)}/export.{kind}?lang={quoted(language)}"
                )
            if status != 200:
                raise fail(sentence_of(body) if body else f"There is neither a session nor a path {what} here.")
    except SecondProcess as error:
        raise fail(f"{error} Or name its --port.") from None
    except KeyboardInterrupt:
        raise fail("Given up; nothing was written.", 130) from None
    target = to or Path(f"officina-{name}.{kind}")
    target.write_bytes(body)
    out.print(f"Written: {target}", highlight=False)


def quoted(part: str) -> str:
    from urllib.parse import quote

    return quote(part, safe="")


@contextlib.contextmanager
def progress() -> Iterator[Callable[[int], None]]:
    """A bar on the terminal; call it with how much of a thousand is done."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("Writing the file", total=1000)
        yield lambda done: bar.update(task, completed=done)


def export_path(running: Running, path: str, kind: str, language: str, tell: Callable[[int], None]) -> bytes:
    """The file of a path, made by the running Officina; given up there too when somebody interrupts."""
    import json

    where = f"/api/paths/{quoted(path)}/exports"
    status, body = running.call("POST", f"{where}?lang={quoted(language)}", {"kind": kind})
    if status != 202:
        raise fail(sentence_of(body))
    where = f"{where}/{json.loads(body)['export']}"
    try:
        while True:
            status, body = running.call("GET", where)
            if status != 200:
                raise fail(sentence_of(body) if body else "Officina does not answer any more.")
            told = json.loads(body)
            tell(told["done"])
            if told["state"] == "ready":
                break
            if told["state"] != "working":
                raise fail("The file could not be made." if told["state"] == "failed" else "The file was given up.")
            time.sleep(0.2)
        status, body = running.call("GET", f"{where}/file", timeout=300)
        if status != 200:
            raise fail(sentence_of(body))
        return body
    finally:
        # Nobody else knows of this file: four of them may wait at a time.
        running.call("DELETE", where)


async def export_closed(
    settings: Settings, what: str, kind: str, language: str, tell: Callable[[int], None]
) -> tuple[str, bytes] | None:
    """Name and file of a path or a session without a running Officina; None where there is neither."""
    from .house import House
    from .outcomes import export as exports
    from .outcomes import path_export
    from .sessions.codes import normal

    house = await House.open(settings)
    try:
        path = house.paths.find(what)
        if path is None or path.line.folded.title is None:
            live = await house.rooms.find(normal(what))
            return (live.room.code, (await exports.file(live, kind, language))[0]) if live else None
        making = path_export.Progress()
        work = asyncio.create_task(path_export.file(house, path, kind, language, making))
        try:
            while not work.done():
                tell(making.done)
                await asyncio.wait([work], timeout=0.2)
            return path.id, (await work)[0]
        except asyncio.CancelledError:
            making.cancel()
            raise
    finally:
        await house.close()


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A dossier or a session (export.json, export.zip), or ideas in XLSX or CSV.",
            exists=True,
            dir_okay=False,
        ),
    ],
    path: Annotated[
        str | None, typer.Option(help="The path to import into; by default the one the file names.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    language: Annotated[str | None, typer.Option(help="Language of the texts in a list of ideas, such as it.")] = None,
    data: Data = None,
    port: Port = None,
) -> None:
    """Takes a path, a session or a list of ideas into this Officina; with a running one and without."""
    import json

    from .paths.importing import MAX_BYTES
    from .storage.sqlite import SecondProcess

    if file.stat().st_size > MAX_BYTES:
        raise fail(f"{file} is larger than {MAX_BYTES >> 20} MB.")
    settings, body = settings_with(data=data, port=port), file.read_bytes()
    form = {name: value for name, value in (("path", path), ("language", language)) if value}
    running = Running(settings)
    with out.status("Reading the file"):
        status, answer = running.send_file(f"/api/paths/import?dry_run={int(dry_run)}", file.name, body, form)
        if status == 0:
            from . import logs

            logs.set_up(level="error")
            try:
                told = asyncio.run(import_closed(settings, file.name, body, form, dry_run))
            except SecondProcess as error:
                raise fail(f"{error} Or name its --port.") from None
        elif status == 200:
            told = json.loads(answer)
        else:
            raise fail(sentence_of(answer))
    say_imported(told)


async def import_closed(
    settings: Settings, name: str, body: bytes, form: dict[str, str], dry_run: bool
) -> dict[str, Any]:
    from .house import House
    from .paths import importing
    from .sessions.answers import Failed

    house = await House.open(settings)
    try:
        planned = await importing.understand(house, body, name, form.get("path"), "en", None, form.get("language"))
        return planned.told | {"saved": False} if dry_run else await importing.save(house, planned, "en")
    except Failed as error:
        raise fail(error.text or error.code) from None
    finally:
        await house.close()


def say_imported(told: dict[str, Any]) -> None:
    """A line for each idea and for each session that comes whole, then what was wrong."""
    from rich.table import Table

    words = {"new": "taken in" if told["saved"] else "would be taken in", "here": "already here",
             "conflict": "[yellow]differs, left as it is[/]"}  # fmt: skip
    shown = Table("idea", "title", "what", "differs in")
    for one in told["ideas"]:
        title = next((text for text in one["title"].values() if text), "")
        differs = ", ".join(one.get("differs", [])[:6]) or one.get("text", "")
        shown.add_row(escape(one.get("code") or one["idea"]), escape(title[:70]), words[one["what"]], escape(differs))
    if told["ideas"]:
        out.print(shown)
    whole = "is here whole now" if told["saved"] else "would come in whole"
    said = {"new": f"{whole}: all that it left, its agenda and its report, from the page of the path.",
            "here": "is here whole already.", "conflict": "differs from the file, left as it is.",
            "lives_here": "was held in this Officina, which has it already."}  # fmt: skip
    for one in told["brought"]:
        title = next((text for text in one["title"].values() if text), "")
        out.print(escape(f"Session {one['session']} “{title[:70]}” {said[one['what']]}"), highlight=False)
    for one in [*told["warnings"], *told["errors"]]:
        where = f"row {one['row']}: " if one.get("row") else ""
        bad.print(f"[yellow]{escape(where + one['text'])}[/]", highlight=False)
    counts, done = told["counts"], "taken in" if told["saved"] else "would come in"
    came = f"{counted(told['sessions'], 'session')} and {counted(counts['new'], 'idea')} {done}"
    out.print(
        f"Path {told['path']}{' (new)' if told['new_path'] else ''}: {came};"
        f" {counts['here']} already here, {counts['conflict']} left as they are.",
        highlight=False,
    )


def counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


@app.command()
def check(plan: Annotated[Path, typer.Argument(help="A plan, TOML or JSON.", exists=True, dir_okay=False)]) -> None:
    """Checks a plan; every problem is named with file and line."""
    from pydantic import ValidationError

    from . import activities
    from .live.screens import lacking
    from .sessions import plans
    from .sessions.plan import Plan

    try:
        raw = plans.parse(plan.read_bytes(), str(plan))
    except ValueError as error:
        raise fail(str(error)) from None
    found: list[tuple[str, str]] = []
    try:
        raw = plans.filled(raw, activities.found())
    except ValueError as error:
        raise fail(f"{plan}: {error}") from None
    try:
        read = Plan.read(raw)
    except ValidationError as error:
        found = [(one["place"], one["text"]) for one in plans.problems(error)]
    else:
        for place, stage in enumerate(read.stages):
            activity = activities.found().get(stage.activity)
            if activity is None:
                known = ", ".join(sorted(activities.found()))
                found.append(
                    (f"stages.{place}.activity", f"there is no activity {stage.activity!r}; there are {known}")
                )
                continue
            try:
                activity.rules.start(activity.read_setup(stage.setup, read.languages[0]), stage.level)
            except ValidationError as error:
                found += [(f"stages.{place}.setup.{one['place']}", one["text"]) for one in plans.problems(error)]
            for language in read.languages:
                count = lacking(stage.setup, language, read.languages)
                if count:
                    out.print(
                        f"[yellow]{escape(str(plan))}: stage {stage.id} lacks {count} texts in {language}[/]",
                        highlight=False,
                    )
    for where, text in found:
        bad.print(
            f"[red]{escape(str(plan))}:{plans.line_of(plan, where)}: {escape(where)}: {escape(text)}[/]",
            highlight=False,
            soft_wrap=True,
        )
    if found:
        raise typer.Exit(1)
    minutes = sum(stage.minutes for stage in read.stages)
    out.print(
        f"{plan}: {len(read.stages)} stages, {minutes} minutes, {', '.join(read.languages)}. Fine.", highlight=False
    )


# -- plans from a file, without a data folder, a network or a database ------------------------------------------------

PlanFile = Annotated[
    str, typer.Argument(metavar="FILE", help="JSON, or a list in CSV or XLSX; - reads JSON from the standard input.")
]
PlanTo = Annotated[Path | None, typer.Option("--out", help="File for the plan, in place of the standard output.")]
PlanCheck = Annotated[
    Path | None, typer.Option("--check", help="Work nothing out: judge the plan in this file.", dir_okay=False)
]
PlanWhy = Annotated[
    str | None, typer.Option("--why", metavar="PERSON", help="Add the reasons of this person's places.")
]
PlanColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns", metavar="HEADER=FIELD,...", help="What columns of a list stand for; HEADER=- for nothing."
    ),
]
PlanSkip = Annotated[bool, typer.Option("--skip-bad", help="Leave out lines of a list that cannot be read.")]
PlanDry = Annotated[
    bool, typer.Option("--dry-run", help="Only say what was understood; the input goes to the standard output as JSON.")
]
PlanLanguage = Annotated[
    str, typer.Option(help="Language of what is said about a list, and of the printed pages: it or en.")
]
SlipsTo = Annotated[Path | None, typer.Option("--slips", help="PDF to write, a slip for each person.", dir_okay=False)]

#: A plan's input or a list; far above what 2,000 people need.
MAX_PLAN = 20 << 20
#: Bad lines told one by one.
TOLD_LINES = 200


class Unplannable(Exception):
    """Why nothing can be worked out, as (code, sentence, details)."""


@app.command()
def match(
    file: PlanFile,
    to: PlanTo = None,
    engine: Annotated[str, typer.Option(help="highs, python or greedy.")] = "highs",
    check: PlanCheck = None,
    why: PlanWhy = None,
    stalls: Annotated[Path | None, typer.Option(help="The list of stalls, CSV or XLSX.", dir_okay=False)] = None,
    rounds: Annotated[int | None, typer.Option(min=1, max=12, help="How many rounds; for lists.")] = None,
    capacity: Annotated[
        int | None, typer.Option(min=1, max=2000, help="Seats at a stall whose list does not say; for lists.")
    ] = None,
    columns: PlanColumns = None,
    skip_bad: PlanSkip = False,
    dry_run: PlanDry = False,
    slips: SlipsTo = None,
    sheets: Annotated[Path | None, typer.Option(help="PDF to write, a sheet for each stall.", dir_okay=False)] = None,
    language: PlanLanguage = "it",
) -> None:
    """Who visits which stall in which round: the plan of a marketplace, from a file.

    The plan goes to the standard output as JSON, words to the standard error.

    Ends with 0 for a plan that keeps every rule, 1 for one that breaks some, 2 for an input that cannot be used.
    """
    for_lists = {"--stalls": stalls, "--rounds": rounds, "--capacity": capacity, "--columns": columns,
                 "--skip-bad": skip_bad or None}  # fmt: skip
    names: dict[str, str] = {}
    titles: dict[str, str] = {}
    try:
        body, pages = plan_input(file, language, for_lists)
        if pages is not None:
            from .activities.marketplace import lists

            more = plan_pages(stalls, plan_bytes(stalls), language) if stalls is not None else []
            read = lists.read(
                pages, more, rounds=rounds, capacity=capacity, columns=plan_columns(columns), language=language
            )
            body = listed(read.data, read.troubles, read.notes, skip_bad, language)
            names, titles = dict(read.names), dict(read.titles)
        if dry_run:
            from .activities.marketplace import command, matching

            given = parsed(body)
            try:
                event = matching.read(given)
            except matching.Unusable as error:
                raise Unplannable(error.code, error.text, error.details) from None
            tell(
                f"{len(event.people)} people, {len(event.market.groups)} groups, {len(event.market.organisations)}"
                f" organisations, {len(event.stalls)} stalls with {sum(one.capacity for one in event.stalls)} seats,"
                f" {counted(event.rounds, 'round')}, {sum(len(one.interests) for one in event.people)} wishes."
            )
            tell(*command.foreseen_in_words(event))
            put_out(given, to)
            return
        plan = plan_to_check(check)
        from .activities.marketplace.command import match as matched

        code, document, words = matched(body, engine, plan, why)
    except Unplannable as error:
        raise unplannable(error) from None
    tell(*words)
    if code != 2:
        if slips is not None or sheets is not None:
            from .files import kit

            people, stands = kit.of_plan(parsed(body), document, names, titles)
            if slips is not None:
                print_to(slips, lambda: kit.slips(people, language))
            if sheets is not None:
                print_to(sheets, lambda: kit.sheets(stands, language))
        put_out(document, to)
    else:
        put_out(document, None)
    raise typer.Exit(code)


@app.command()
def tables(
    file: PlanFile,
    to: PlanTo = None,
    check: PlanCheck = None,
    why: PlanWhy = None,
    n_tables: Annotated[
        int | None, typer.Option("--tables", min=1, max=200, help="How many tables; for lists.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(min=1, max=20, help="How many rounds; for lists.")] = None,
    apart: Annotated[
        list[str] | None, typer.Option(metavar="P1,P9", help="Two people to keep apart; repeat it for more. For lists.")
    ] = None,
    columns: PlanColumns = None,
    skip_bad: PlanSkip = False,
    dry_run: PlanDry = False,
    slips: SlipsTo = None,
    tents: Annotated[Path | None, typer.Option(help="PDF to write, a tent for each table.", dir_okay=False)] = None,
    language: PlanLanguage = "it",
) -> None:
    """Who sits at which table in which round, so that people meet new people; from a file.

    The seating goes to the standard output as JSON, words to the standard error.

    Ends with 0 for a seating that keeps every rule, 1 for one that breaks some, 2 for an input that cannot be used.
    """
    for_lists = {"--tables": n_tables, "--rounds": rounds, "--apart": apart, "--columns": columns,
                 "--skip-bad": skip_bad or None}  # fmt: skip
    names: dict[str, str] = {}
    try:
        body, pages = plan_input(file, language, for_lists)
        if pages is not None:
            from .activities.tables import lists

            read = lists.read(
                pages,
                tables=n_tables,
                rounds=rounds,
                apart=apart or (),
                columns=plan_columns(columns),
                language=language,
            )
            body = listed(read.data, read.troubles, read.notes, skip_bad, language)
            names = dict(read.names)
        if dry_run:
            from .activities.tables import matching

            given = parsed(body)
            try:
                event = matching.read(given)
            except matching.Unusable as error:
                raise Unplannable(error.code, error.text, error.details) from None
            tell(
                f"{len(event.people)} people, {len({one.group for one in event.people} - {None})} groups,"
                f" {len({one.organisation for one in event.people} - {None})} organisations,"
                f" {counted(len(event.tables), 'table')}, {counted(event.rounds, 'round')},"
                f" {counted(len(event.apart), 'pair')} to keep apart."
            )
            put_out(given, to)
            return
        plan = plan_to_check(check)
        from .activities.tables.command import tables as seated

        code, document, words = seated(body, plan, why)
    except Unplannable as error:
        raise unplannable(error) from None
    tell(*words)
    if code != 2:
        if slips is not None or tents is not None:
            from .files import kit

            people, stands = kit.of_seating(parsed(body), document, names)
            if slips is not None:
                print_to(slips, lambda: kit.slips(people, language, places="table"))
            if tents is not None:
                print_to(tents, lambda: kit.tents(stands, language))
        put_out(document, to)
    else:
        put_out(document, None)
    raise typer.Exit(code)


def plan_input(file: str, language: str, for_lists: dict[str, Any]) -> tuple[bytes, list[Any] | None]:
    """The bytes of a JSON and None, or b"" and the pages of a list. Raises Unplannable."""
    if language not in ("it", "en"):
        raise Unplannable("malformed", f"There is no language {language} here: it or en.", {"where": "--language"})
    if file == "-":
        body = sys.stdin.buffer.read(MAX_PLAN + 1)
    else:
        body = plan_bytes(Path(file))
    if len(body) > MAX_PLAN:
        raise Unplannable("too_big", f"The input is larger than {MAX_PLAN >> 20} MB.", {})
    plain = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if file == "-" or Path(file).suffix.lower() == ".json" or plain[:1] == b"{":
        given = [name for name, value in for_lists.items() if value is not None]
        if given:
            text = f"{', '.join(given)} is for lists; this input is JSON and says it itself."
            raise Unplannable("malformed", text, {"where": given[0]})
        return body, None
    return b"", plan_pages(Path(file), body, language)


def plan_bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_PLAN + 1)
    except OSError as error:
        raise Unplannable("malformed", f"{file} cannot be read: {error.strerror}.", {"file": str(file)}) from None


def plan_pages(file: Path, body: bytes, language: str) -> list[Any]:
    """The sheets of a list, as pages. Raises Unplannable."""
    from .activities.contract.lists import Page
    from .files.reading import Unreadable, read_rows

    try:
        found = read_rows(body, file.name, language=language)
    except Unreadable as error:
        raise Unplannable("too_big" if error.over_limit else "malformed", error.text, {"file": str(file)}) from None
    tell(*(str(one["text"]) for one in found.warnings))
    if not found.sheets and found.text is not None:
        # One column has no separator, and is a list all the same.
        return [Page(found.name, [[line or None] for line in found.text.split("\n")])]
    return [Page(one.name, one.rows) for one in found.sheets]


def plan_columns(given: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in ",".join(given or ()).split(","):
        head, sign, name = part.rpartition("=")
        if part.strip() and not (sign and head.strip() and name.strip()):
            raise Unplannable(
                "malformed", f"--columns takes HEADER=FIELD; {part!r} is not that.", {"where": "--columns"}
            )
        if part.strip():
            found[head.strip()] = name.strip()
    return found


def listed(data: Any, troubles: Any, notes: Any, skip_bad: bool, language: str) -> bytes:
    """The input that a list makes, as JSON; what is wrong with it is told line by line. Raises Unplannable."""
    import json

    here = {"it": ("foglio", "riga"), "en": ("sheet", "line")}[language]
    tell(*notes)
    about_file = [one for one in troubles if not one.row]
    for one in [one for one in troubles if one not in about_file[:1]][:TOLD_LINES]:
        where = [f"{here[0]} {one.page}" if one.page else "", f"{here[1]} {one.row}" if one.row else "", one.column]
        tell(": ".join(part for part in (", ".join(part for part in where if part), one.text) if part))
    if len(troubles) > TOLD_LINES:
        tell(f"... {len(troubles) - TOLD_LINES} more")
    if troubles and (data is None or about_file or not skip_bad):
        codes = {one.code for one in troubles}
        lines = {(one.page, one.row) for one in troubles if one.row}
        text = f"{counted(len(lines), 'line')} of the list cannot be read: correct them, or use --skip-bad."
        if about_file:
            text = about_file[0].text
        elif data is None:
            text = "No line of the list is left that could be used: correct the lines that are told."
        details = {"bad": len(lines), "lines": [one.as_dict() for one in troubles[:TOLD_LINES]]}
        raise Unplannable(codes.pop() if len(codes) == 1 else "malformed", text, details)
    if troubles:
        tell(f"{counted(len({(one.page, one.row) for one in troubles}), 'line')} left out.")
    return json.dumps(data, ensure_ascii=False).encode()


def plan_to_check(file: Path | None) -> Any:
    return None if file is None else parsed(plan_bytes(file))


def parsed(body: bytes) -> Any:
    """The JSON of a file. Raises Unplannable."""
    import json

    try:
        return json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        raise Unplannable("malformed", f"This is no JSON: {str(error)[:200]}.", {}) from None


def unplannable(error: Unplannable) -> typer.Exit:
    code, text, details = error.args
    tell(text)
    put_out({"error": {"code": code, "text": text, "details": details}}, None)
    return typer.Exit(2)


def tell(*sentences: str) -> None:
    """Sentences for the person; what a file wrote into them cannot steer the terminal."""
    for one in sentences:
        plain = "".join(sign if sign.isprintable() or sign == " " else " " for sign in one)
        bad.print(escape(plain), highlight=False, soft_wrap=True)


def put_out(document: Any, to: Path | None) -> None:
    """A document as JSON, into a file or alone on the standard output."""
    import json

    body = json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    if to is None:
        typer.echo(body, nl=False)
        return
    try:
        to.write_bytes(body)
    except OSError as error:
        raise fail(f"{to} cannot be written: {error.strerror}.") from None
    tell(f"Written: {to}")


def print_to(file: Path, made: Callable[[], bytes]) -> None:
    try:
        file.write_bytes(made())
    except OSError as error:
        raise fail(f"{file} cannot be written: {error.strerror}.") from None
    tell(f"Written: {file}")


@app.command()
def activities() -> None:
    """What each activity's folder gives."""
    from rich.table import Table

    from . import activities as folders

    shown = Table("activity", "asks of a phone", "asks of the desk", "files")
    for name, one in folders.found().items():
        phone = [ask.do for ask in one.asks.values() if "phone" in ask.by]
        desk = [ask.do for ask in one.asks.values() if "desk" in ask.by]
        files = sorted(path.name for path in one.folder.iterdir() if path.suffix in (".html", ".js", ".css", ".toml"))
        shown.add_row(name, ", ".join(phone), ", ".join(desk), ", ".join(files))
    out.print(shown)


@app.command()
def doctor(data: Data = None, port: Port = None) -> None:
    """Looks at ports, addresses, firewall, SQLite, disk and clock, and says what to do."""
    from rich.table import Table

    from . import addresses
    from .house import FILE
    from .storage.sqlite import SOUND_SQLITE, sound

    settings = settings_with(data=data, port=port)
    shown = Table("what", "found", "what to do")
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", settings.port)) == 0
    if taken:
        status, _ = Running(settings).call("GET", "/healthz", timeout=5)
        what = "Officina runs there" if status == 200 else "another program listens there"
        shown.add_row(f"port {settings.port}", what, "" if status == 200 else "officina start --port 8123")
    else:
        shown.add_row(f"port {settings.port}", "free", "")
    found = addresses.ours()
    for place, one in enumerate(found):
        shown.add_row(
            "address" if place else "best address", f"{one.address} ({one.interface}, {one.points} points)", ""
        )
    if not found:
        shown.add_row("address", "none but the loopback", "join a network, or plug in the router")
    shown.add_row("firewall", firewall(), "if phones reach nothing: allow Python on private networks")
    version = sqlite3.sqlite_version_info
    shown.add_row(
        "SQLite",
        sqlite3.sqlite_version,
        "" if version >= SOUND_SQLITE else "older than 3.51.3: our single writer avoids its WAL bug",
    )
    shown.add_row("solver", *solver())
    settings.data.mkdir(parents=True, exist_ok=True)
    disk = shutil.disk_usage(settings.data)
    shown.add_row("disk", f"{disk.free / 1e9:.1f} GB free", "" if disk.free > 1e9 else "make room: under 1 GB is left")
    file = settings.data / FILE
    if file.exists():
        verdict = sound(file)
        shown.add_row("data", f"{file} {verdict}", "" if verdict == "ok" else "officina restore the last backup")
    else:
        shown.add_row("data", f"{settings.data} (empty)", "")
    copies = sorted((settings.data / "backups").glob("officina-*.db"))
    shown.add_row("last backup", copies[-1].name if copies else "none yet", "")
    year = time.gmtime().tm_year
    shown.add_row("clock", time.strftime("%Y-%m-%d %H:%M:%S %Z"), "" if year >= 2026 else "set the laptop's clock")
    out.print(shown)


def solver() -> tuple[str, str]:
    """Whether the solver of plans is here, and what to do: without it plans are slower, and OR-Tools clashes with it."""
    import importlib.util
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = f"highspy {version('highspy')}"
    except PackageNotFoundError:
        return "none", "install officina again; until then plans are made without it, slower"
    if importlib.util.find_spec("ortools") is not None:
        return (
            f"{found}, beside OR-Tools",
            "both cannot be loaded in one process: give Officina an environment of its own",
        )
    return found, ""


def firewall() -> str:
    """A word on the system's firewall; looked at only where a command that needs no rights tells it."""
    commands = {
        "darwin": ["/usr/libexec/ApplicationFirewall/socketfilterfw", "--getglobalstate"],
        "linux": ["ufw", "status"],
    }
    command = commands.get(sys.platform)
    if sys.platform == "win32":
        command = ["netsh", "advfirewall", "show", "currentprofile", "state"]
    if command is None or shutil.which(command[0]) is None:
        return "not known"
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "not known"
    return " ".join(said.split())[:60] or "not known"
