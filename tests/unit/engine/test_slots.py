"""Which cache a prompt continues."""

from hypothesis import given
from hypothesis import strategies as st

from fimble.engine.process.backends.slots import Slots, common_prefix


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
