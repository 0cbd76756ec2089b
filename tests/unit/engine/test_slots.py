"""Which cache a prompt continues."""

from hypothesis import given
from hypothesis import strategies as st

from fimble.engine.process.backends.slots import Slot, Slots, common_prefix


@given(st.lists(st.integers(0, 3), max_size=40), st.lists(st.integers(0, 3), max_size=40))
def test_the_common_prefix_is_what_a_plain_loop_finds(one: list[int], other: list[int]) -> None:
    expected = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        expected += 1
    assert common_prefix(one, other) == expected


def test_a_prompt_goes_on_in_the_slot_that_holds_most_of_it() -> None:
    slots = Slots(3)
    first = slots.choose([1, 2, 3, 4])
    first.tokens = [1, 2, 3, 4]
    second = slots.choose([9, 8, 7, 6])
    second.tokens = [9, 8, 7, 6]
    assert second is not first
    assert slots.choose([1, 2, 3, 4, 5]) is first
    assert slots.choose([9, 8, 7, 1]) is second


def test_a_short_common_head_does_not_cost_another_editor_its_cache() -> None:
    slots = Slots(2)
    first = slots.choose(list(range(100)))
    first.tokens = list(range(100))
    assert slots.choose([0, 1, 2, *range(500, 600)]) is not first


def test_the_slot_used_longest_ago_is_given_up() -> None:
    slots = Slots(2)
    for prompt in ([1] * 10, [2] * 10):
        slots.choose(prompt).tokens = prompt
    slots.choose([1] * 11)
    assert slots.choose([3] * 10).tokens == [2] * 10


def filled(slots: Slots, prompt: list[int], version_of: str, *, is_writing: bool) -> Slot:
    slot = slots.choose(prompt, version_of, is_writing=is_writing)
    slot.tokens = prompt
    return slot


HEAD = list(range(100))


def test_of_the_same_document_a_prompt_that_begins_alike_takes_the_place_of_an_older_one() -> None:
    slots = Slots(3)
    old = filled(slots, [*HEAD, *range(1000, 1300)], "a.py", is_writing=True)
    filled(slots, list(range(2000, 2100)), "a.py", is_writing=True)
    assert slots.choose([*HEAD, *range(3000, 3300)], "a.py", is_writing=False) is old


def test_another_document_that_begins_alike_keeps_its_place() -> None:
    slots = Slots(3)
    other = filled(slots, [*HEAD, *range(1000, 1300)], "b.py", is_writing=True)
    assert slots.choose([*HEAD, *range(3000, 3300)], "a.py") is not other
    nameless = filled(slots, [*HEAD, *range(1000, 1300)], "", is_writing=True)
    assert slots.choose([*HEAD, *range(4000, 4300)], "") is not nameless


def test_what_is_read_ahead_leaves_alone_what_text_is_written_from() -> None:
    slots = Slots(3)
    used = filled(slots, [*HEAD, *range(1000, 1300)], "a.py", is_writing=True)
    ahead = filled(slots, [*HEAD, *range(3000, 3300)], "a.py", is_writing=False)
    assert ahead is not used
    # Once text is written from there, the older one may go.
    assert slots.choose([*HEAD, *range(3000, 3301)], "a.py") is ahead
    assert slots.choose([*HEAD, *range(4000, 4300)], "a.py", is_writing=False) is used
