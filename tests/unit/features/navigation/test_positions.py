"""From bytes to the points of an editor."""

from hypothesis import given
from hypothesis import strategies as st

from fimble.features.navigation.places import Span
from fimble.features.navigation.positions import Positions, span_in_line
from fimble.workspace.text import Encoding, Text

TEXTS = st.text(alphabet="aé😀\n\r ", max_size=40)


@given(TEXTS, st.data(), st.sampled_from(tuple(Encoding)))
def test_points_are_those_of_the_workspaces_own_text(content: str, data: st.DataObject, encoding: Encoding) -> None:
    offset = data.draw(st.integers(0, len(content)))
    expected = Text.from_string(content).position(offset, encoding)
    if content[offset - 1 : offset + 1] == "\r\n":
        # A text never points between the two halves of a line end.
        return
    assert Positions(content.encode(), encoding).point(len(content[:offset].encode())) == expected


@given(TEXTS.filter(lambda line: "\n" not in line and "\r" not in line), st.data(), st.sampled_from(tuple(Encoding)))
def test_a_span_in_a_line_is_the_same_as_in_a_text(line: str, data: st.DataObject, encoding: Encoding) -> None:
    column = data.draw(st.integers(0, len(line)))
    length = data.draw(st.integers(0, len(line) - column))
    text = Text.from_string(line)
    expected = Span(text.position(column, encoding), text.position(column + length, encoding))
    assert span_in_line(0, line, column, length, encoding) == expected


def test_what_is_cut_off_a_line_counts_as_ascii() -> None:
    assert span_in_line(7, "😀", 5, 3, Encoding.UTF_16) == Span((7, 6), (7, 9))


def test_bytes_that_are_not_utf_8_have_places_too() -> None:
    assert Positions(b"\xff\xfe = x\ny", Encoding.UTF_16).point(5) == (0, 5)
    assert Positions(b"\xff", Encoding.UTF_16).point(99) == (0, 1)
