"""Somebody types on a clock that jumps; the systems' latencies are scripted, so that each figure is exact."""

import pytest

from fimble.bench.replay.keys import Buffer, Key, Segment
from fimble.bench.replay.metrics import Figures, delays_s, figures, usable_gaps
from fimble.bench.replay.oracle import Oracle, oracle_timelines
from fimble.bench.replay.screen import Shown
from fimble.bench.replay.system import Costs, Traffic
from fimble.bench.replay.typist import Timeline, accepted_length, first_line, type_segment
from tests.unit.bench.replay.replay_fakes import ScriptedSystem, in_virtual_time, segment

GOLD = "value = total + 1"


def row(*timelines: Timeline) -> Figures:
    return figures(timelines, Costs(), Traffic())


def test_without_a_suggestion_every_key_is_typed_at_its_time() -> None:
    typed = in_virtual_time(type_segment(ScriptedSystem(lambda _: None), segment("abc", gap_s=0.2), settle_s=1.0))
    assert [(press.text, round(press.at_s, 6)) for press in typed.presses] == [("a", 1.2), ("b", 1.4), ("c", 1.6)]
    found = row(typed)
    assert (found.keys, found.asked, found.within_500ms, found.usable_rate) == (3, 2, 0, 0)
    assert (found.keystrokes_saved, found.wrong_per_100, found.shown) == (0, 0, 0)


def test_a_slower_typist_takes_longer_between_the_keys() -> None:
    typed = in_virtual_time(type_segment(ScriptedSystem(lambda _: None), segment("abc", gap_s=0.2), speed=0.25))
    assert [round(press.at_s, 6) for press in typed.presses] == [0.8, 1.6, 2.4]


def test_a_system_that_is_always_wrong_saves_nothing_and_disturbs() -> None:
    system = ScriptedSystem(lambda _: (0.05, "XYZ"))
    found = row(in_virtual_time(type_segment(system, segment("abcde", gap_s=0.3))))
    assert (found.within_100ms, found.usable_rate, found.keystrokes_saved) == (1, 0, 0)
    # Four keys ask, and each of the four suggestions has three wrong characters.
    assert found.wrong_per_100 == pytest.approx(4 * 3 / 5 * 100)


def test_an_answer_that_comes_after_the_next_key_never_comes() -> None:
    found = row(in_virtual_time(type_segment(ScriptedSystem(lambda _: (0.3, "XYZ")), segment("abcde", gap_s=0.2))))
    assert (found.shown, found.within_500ms) == (0, 0)


def test_an_answer_is_on_the_screen_after_its_latency() -> None:
    system = ScriptedSystem(lambda buffer: (0.2, GOLD[len(buffer.before) :]))
    typed = in_virtual_time(type_segment(system, segment(GOLD, gap_s=0.5), accepts=False))
    # The first answer is typed along, so that the later keys find it on the screen.
    assert delays_s(typed)[:3] == [pytest.approx(0.2), 0.0, 0.0]
    found = row(typed)
    assert (found.within_100ms, found.within_250ms, found.usable_rate) == (15 / 16, 1, 1)


def test_a_right_suggestion_is_accepted_instead_of_the_next_key() -> None:
    system = ScriptedSystem(lambda buffer: (0.1, GOLD[len(buffer.before) :]))
    typed = in_virtual_time(type_segment(system, segment(GOLD, gap_s=0.3)))
    assert [(press.text, press.is_accept) for press in typed.presses] == [("v", False), (GOLD[1:], True)]
    found = row(typed)
    assert (found.keys, found.keys_without, found.keystrokes_saved) == (2, 17, 1 - 2 / 17)


def test_a_suggestion_is_read_across_keys_that_it_is_typed_along() -> None:
    """With 0.1 s between the keys nothing is usable in one gap, but after two the suggestion has been read."""
    system = ScriptedSystem(lambda buffer: (0.0, GOLD[len(buffer.before) :]))
    typed = in_virtual_time(type_segment(system, segment(GOLD, gap_s=0.1)))
    assert [press.text for press in typed.presses] == ["v", "a", GOLD[2:]]
    assert row(typed).usable_rate == 0


def test_gaps_that_an_acceptance_spares_count_as_usable_where_they_are_long_enough() -> None:
    keys = tuple(Key(sign, 0.1 if sign == "e" else 0.3) for sign in "abcdefgh")
    typed_keys = Segment(buffer=Buffer("a.py", "", ""), keys=keys, is_end_known=True)
    system = ScriptedSystem(lambda buffer: (0.05, "bcdef") if buffer.before == "a" else None)
    typed = in_virtual_time(type_segment(system, typed_keys))
    assert [press.text for press in typed.presses] == ["a", "bcdef", "g", "h"]
    # Before b, c, d, and e, which comes too soon; then before f, with one character of it left, and g and h without.
    assert usable_gaps(typed, is_as_typed=True) == [True, True, True, False, False, False, False]
    assert usable_gaps(typed) == [True, False, False]


def test_the_first_line_is_accepted_where_the_second_is_wrong() -> None:
    gold = "abcd\nefgh"
    system = ScriptedSystem(lambda buffer: (0.1, "bcd\nwrong") if buffer.before == "a" else None)
    typed = in_virtual_time(type_segment(system, segment(gold, gap_s=0.3)))
    assert [press.text for press in typed.presses][:3] == ["a", "bcd", "\n"]
    assert system.accepted_texts == [("bcd", "item", 3, False)]


def test_accepting_after_typing_along_tells_how_much_of_the_suggestion_there_is() -> None:
    system = ScriptedSystem(lambda buffer: (0.05, "bcdef") if buffer.before == "a" else None)
    in_virtual_time(type_segment(system, segment("abcdefg", gap_s=0.1)))
    assert system.accepted_texts == [("cdef", "item", 5, True)]


def test_an_editor_s_chunk_is_one_key_also_when_its_beginning_was_accepted() -> None:
    keys = (Key("a", 0.3), Key("b", 0.3), Key("c", 0.3), Key("\n    ", 0.3), Key("d", 0.3))
    typed_keys = Segment(buffer=Buffer("a.py", "", ""), keys=keys, is_end_known=True)
    system = ScriptedSystem(lambda buffer: (0.1, "bc\n  ") if buffer.before == "a" else None)
    typed = in_virtual_time(type_segment(system, typed_keys))
    assert [press.text for press in typed.presses] == ["a", "bc\n  ", "  ", "d"]


def test_the_oracle_makes_every_long_gap_usable() -> None:
    keys = tuple(Key(sign, 0.3 if number % 2 else 0.1) for number, sign in enumerate("abcdefghi"))
    typed_keys = Segment(buffer=Buffer("a.py", "", ""), keys=keys, is_end_known=True)
    (typed,) = oracle_timelines([typed_keys], speed=1, accepts=False)
    found = row(typed)
    assert (found.within_100ms, found.usable_rate, found.wrong_per_100) == (1, 0.5, 0)


def test_the_oracle_costs_a_key_and_an_acceptance_per_line() -> None:
    typed = in_virtual_time(type_segment(Oracle("abcd\nefgh"), segment("abcd\nefgh", gap_s=0.3)))
    assert [press.text for press in typed.presses] == ["a", "bcd", "\nefgh"]


def test_first_line_keeps_the_line_end_that_it_begins_with() -> None:
    assert [first_line(text) for text in ("ab\ncd", "\n  ab\ncd", "ab", "\r\nab\r\ncd")] == [
        "ab",
        "\n  ab",
        "ab",
        "\r\nab",
    ]


@pytest.mark.parametrize(
    ("text", "since_s", "length"),
    [
        ("bcd", 0.0, 3),
        ("bcd", 0.1, 0),  # Not read yet.
        ("bc", 0.0, 0),  # Saves one character only.
        ("bcX", 0.0, 0),
        ("bcdef and more", 0.0, 0),
    ],
)
def test_what_is_accepted(text: str, since_s: float, length: int) -> None:
    assert accepted_length(Shown(0, text, since_s, 0), "bcdef", 0.2) == length


def test_nothing_is_accepted_from_an_empty_screen() -> None:
    assert accepted_length(None, "bcdef", 0.2) == 0
