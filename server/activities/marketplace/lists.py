"""A list of people and wishes from a spreadsheet, made into the input of a plan (MATCHING 7).

Wide: a line for each person, a column for each stall with 0 to 3 in it; the stalls in a sheet or a file of their own, or
else the columns that are left. Long: a line for each wish, with person, stall and interest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contract.lists import (
    PASSED_OVER,
    PEOPLE,
    Asked,
    BadCell,
    Cell,
    Head,
    Page,
    Reader,
    Register,
    Someone,
    Spellings,
    Trouble,
    has_people,
    head_of,
    id_of,
    last_round,
    lines_of,
    parts_of,
    rounds_of,
    say,
    someone,
    tidy,
    whole_of,
    words_of,
)
from ..contract.lists import (
    WORDS as _SHARED,
)

FORMAT = "officina.match/1"
HIGHEST = 3
#: Seats for each visitor where no list says how many there are: a fifth more than would do, for latecomers (MATCHING 4).
SPARE = (12, 10)
#: Signs in a cell that names several.
LONGEST_CELL = 4_000

_PERSON = PEOPLE | {
    "never": "never", "mai": "never", "veto": "never", "non visita": "never", "does not visit": "never",
    "hosts": "presents", "presents": "presents", "presenta": "presents",
}  # fmt: skip
_STALL = {
    "id": "id", "stall": "id", "banco": "id", "stand": "id", "postazione": "id", "codice": "id", "code": "id",
    "title": "title", "titolo": "title", "pratica": "title", "practice": "title",
    "nome": "name", "name": "name",
    "organizzazione": "organisation", "organisation": "organisation", "organization": "organisation",
    "ente": "organisation", "città": "organisation", "city": "organisation",
    "capacity": "capacity", "posti": "capacity", "capienza": "capacity", "seats": "capacity",
    "minimum": "minimum", "minimo": "minimum",
    "hosts": "hosts", "chi presenta": "hosts", "presentano": "hosts", "presenters": "hosts", "referenti": "hosts",
    "hosting": "hosting", "modo": "hosting",
    "open": "open", "aperto": "open", "aperto nei turni": "open", "aperto nei giri": "open", "giri": "open", "rounds": "open", "turni": "open",
    "never": "never", "mai": "never", "veto": "never",
}  # fmt: skip
_LONG = {
    "person": "id", "persona": "id", "partecipante": "id", "participant": "id", "id": "id", "nome": "name", "name": "name",
    "stall": "stall", "banco": "stall", "stand": "stall", "postazione": "stall", "pratica": "stall", "practice": "stall",
    "interest": "interest", "interesse": "interest", "level": "interest", "livello": "interest", "voto": "interest",
    "rating": "interest",
    "gruppo": "group", "group": "group", "ente": "organisation", "organizzazione": "organisation",
    "organisation": "organisation", "organization": "organisation",
}  # fmt: skip
_STALL_PAGES = frozenset(("stalls", "stall", "banchi", "banco", "stand", "postazioni", "pratiche", "practices"))
_HOSTING = {
    "turns": "turns", "in turns": "turns", "turni": "turns", "a turno": "turns", "a turni": "turns",
    "stay": "stay", "sempre": "stay", "fissi": "stay", "tutti": "stay", "always": "stay",
}  # fmt: skip
#: Every field that a column may be said to stand for.
FIELDS = tuple(dict.fromkeys([*_PERSON.values(), *_STALL.values(), *_LONG.values()]))

_WORDS: dict[str, tuple[str, str]] = _SHARED | {
    "interest": (
        "«{value}» non è un interesse: scrivere 0, 1, 2 o 3, o lasciare vuoto.",
        "“{value}” is no interest: write 0, 1, 2 or 3, or leave the cell empty.",
    ),
    "no_stall": (
        "La riga non dice quale banco: scrivere un codice o un titolo.",
        "The line does not say which stall: write an id or a title.",
    ),
    "no_stalls": (
        "Nel file non ci sono banchi: aggiungere una colonna per ogni banco, un secondo foglio con i banchi, o --stalls.",
        "The file holds no stalls: add a column for each stall, a second sheet with the stalls, or --stalls.",
    ),
    "no_stalls_there": (
        "Nella lista dei banchi non c’è nessun banco: la prima riga deve avere una colonna «id» o «titolo».",
        "The list of stalls holds no stall: its first line needs a column “id” or “title”.",
    ),
    "unknown_stall": (
        "La colonna «{column}» sembra contenere voti, ma nella lista non c’è un banco con questo nome: correggere il"
        ' nome, o scrivere --columns "{column}=-" per non leggerla.',
        "The column “{column}” seems to hold ratings, but the list has no stall of that name: correct the name, or"
        ' write --columns "{column}=-" to pass it over.',
    ),
    "hosting": (
        "«{value}» non va bene: scrivere turns (a turno) o stay (sempre).",
        "“{value}” will not do: write turns or stay.",
    ),
    "minimum": (
        "Il minimo {value} è più dei posti, che sono {most}.",
        "The minimum {value} is more than the seats, of which there are {most}.",
    ),
    "differs": (
        "La riga dice «{value}» e una riga più sopra diceva «{before}» per la stessa persona: correggere una delle due.",
        "The line says “{value}” and a line above said “{before}” for the same person: correct one of the two.",
    ),
    "veto_of_nobody": (
        "Riga {row}: nessuno nella lista è di «{value}», che questo banco non accoglie.",
        "Line {row}: nobody in the list is of “{value}”, which this stall does not receive.",
    ),
    "seats_worked_out": (
        "Nessuno ha detto quanti posti ci sono: sono stati calcolati {seats} posti per banco (1,2 per visitatore)."
        " Per indicarli: --capacity, o una colonna «posti» nella lista dei banchi.",
        "Nobody said how many seats there are: {seats} for each stall were worked out (1.2 for each visitor)."
        " To say them: --capacity, or a column “capacity” in the list of stalls.",
    ),
    "stalls_from_columns": (
        "Banchi presi dalle colonne: {names}.",
        "Stalls taken from the columns: {names}.",
    ),
    "own_stall": (
        "Questi banchi hanno il nome di un ente della lista: {names}. Da soli non lo dicono, e chi è dell’ente potrebbe"
        " esservi mandato: serve una lista dei banchi con la colonna «ente».",
        "These stalls bear the name of an organisation of the list: {names}. That alone says nothing, and its people may"
        " be sent there: a list of stalls with a column “organisation” is needed.",
    ),
    "stalls_from_lines": (
        "Banchi presi dalle righe: {names}.",
        "Stalls taken from the lines: {names}.",
    ),
}


@dataclass(frozen=True, slots=True)
class Lists:
    """What was read. data: the input of a plan; None where none can be made.

    names: of people by id, where the list gives them. titles: of stalls by id, in the order of the list.
    troubles: lines that are not read, in their order; notes: sentences on what was understood or passed over.
    """

    data: dict[str, Any] | None
    names: Mapping[str, str]
    titles: Mapping[str, str]
    troubles: tuple[Trouble, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Stall:
    id: str
    title: str
    row: int
    organisation: str | None = None
    capacity: int | None = None
    minimum: int | None = None
    hosts: list[str] | None = None
    hosting: str | None = None
    open: list[int] | None = None
    never: list[str] | None = None


class _Reading:
    """One file on its way to an input."""

    def __init__(self, asked: Asked, rounds: int | None, capacity: int | None, language: str) -> None:
        self.asked, self.rounds, self.capacity, self.language = asked, rounds, capacity, language
        self.troubles: list[Trouble] = []
        self.notes: list[str] = []
        self.people, self.stalls = Register(), Register()
        self.groups, self.organisations = Spellings(), Spellings()
        self.persons: dict[str, Someone] = {}
        self.stands: dict[str, _Stall] = {}
        self.interests: dict[str, dict[str, int]] = {}
        self.never: dict[str, list[str]] = {}
        self.presents: dict[str, list[str]] = {}
        #: Names of the pages that list them; "" where no page does.
        self.people_page = self.stalls_page = ""

    def say(self, key: str, **values: Any) -> str:
        return say(_WORDS, key, self.language, **values)

    def note(self, key: str, **values: Any) -> None:
        self.notes.append(self.say(key, **values))

    def trouble(self, key: str, code: str = "malformed", **values: Any) -> None:
        self.troubles.append(Trouble(code, self.say(key, **values)))

    def reader(self, page: Page, head: Head) -> Reader:
        reader = Reader(page, head, self.language, self.troubles, _WORDS)
        for name in head.twice:
            reader.bad(head.row, name, "column_twice", column=name)
        return reader

    # Stalls

    def read_stalls(self, page: Page, head: Head) -> None:
        """Everything but the hosts, who are known only when the people are."""
        self.stalls_page = page.name
        reader = self.reader(page, head)
        for number, row in lines_of(page, head):
            self.read_stall(reader, number, row)
        for _, name in head.others:
            if tidy(name) not in PASSED_OVER:
                self.note("not_read", column=name)
        if not self.stands:
            self.trouble("no_stalls_there")

    def read_stall(self, reader: Reader, number: int, row: Sequence[Cell]) -> None:
        title = reader.text(number, row, "title") or reader.text(number, row, "name")
        given: str | None = reader.read(number, "id", id_of, None, reader.cell(row, "id"))
        if given == "":
            given = reader.read(number, "title", id_of, None, title)
        if given is None:
            return
        if not given:
            reader.bad(number, reader.column("id") or reader.column("title") or reader.column("name"), "no_stall")
            return
        if not reader.read(number, "id", self.add_stall, False, given, title, number):
            return
        one = self.stands[given]
        one.organisation = self.organisations.of(reader.text(number, row, "organisation"))
        one.capacity = reader.read(number, "capacity", whole_of, None, reader.cell(row, "capacity"), 1)
        one.minimum = reader.read(number, "minimum", whole_of, None, reader.cell(row, "minimum"), 0)
        seats = one.capacity or self.capacity
        if one.minimum is not None and seats is not None and one.minimum > seats:
            reader.bad(number, reader.column("minimum"), "minimum", value=str(one.minimum), most=seats)
        one.open = reader.read(number, "open", rounds_of, None, reader.cell(row, "open"))
        hosting = reader.text(number, row, "hosting")
        if hosting:
            one.hosting = _HOSTING.get(tidy(hosting))
            if one.hosting is None:
                reader.bad(number, reader.column("hosting"), "hosting", value=hosting)

    def add_stall(self, id: str, title: str, row: int) -> bool:
        self.stalls.add(id, title, row)
        self.stands[id] = _Stall(id, title or id, row)
        return True

    def read_hosts(self, page: Page, head: Head) -> None:
        reader = Reader(page, head, self.language, self.troubles, _WORDS)
        at = {one.row: one for one in self.stands.values()}
        for number, row in lines_of(page, head):
            one = at.get(number)
            if one is None:
                continue
            hosts = reader.text(number, row, "hosts", LONGEST_CELL)
            if hosts:
                nobody: list[str] = []
                one.hosts = reader.read(number, "hosts", self.people.several, nobody, hosts)
            never = reader.text(number, row, "never", LONGEST_CELL)
            if never:
                parts = [never] if self.organisations.known(never) else parts_of(never)
                for part in parts:
                    if not self.organisations.known(part):
                        self.note("veto_of_nobody", row=number, value=part)
                one.never = list(dict.fromkeys(self.organisations.of(part) or part for part in parts))

    # People

    def read_people(self, page: Page, head: Head, listed: bool, wide: bool) -> None:
        """listed: there is a list of stalls. wide: the columns that are left hold wishes."""
        self.people_page = page.name
        reader = self.reader(page, head)
        lines = list(lines_of(page, head))
        columns = self.columns(reader, head, lines, listed) if wide else []
        if not wide:
            for _, name in head.others:
                if tidy(name) not in PASSED_OVER:
                    self.note("not_read", column=name)
        for number, row in lines:
            one = someone(reader, number, row, self.people, self.groups, self.organisations)
            if one is None:
                continue
            self.persons[one.id] = one
            wishes: dict[str, int] = {}
            for place, name, stall in columns:
                try:
                    level = _level(row[place] if place < len(row) else None)
                except BadCell as bad:
                    reader.bad(number, name, bad.key, bad.code, **bad.values)
                else:
                    if level:
                        wishes[stall] = level
            self.interests[one.id] = wishes
            for name, kept in (("never", self.never), ("presents", self.presents)):
                text = reader.text(number, row, name, LONGEST_CELL)
                kept[one.id] = reader.read(number, name, self.stalls.several, [], text)

    def columns(
        self, reader: Reader, head: Head, lines: Sequence[tuple[int, Sequence[Cell]]], listed: bool
    ) -> list[tuple[int, str, str]]:
        """(place, head, stall) of the columns with wishes."""
        found: list[tuple[int, str, str]] = []
        seen: dict[str, str] = {}
        for place, name in head.others:
            said = self.asked.fields.get(tidy(name))
            if said is None and not listed and tidy(name) in PASSED_OVER:
                self.note("not_read", column=name)
                continue
            if listed:
                stall = reader.read(head.row, name, self.stalls.find, None, said or name)
                if stall is None:
                    if said is not None:
                        continue
                    if tidy(name) in PASSED_OVER:
                        continue
                    if _all_levels(place, lines):
                        reader.bad(head.row, name, "unknown_stall", "unknown_id", column=name)
                    else:
                        self.note("not_read", column=name)
                    continue
            else:
                if _no_levels(place, lines):
                    self.note("not_read", column=name)
                    continue
                stall = reader.read(head.row, name, id_of, "", said or name)
                if not stall or not (
                    self.stalls.find(stall)
                    or reader.read(head.row, name, self.add_stall, False, stall, stall, head.row)
                ):
                    continue
                stall = self.stalls.find(stall) or stall
            if stall in seen:
                reader.bad(head.row, name, "column_twice", column=name)
                continue
            seen[stall] = name
            found.append((place, name, stall))
        if not listed and found:
            self.note("stalls_from_columns", names=_listed(stall for _, _, stall in found))
        return found

    def read_wishes(self, page: Page, head: Head, listed: bool, people_listed: bool) -> None:
        """The long form."""
        reader = self.reader(page, head)
        given: dict[tuple[str, str], int] = {}
        for number, row in lines_of(page, head):
            before = len(self.troubles)
            who = "id" if "id" in head.fields else "name"
            person: str | None = reader.read(number, who, id_of, None, reader.cell(row, who))
            stall: str | None = reader.read(number, "stall", id_of, None, reader.cell(row, "stall"))
            level = reader.read(number, "interest", _level, 0, reader.cell(row, "interest"))
            if person == "":
                reader.bad(number, reader.column(who), "no_id")
            if stall == "":
                reader.bad(number, reader.column("stall"), "no_stall")
            if not person or not stall or len(self.troubles) > before:
                continue
            if listed:
                stall = reader.read(number, "stall", self.stalls.meant, None, stall)
            else:
                known = self.stalls.find(stall)
                if known is None:
                    self.add_stall(stall, stall, number)
                stall = known or stall
            if people_listed:
                person = reader.read(number, who, self.people.meant, None, person)
            else:
                person = self.met(reader, number, row, person)
            if person is None or stall is None:
                continue
            if given.setdefault((person, stall), level) != level:
                reader.bad(
                    number, reader.column("interest"), "differs", value=str(level), before=str(given[person, stall])
                )
            elif level:
                self.interests.setdefault(person, {})[stall] = level
        if not listed and self.stands:
            self.note("stalls_from_lines", names=_listed(self.stands))

    def met(self, reader: Reader, number: int, row: Sequence[Cell], id: str) -> str | None:
        """The person of a line of the long form, made by the first line that names them."""
        group = self.groups.of(reader.read(number, "group", words_of, "", reader.cell(row, "group")))
        organisation = self.organisations.of(
            reader.read(number, "organisation", words_of, "", reader.cell(row, "organisation"))
        )
        known = self.people.find(id)
        if known is None:
            name = reader.text(number, row, "name")
            self.people.add(id, name, number)
            self.persons[id] = Someone(id, name, group, organisation, None, number)
            return id
        one = self.persons[known]
        for column, now, then in (("group", group, one.group), ("organisation", organisation, one.organisation)):
            if now is not None and then is not None and now != then:
                reader.bad(number, reader.column(column), "differs", value=now, before=then)
                return None
        self.persons[known] = Someone(
            known, one.name, one.group or group, one.organisation or organisation, one.rounds, one.row
        )
        return known

    # Together

    def data(self) -> dict[str, Any] | None:
        """The input, without the lines that are not read; None where something is lacking that no line can give."""
        bad = {(one.page, one.row) for one in self.troubles}
        persons = [
            one for one in self.persons.values() if (self.people_page, one.row) not in bad or not self.people_page
        ]
        stands = [one for one in self.stands.values() if (self.stalls_page, one.row) not in bad or not self.stalls_page]
        rounds = last_round(
            self.rounds,
            [n for one in persons for n in one.rounds or ()] + [n for one in stands for n in one.open or ()],
        )
        if not persons:
            self.trouble("nobody")
        if not stands:
            self.trouble("no_stalls")
        if rounds is None:
            self.trouble("no_rounds")
        if rounds is None or not persons or not stands:
            return None
        people, stalls = {one.id for one in persons}, {one.id for one in stands}
        presenting: dict[str, list[str]] = {}
        for one in persons:
            for stall in self.presents.get(one.id, ()):
                presenting.setdefault(stall, []).append(one.id)
        told_people = []
        for one in persons:
            told = one.as_dict()
            wishes = {stall: level for stall, level in self.interests.get(one.id, {}).items() if stall in stalls}
            never = [stall for stall in self.never.get(one.id, ()) if stall in stalls]
            told_people.append(told | ({"interests": wishes} if wishes else {}) | ({"never": never} if never else {}))
        told_stalls: list[dict[str, Any]] = []
        for stand in stands:
            hosts = [id for id in dict.fromkeys([*(stand.hosts or ()), *presenting.get(stand.id, ())]) if id in people]
            fields = {"id": stand.id, "organisation": stand.organisation, "capacity": stand.capacity or self.capacity,
                      "minimum": stand.minimum, "hosts": hosts or None, "hosting": stand.hosting, "open": stand.open,
                      "never": stand.never}  # fmt: skip
            told_stalls.append({name: value for name, value in fields.items() if value is not None})
        own = [one.id for one in stands if not one.organisation and self.organisations.known(one.title)]
        if own:
            self.note("own_stall", names=_listed(own))
        without = [one for one in told_stalls if "capacity" not in one]
        if without:
            seats = _seats(told_people, told_stalls, rounds)
            for lacking in without:
                lacking["capacity"] = max(seats, lacking.get("minimum", 1))
            self.note("seats_worked_out", seats=seats)
        return {"format": FORMAT, "rounds": rounds, "people": told_people, "stalls": told_stalls}


def _level(cell: Cell) -> int:
    words = words_of(cell)
    if not words:
        return 0
    if isinstance(cell, bool) or words not in ("0", "1", "2", "3"):
        raise BadCell("interest", "interest_out_of_range", value=words)
    return int(words)


def _cells(place: int, lines: Iterable[tuple[int, Sequence[Cell]]]) -> list[bool]:
    """Of every cell of a column that is not empty, whether it is a level."""
    found = []
    for _, row in lines:
        cell = row[place] if place < len(row) else None
        if cell is None or cell == "":
            continue
        try:
            _level(cell)
        except BadCell:
            found.append(False)
        else:
            found.append(True)
    return found


def _all_levels(place: int, lines: Iterable[tuple[int, Sequence[Cell]]]) -> bool:
    found = _cells(place, lines)
    return bool(found) and all(found)


def _no_levels(place: int, lines: Iterable[tuple[int, Sequence[Cell]]]) -> bool:
    found = _cells(place, lines)
    return bool(found) and not any(found)


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:8]) + (f" … ({len(found)})" if len(found) > 8 else "")


def _seats(people: Sequence[Mapping[str, Any]], stalls: Sequence[Mapping[str, Any]], rounds: int) -> int:
    """Seats for each stall: 1.2 times the visitors for each open stall, in the fullest round."""
    most = 1
    for number in range(1, rounds + 1):
        present = {one["id"] for one in people if number in one.get("rounds", (number,))}
        stands = [one for one in stalls if number in one.get("open", (number,))]
        duty: set[str] = set()
        for stall in stalls:
            hosts = [id for id in stall.get("hosts", ()) if id in present]
            duty |= set(hosts if stall.get("hosting") == "stay" else hosts[:1])
        if stands:
            over, under = SPARE
            most = max(most, -(-over * (len(present) - len(duty)) // (under * len(stands))))
    return most


def read(
    pages: Sequence[Page],
    stalls: Sequence[Page] = (),
    *,
    rounds: int | None = None,
    capacity: int | None = None,
    columns: Mapping[str, str] | None = None,
    language: str = "it",
) -> Lists:
    """The input in the pages of a file, and in those of a second file that lists the stalls.

    rounds, capacity: as said beside the file. columns: {head: field, stall or "-"}. Raises nothing: what is wrong is in
    `troubles`, and `data` is then what is left without those lines.
    """
    asked = Asked.of(columns or {})
    # Two files often name their only sheet alike, and a line is told by its sheet.
    taken = {page.name for page in pages}
    stalls = [Page(f"{page.name} (--stalls)", page.rows) if page.name in taken else page for page in stalls]
    reading = _Reading(asked, rounds, capacity, language)
    people_page = stall_page = wish_page = None
    for page in stalls:
        head = head_of(page, _STALL, asked, lambda fields: bool(fields.keys() & {"id", "title", "name"}))
        if head is not None and stall_page is None:
            stall_page = page, head
        elif page.rows:
            reading.note("page_not_read", page=page.name)
    if stalls and stall_page is None:
        reading.trouble("no_stalls_there")
    for nth, page in enumerate(pages):
        long = head_of(page, _LONG, asked, _is_long)
        stand = head_of(page, _STALL, asked, _is_stalls(page))
        person = head_of(page, _PERSON, asked, has_people)
        if long is not None and wish_page is None:
            wish_page = page, long
        elif stand is not None and stall_page is None and not stalls:
            stall_page = page, stand
        elif person is not None and long is None and stand is None and people_page is None:
            people_page = page, person
        elif (
            nth and stall_page is None and people_page is not None and person is not None
            and not person.fields.keys() & {"group", "rounds", "presents"}
        ):  # fmt: skip
            named = head_of(page, _STALL, asked, lambda fields: bool(fields.keys() & {"id", "title", "name"}))
            if named is not None:
                stall_page = page, named
        elif page.rows:
            reading.note("page_not_read", page=page.name)
    listed = stall_page is not None
    if stall_page is not None:
        reading.read_stalls(*stall_page)
    if people_page is None and wish_page is None:
        reading.trouble("no_people")
        return Lists(None, {}, {}, tuple(reading.troubles), tuple(reading.notes))
    if people_page is not None:
        reading.read_people(*people_page, listed, wish_page is None)
    if wish_page is not None:
        reading.read_wishes(*wish_page, listed, people_page is not None)
    if stall_page is not None:
        reading.read_hosts(*stall_page)
    _check_columns(reading, [*pages, *stalls], asked)
    if rounds is not None:
        _check_rounds(reading, rounds)
    data = reading.data()
    order = {page.name: nth for nth, page in enumerate([*stalls, *pages])}
    troubles = sorted(reading.troubles, key=lambda one: (order.get(one.page, -1), one.row))
    return Lists(
        data,
        {one.id: one.name for one in reading.persons.values() if one.name},
        {one.id: one.title for one in reading.stands.values()},
        tuple(dict.fromkeys(troubles)),
        tuple(dict.fromkeys(reading.notes)),
    )


def _is_long(fields: Mapping[str, int]) -> bool:
    return has_people(fields) and fields.keys() >= {"stall", "interest"}


def _is_stalls(page: Page) -> Callable[[Mapping[str, int]], bool]:
    named = tidy(page.name) in _STALL_PAGES

    def needed(fields: Mapping[str, int]) -> bool:
        telling = {"title", "capacity", "minimum", "hosting"}
        return bool(fields.keys() & {"id", "title", "name"}) and (named or bool(fields.keys() & telling))

    return needed


def _check_columns(reading: _Reading, pages: Sequence[Page], asked: Asked) -> None:
    heads = {tidy(str(cell)) for page in pages for row in page.rows[:10] for cell in row if cell is not None}
    for head, name in asked.fields.items():
        if head not in heads:
            reading.trouble("no_column", column=head)
        elif name not in (*FIELDS, "-") and tidy(name) not in map(tidy, reading.stands):
            reading.trouble("bad_field", field=name, fields=", ".join(FIELDS))


def _check_rounds(reading: _Reading, rounds: int) -> None:
    for page, told in (
        (reading.people_page, [(one.row, one.rounds) for one in reading.persons.values()]),
        (reading.stalls_page, [(one.row, one.open) for one in reading.stands.values()]),
    ):
        for row, given in told:
            for number in given or ():
                if number > rounds:
                    text = reading.say("no_round", round=number, rounds=rounds)
                    reading.troubles.append(Trouble("malformed", text, page, row))
                    break
