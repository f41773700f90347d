"""A layered mapping is a dict to whoever reads it, and earlier ones never learn of later changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from .layered import RECENT, Layered

CHANGES = st.lists(
    st.tuples(st.sampled_from(["having", "without"]), st.integers(0, 3 * RECENT), st.integers()), max_size=6 * RECENT
)


@given(CHANGES)
def test_any_changes_leave_what_a_dict_would_hold_and_no_earlier_state_learns_of_them(
    changes: list[tuple[str, int, int]],
) -> None:
    layered: Layered[int, int] = Layered()
    known: dict[int, int] = {}
    before = []
    for how, key, value in changes:
        before.append((layered, dict(known)))
        if how == "having":
            layered, known[key] = layered.having(key, value), value
        else:
            layered = layered.without(key)
            known.pop(key, None)
        assert len(layered) == len(known)
        assert layered.get(key) == known.get(key)
        assert (key in layered) == (key in known)
    before.append((layered, known))
    for one, then in before:
        assert list(one.items()) == list(then.items())
        assert (list(one), list(one.values()), len(one)) == (list(then), list(then.values()), len(then))
        assert one == then


def test_a_key_that_is_not_there_is_a_key_error_and_the_base_is_shared() -> None:
    layered = Layered({n: n for n in range(1_000)})
    try:
        layered[-1]
    except KeyError:
        pass
    else:
        raise AssertionError("found what is not there")
    assert layered.having(1, 5)._base is layered._base
