"""What the desk looks up about a board."""

from ..contract.rehearsal import Rehearsal, Somebody
from . import messages, rules, work

ZONES = [
    {"key": "a", "role": "challenge", "title": "A", "at": [1, 1, 6, 8]},
    {"key": "b", "role": "obstacle", "title": "B", "at": [7, 1, 6, 8], "visible": "own"},
]


def board() -> Rehearsal:
    setup = {"board": {"key": "x", "title": "X", "zones": ZONES}}
    return Rehearsal(rules, messages, setup, people={"ada": Somebody("g")})


def note(n: int) -> str:
    return f"{n:016d}"


def test_notes_that_say_the_same_in_other_words_order_are_offered_and_others_are_not() -> None:
    room = board()
    for n, text in enumerate(["Orari delle biblioteche", "le biblioteche: orari", "Mancano i soldi", "..."]):
        room.phone("ada", "add_note", note=note(n), zone="a", text=text)
    assert [(one["a"], one["b"]) for one in work.similar(room.state)] == [(note(0), note(1))]


def test_notes_of_one_group_and_hidden_notes_are_not_offered() -> None:
    room = board()
    for n, zone in enumerate(["a", "a", "b", "b"]):
        room.phone("ada", "add_note", note=note(n), zone=zone, text="Orari delle biblioteche")
    assert len(work.similar(room.state)) == 1
    room.desk("make_group", group="g" * 16, notes=[note(0), note(1)])
    assert work.similar(room.state) == []


def test_what_a_restore_would_do_is_told_before_it_is_done() -> None:
    room = board()
    room.phone("ada", "add_note", note=note(0), zone="a", text="prima")
    room.desk("make_checkpoint", checkpoint="c")
    room.phone("ada", "add_note", note=note(1), zone="a", text="dopo")
    room.phone("ada", "delete_note", note=note(0))
    assert work.restoring(room.state, "c") == {"back": 1, "gone": 1, "changed": 0}
    assert work.restoring(room.state, "none") is None
