"""How much of an accepted text is still there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fimble.features.acceptance.kept import Span, kept_share, moved
from fimble.workspace.text import Text

CODE = st.text(alphabet="ab_1 .(),=\n\té😀", max_size=60)


@given(CODE, CODE, CODE)
def test_a_share_is_between_nothing_and_all(accepted: str, region: str, around: str) -> None:
    assert 0.0 <= kept_share(accepted, region, around) <= 1.0


@given(CODE, CODE, CODE)
def test_an_unchanged_text_is_kept_whole(accepted: str, before: str, after: str) -> None:
    assert kept_share(accepted, accepted) == 1.0
    assert kept_share(accepted, before + accepted + after) == 1.0


@given(CODE)
def test_nothing_is_kept_of_words_that_are_gone(accepted: str) -> None:
    has_signs = bool(accepted.strip())
    assert kept_share(accepted, "") == (0.0 if has_signs else 1.0)


@pytest.mark.parametrize(
    ("accepted", "region", "share"),
    [
        ("total = first + second", "total = first + third", 12 / 18),  # `second` has 6 of 18 characters.
        ("return a", "    return  a", 1.0),  # White space does not count.
        ("f(a)", "g()", 0.0),  # Brackets alone are everywhere.
        ("f(a)", "f(b)", 2 / 4),
        ("):", ")", 1 / 2),  # There is nothing else to go by.
        ("one\ntwo\nthree", "one\nthree", 8 / 11),
        ("one two", "two one", 3 / 6),  # Only what is left in its order.
    ],
)
def test_words_count_in_their_order_and_signs_next_to_them(accepted: str, region: str, share: float) -> None:
    assert kept_share(accepted, region) == pytest.approx(share)


def test_a_text_that_was_moved_nearby_is_kept() -> None:
    assert kept_share("total = first", "", around="x\ntotal = first\n") == 1.0
    assert kept_share("total = first", "", around="x\ntotal = second\n") == 0.0


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("x[abc]y", "xx[abc]y", "abc"),
        ("[abc]y", "z[abc]y", "abc"),
        ("[abc]y", "[abc]zy", "abc"),
        ("x[abc]y", "x[a--c]y", "a--c"),
        ("x[abc]y", "x[]y", ""),
        ("x[abc]y", "x[new]z", "newz"),
        ("xq[abc]y", "xZbc]y", "Zbc"),
        ("x[abc]y", "x[abc]y", "abc"),
    ],
)
def test_a_piece_moves_with_the_text_around_it(old: str, new: str, expected: str) -> None:
    """The brackets show the piece in the old text, and are left out."""
    start = old.index("[")
    end = old.index("]") - 1
    before, after = (text.replace("[", "").replace("]", "") for text in (old, new))
    span = moved(Span(start, end), Text(before).difference(Text(after)))
    assert after[span.start : span.end] == expected


@given(CODE, CODE, CODE, CODE, st.data())
def test_an_edit_elsewhere_leaves_the_piece_alone(
    before: str, piece: str, after: str, inserted: str, data: st.DataObject
) -> None:
    old = before + piece + after
    span = Span(len(before), len(before) + len(piece))
    is_before = data.draw(st.booleans())
    low, high = (0, len(before)) if is_before else (span.end, len(old))
    start = data.draw(st.integers(low, high))
    end = data.draw(st.integers(start, high))
    new = old[:start] + inserted + old[end:]
    now = moved(span, Text(old).difference(Text(new)))
    # Where what was inserted repeats the text, it is not known which of both is new; the piece is in there anyway.
    assert kept_share(piece, new[now.start : now.end], new) == 1.0
    assert 0 <= now.start <= now.end <= len(new)
