"""Attributes that the index knows to be lacking."""

import pytest

from fimble.features.completion.filters.names import knowing
from tests.unit.features.completion.holes import around

KNOWN = {("self", "load"): True, ("self", "lod"): False, ("store", "open"): True, ("store", "opne"): False}


def is_known(owner: str, attribute: str) -> bool | None:
    return KNOWN.get((owner, attribute))


@pytest.mark.parametrize(
    ("document", "text", "shown"),
    [
        ("$0\n", "self.load()", "self.load()"),
        ("$0\n", "self.lod()", ""),
        ("self.$0\n", "lod()", ""),
        ("self.lo$0\n", "d()", ""),
        ("self.$0\n", "load()", "load()"),
        ("$0\n", "x = 1\nself.lod()", "x = 1"),
        ("$0\n", "x = store.open(store.opne)", ""),
        ("$0\n", "other.thing()", "other.thing()"),
        ("$0\n", "self.lod = 1", "self.lod = 1"),
        ("$0\n", "self.lod: int = 1", "self.lod: int = 1"),
        ("$0\n", "x = self.lod == 1", ""),
        ("$0\n", "'self.lod'", "'self.lod'"),
        ("self.lod($0\n", "1)", "1)"),
        ("$0\n", "a.self.lod()", "a.self.lod()"),
    ],
)
def test_a_text_ends_before_a_name_that_does_not_exist(document: str, text: str, shown: str) -> None:
    assert knowing(text, around(document), is_known) == shown
