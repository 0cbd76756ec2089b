"""Text against an independent model that splits and counts everything anew at each step."""

import os
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fimble.errors import PositionInvalid
from fimble.workspace.text import Encoding, Text

# 100,000 edits by themselves take a minute; the full number runs where FIMBLE_TEST_EDITS says so.
EDITS = int(os.environ.get("FIMBLE_TEST_EDITS", "9000"))
EDITS_PER_EXAMPLE = 30
PIECES = ["a", "b", " ", "\n", "\r", "\r\n", "\u2028", "\x0c", "\x85", "é", "漢", "😀", "x" * 40, "ab\ncd\r\n"]


class Reference:
    """The same operations, written for plainness: a list of characters walked one by one."""

    def __init__(self, content: str) -> None:
        self.content = content

    def lines(self) -> list[tuple[int, str]]:
        found, start, index, text = [], 0, 0, self.content
        while index < len(text):
            if text[index] == "\n" or (text[index] == "\r" and text[index + 1 : index + 2] != "\n"):
                found.append((start, text[start:index].removesuffix("\r")))
                start = index + 1
            index += 1
        return [*found, (start, text[start:])]

    def offset(self, line: int, character: int, encoding: Encoding) -> int:
        lines = self.lines()
        if line >= len(lines):
            return len(self.content)
        start, text = lines[line]
        units = 0
        for index, letter in enumerate(text):
            units += width(letter, encoding)
            if units > character:
                return start + index
        return start + len(text)

    def position(self, offset: int, encoding: Encoding) -> tuple[int, int]:
        offset = min(offset, len(self.content))
        number, (start, text) = [(number, line) for number, line in enumerate(self.lines()) if line[0] <= offset][-1]
        return number, sum(width(letter, encoding) for letter in text[: offset - start])

    def replace(self, start: int, end: int, new: str) -> None:
        self.content = self.content[:start] + new + self.content[end:]


def width(letter: str, encoding: Encoding) -> int:
    code = ord(letter)
    if encoding is Encoding.UTF_8:
        return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
    return 2 if encoding is Encoding.UTF_16 and code > 0xFFFF else 1


def assert_same(text: Text, reference: Reference) -> None:
    lines = reference.lines()
    assert text.content == reference.content
    assert text.line_count == len(lines)
    assert [(text.line_start(number), text.line(number)) for number in range(len(lines))] == lines
    assert text.size_bytes == len(reference.content.encode())


def run_edits(seed: int, encoding: Encoding) -> None:
    chance = random.Random(seed)
    # Some documents span several of the blocks in which a text is kept.
    size = chance.choice([0, 3, 40, 400])
    scale = chance.choice([1, 1, 1, 60])
    content = "".join(chance.choice(PIECES) * scale for _ in range(size))
    text, reference = Text.from_string(content), Reference(content)
    for _ in range(EDITS_PER_EXAMPLE):
        line = chance.randrange(0, text.line_count + 2)
        places = sorted(
            [
                (line, chance.randrange(0, 60)),
                (line + chance.choice([0, 0, 0, 1, 5]), chance.randrange(0, 60)),
            ]
        )
        start, end = (text.offset(*place, encoding) for place in places)
        assert [start, end] == [reference.offset(*place, encoding) for place in places]
        assert text.position(start, encoding) == reference.position(start, encoding)
        new = "".join(chance.choice(PIECES) for _ in range(chance.choice([0, 0, 1, 1, 1, 9])))
        text = text.replace(start, end, new)
        reference.replace(start, end, new)
        # Also places that no position can name: between \r and \n.
        start = chance.randrange(0, len(text) + 1)
        end = min(len(text), start + chance.choice([0, 1, 2, 50]))
        new = chance.choice(PIECES)
        text = text.replace(start, end, new)
        reference.replace(start, end, new)
        assert text.slice(start, end) == reference.content[start:end]
        if scale == 1:
            assert_same(text, reference)
    assert_same(text, reference)


@pytest.mark.parametrize("encoding", Encoding)
def test_random_edits_equal_the_reference_at_each_step(encoding: Encoding) -> None:
    @settings(max_examples=max(EDITS // (2 * EDITS_PER_EXAMPLE * 3), 1), deadline=None, database=None)
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        run_edits(seed, encoding)

    check()


@given(st.text(st.sampled_from("a\n\r\u2028é😀\ud800"), max_size=30), st.integers(0, 40))
def test_a_position_leads_back_to_its_offset(content: str, offset: int) -> None:
    text = Text.from_string(content)
    for encoding in Encoding:
        found = text.offset(*text.position(offset, encoding), encoding)
        expected = min(offset, len(content))
        # No position names the place between \r and \n; it is taken for the line's end.
        is_inside = text.content[expected - 1 : expected + 1] == "\r\n"
        assert found == expected - is_inside


@given(st.text(st.sampled_from("a\n\r\u2028é漢😀"), max_size=30), st.integers(0, 40))
def test_bytes_before_an_offset_are_those_of_the_encoded_text(content: str, offset: int) -> None:
    assert Text.from_string(content).byte_offset(offset) == len(content[:offset].encode())


def test_bytes_are_counted_across_blocks() -> None:
    text = Text.from_string("é = 1\n" * 20_000 + "a = 1\n" * 20_000)
    assert [text.byte_offset(offset) for offset in (0, 1, 119_999, 120_000, 120_001, 240_000)] == [
        0,
        2,
        139_999,
        140_000,
        140_001,
        260_000,
    ]


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_a_difference_is_what_turns_the_older_text_into_the_newer(seed: int) -> None:
    chance = random.Random(seed)
    # Long enough for several blocks, some of which the texts share.
    older = Text.from_string("".join(chance.choice(PIECES) for _ in range(chance.choice([0, 5, 9_000]))))
    newer = older
    for _ in range(chance.choice([0, 1, 1, 3])):
        start = chance.randrange(0, len(newer) + 1)
        new = "".join(chance.choice(PIECES) for _ in range(chance.choice([0, 1, 9])))
        newer = newer.replace(start, start + chance.choice([0, 1, 5_000]), new)
    start, end, newer_end = older.difference(newer)
    assert 0 <= start <= min(end, newer_end)
    assert older.replace(start, end, newer.slice(start, newer_end)).content == newer.content
    assert (start == end == newer_end == len(older)) == (older.content == newer.content)


def test_a_difference_is_as_small_as_can_be() -> None:
    older = Text.from_string("a = 1\nb = 2\n" * 30_000)
    newer = older.replace(180_005, 180_006, "22")
    assert older.difference(newer) == (180_005, 180_006, 180_007)
    assert older.difference(Text.from_string(newer.content)) == (180_005, 180_006, 180_007)


def test_only_newline_and_carriage_return_end_lines() -> None:
    text = Text.from_string("a = 1\n\x0cb = 2\u2028\x85\x0b\r\nc\rd")
    assert [text.line(number) for number in range(text.line_count)] == [
        "a = 1",
        "\x0cb = 2\u2028\x85\x0b",
        "c",
        "d",
    ]


def test_an_empty_line_follows_a_final_line_end() -> None:
    assert Text.from_string("a\n").line_count == 2
    assert Text.from_string("").line_count == 1


@pytest.mark.parametrize(
    ("line", "character", "expected"),
    [(0, 99, 3), (9, 0, 3), (0, 4, 3), (0, 3, 3)],
)
def test_places_past_the_end_are_clamped(line: int, character: int, expected: int) -> None:
    for encoding in Encoding:
        assert Text.from_string("abc").offset(line, character, encoding) == expected


def test_a_character_past_the_line_end_stays_before_the_line_end() -> None:
    assert Text.from_string("ab\r\ncd").offset(0, 5, Encoding.UTF_16) == 2


@pytest.mark.parametrize(
    ("encoding", "character", "expected"),
    [
        (Encoding.UTF_16, 2, 1),
        (Encoding.UTF_16, 3, 2),
        (Encoding.UTF_8, 2, 1),
        (Encoding.UTF_8, 4, 1),
        (Encoding.UTF_8, 5, 2),
        (Encoding.UTF_32, 2, 2),
    ],
)
def test_a_place_inside_of_a_character_is_its_start(encoding: Encoding, character: int, expected: int) -> None:
    assert Text.from_string("a😀b").offset(0, character, encoding) == expected


@pytest.mark.parametrize("place", [(-1, 0), (0, -1), (0.0, 1), (0, None), (True, 0), ("0", 0)])
def test_places_that_are_no_natural_numbers_are_refused(place: tuple[int, int]) -> None:
    with pytest.raises(PositionInvalid):
        Text.from_string("abc").offset(*place, Encoding.UTF_16)


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(PositionInvalid):
        Text.from_string("abc").replace(2, 1, "")


def test_a_carriage_return_and_a_newline_join_and_part_again() -> None:
    text = Text.from_string("a\rb")
    joined = text.replace(2, 3, "\n")
    assert (joined.content, joined.line_count) == ("a\r\n", 2)
    parted = joined.replace(2, 2, "x")
    assert [parted.line(number) for number in range(parted.line_count)] == ["a", "x", ""]


def test_lone_surrogates_become_replacement_characters_of_the_same_width() -> None:
    text = Text.from_string("a\ud83db").replace(3, 3, "\ude00")
    assert text.content == "a\ufffdb\ufffd"
    assert text.offset(0, 3, Encoding.UTF_16) == 3
    text.content.encode("utf-8")


def test_an_edit_leaves_the_old_text_as_it_was() -> None:
    old = Text.from_string("a\nb\n" * 10_000)
    new = old.replace(20_000, 20_001, "changed")
    assert old.content == "a\nb\n" * 10_000
    assert new.line_count == old.line_count


def test_a_text_shows_no_content_when_printed() -> None:
    assert repr(Text.from_string("secret\nx")) == "Text(8 characters, 2 lines)"


def test_a_keystroke_in_fifty_thousand_lines_is_fast() -> None:
    text = Text.from_string(
        "".join(f"    value_{number} = compute(argument_{number}, other)  # é\n" for number in range(50_000))
    )
    count = 200
    start_s = time.perf_counter()
    for number in range(count):
        offset = text.offset(25_000, 8 + number % 10, Encoding.UTF_16)
        text = text.replace(offset, offset, "x")
    per_change_ms = (time.perf_counter() - start_s) / count * 1000
    # About 0.1 ms on an idle machine; the stock document of pygls takes 7 ms.
    assert per_change_ms < 3
