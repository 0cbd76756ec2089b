"""What counts as one suggestion, and how much of it was accepted."""

from fimble.features.acceptance.feedback import Trigger
from fimble.features.acceptance.sight import Ending, Sight
from fimble.features.completion.suggestion import Explanation

from .samples import query, suggestion


def sight(text: str, document: str = "x = $0\n", **changes: object) -> Sight:
    asked = query(document)
    made = suggestion(text, asked.offset, **changes)
    return Sight("s1", asked, made, Trigger.AUTOMATIC, key=7, now_s=10.0, time_s=1_000_000.0)


def typed(document: str) -> tuple[object, int]:
    asked = query(document)
    return asked.snapshot.text, asked.offset


def test_typing_along_is_the_same_sight() -> None:
    seen = sight("print(a)")
    assert seen.follow(*typed("x = pri$0\n"))
    assert seen.follow(*typed("x = pr$0\n"))
    assert seen.follow(*typed("x = $0\n"))
    assert seen.row().typed_characters == 3


def test_typing_something_else_is_not() -> None:
    seen = sight("print(a)")
    for document in ("x = pra$0\n", "x =$0\n", "y = $0\n", "x = $0\n\n", "x = p$0 \n", "$0x = \n", "x =  $0\n"):
        assert not seen.follow(*typed(document)), document


def test_letters_that_stand_behind_the_cursor_too_are_typed_along() -> None:
    seen = sight("aab", "x = $0aa\n")
    assert seen.follow(*typed("x = a$0aa\n"))
    assert seen.follow(*typed("x = aa$0aa\n"))
    assert not seen.follow(*typed("x = aaa$0\n"))


def test_the_rest_of_a_suggestion_joins_it() -> None:
    seen = sight("print(a)")
    rest = query("x = pri$0\n")
    assert seen.join("s2", rest, suggestion("nt(a)", 7))
    assert seen.join("s3", rest, suggestion("nt(a)\nprint(b)", 7))
    assert not seen.join("s4", rest, suggestion("vate", 7))
    assert seen.text == "print(a)\nprint(b)"


def test_a_whole_accept_counts_what_was_not_typed() -> None:
    seen = sight("print(a)")
    seen.join("s2", query("x = pri$0\n"), suggestion("nt(a)", 7))
    assert seen.accept("s2", 5)
    row = seen.row()
    assert (row.accepted_characters, row.accepts, row.is_whole, row.typed_characters) == (5, 1, True, 3)
    assert (seen.accepted_text, seen.accepted_start) == ("nt(a)", 7)


def test_the_same_news_twice_counts_once() -> None:
    seen = sight("print(a)")
    assert seen.accept("s1", 8)
    assert not seen.accept("s1", 8)
    assert (seen.row().accepted_characters, seen.row().accepts) == (8, 1)


def test_words_and_then_the_whole_count_once() -> None:
    """A partial accept tells its length from the start of the item (protocol notes, 1b)."""
    seen = sight("return first + second")
    assert seen.accept("s1", 7)
    assert not seen.is_whole
    assert seen.accept("s1", 13)
    assert seen.accept("s1", 21)
    row = seen.row()
    assert (row.accepted_characters, row.accepts, row.is_whole) == (21, 3, True)


def test_the_question_after_a_partial_accept_may_come_before_its_news() -> None:
    seen = sight("return first")
    assert seen.join("s2", query("x = return $0\n"), suggestion("first", 11))
    assert seen.accept("s1", 7)
    row = seen.row()
    assert (row.accepted_characters, row.typed_characters) == (7, 0)
    assert seen.accept("s2", 5)
    assert (seen.row().accepted_characters, seen.row().is_whole) == (12, True)


def test_a_chosen_alternative_takes_the_place_of_the_first_text() -> None:
    seen = sight("print(a)")
    seen.follow(*typed("x = p$0\n"))
    seen.add_alternative("s2", suggestion("arse(first)", 5))
    assert seen.row().characters == 8
    assert seen.accept("s2", 11)
    row = seen.row()
    assert (row.characters, row.accepted_characters, row.is_whole) == (12, 11, True)
    assert (seen.accepted_text, seen.accepted_start) == ("arse(first)", 5)
    assert not seen.accept("s2", 11)


def test_a_length_past_the_end_means_the_end() -> None:
    seen = sight("ab")
    assert seen.accept("s1", 500)
    assert seen.row().accepted_characters == 2
    assert not seen.accept("s1", 0)


def test_the_first_reason_for_the_end_counts() -> None:
    seen = sight("ab")
    seen.end(Ending.TYPED_OVER, 11.5)
    seen.end(Ending.LEFT, 99.0)
    row = seen.row()
    assert (row.ending, row.seen_ms) == ("typed-over", 1500.0)


def test_time_counts_from_when_the_editor_shows_it() -> None:
    seen = sight("ab")
    seen.show(11.0)
    seen.show(11.4)
    seen.end(Ending.TYPED_OVER, 11.5)
    assert (seen.row().seen_ms, seen.row().is_confirmed) == (500.0, True)


def test_who_types_half_of_it_wanted_it() -> None:
    seen = sight("print(a)")
    seen.follow(*typed("x = pri$0\n"))
    assert not seen.row().is_wanted
    seen.follow(*typed("x = prin$0\n"))
    assert seen.row().is_wanted


def test_the_row_says_what_is_known_of_the_suggestion() -> None:
    made = Explanation(filters=("covered", "aligned"), expected_wrong_characters=0.4, mean_log_probability=-0.1)
    seen = sight(
        "a\nb", latency_ms=12.5, prompt_tokens=100, cached_tokens=90, stop_reason="statement-end", explanation=made
    )
    row = seen.row()
    assert (row.characters, row.lines, row.latency_ms, row.prompt_tokens, row.cached_tokens) == (3, 2, 12.5, 100, 90)
    assert (row.expected_wrong, row.mean_log_probability) == (0.4, -0.1)
    assert row.rules == "covered,aligned,statement-end"
    assert (row.language, row.model, row.trigger) == ("python", "small", "automatic")


def test_names_that_are_none_of_ours_are_left_out() -> None:
    asked = query("x = $0\n")
    made = suggestion("ab", stop_reason="secret = 5")
    seen = Sight("s1", asked, made, Trigger.MANUAL, key=7, now_s=0.0, time_s=0.0)
    assert seen.row().rules == "other"
