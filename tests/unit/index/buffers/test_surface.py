"""What others see of a file changes its surface, and nothing else does."""

import pytest

from fimble.index.buffers.surface import surface_hash
from fimble.index.extraction import extract
from fimble.index.languages import grammar_of, language_named

SHOP = '''\
import json


class Order:
    """What somebody ordered."""

    limit = 3

    def __init__(self, number):
        self.number = number

    def total(self, tax=1):
        def price(line):
            return 1

        return price(2)


def post(address):
    import logging

    return address
'''


def surface(source: str) -> bytes:
    language = language_named("python")
    assert language is not None
    grammar = grammar_of(language)
    assert grammar is not None
    return surface_hash(extract(grammar, source.encode()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return price(2)", "value = 3\n        return price(value)"),
        ("return 1", "return (1 +"),
        ("price", "cost"),
        ("import logging", "import logging, math"),
        ("import json\n", "# A comment.\nimport json\n\n\n"),
        ("What somebody ordered.", "Something else."),
        ("\n", "\r\n"),
    ],
)
def test_what_is_inside_of_functions_and_where_things_are_does_not_count(old: str, new: str) -> None:
    assert old in SHOP
    assert surface(SHOP.replace(old, new)) == surface(SHOP)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def total", "def sum"),
        ("tax=1", "tax=2"),
        ("class Order:", "class Order(dict):"),
        ("limit = 3", "limit = 4"),
        ("import json", "import tomllib"),
        ("import json", "import json as j"),
        ("def post(address):", "class Post:\n  def post(address):"),
        ("    limit = 3\n", ""),
        ("\ndef post", "\nasync def post"),
    ],
)
def test_names_kinds_nesting_signatures_and_imports_count(old: str, new: str) -> None:
    assert old in SHOP
    assert surface(SHOP.replace(old, new)) != surface(SHOP)


def test_the_language_counts() -> None:
    python, ruby = language_named("python"), language_named("ruby")
    assert python is not None
    assert ruby is not None
    grammars = [grammar_of(python), grammar_of(ruby)]
    assert len({surface_hash(extract(grammar, b"")) for grammar in grammars if grammar is not None}) == 2
