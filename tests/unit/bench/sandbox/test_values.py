import math

import pytest

from fimble.bench.sandbox.pipes import FrameBroken
from fimble.bench.sandbox.values import NotPlain, decode, encode


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -1, 2**200, -(2**63), 1.5, math.inf, "a\n\ud800", b"\x00\xff", 1 + 2j, [], (), {}, set(),
        frozenset({1}), [1, (2, [3])], {"a": {1: (2,)}}, {(1, 2): {3}}, {None: 1, 1.5: 2}, {"d": []}, {"t": [1]},
    ],
)  # fmt: skip
def test_a_plain_value_comes_back_with_its_type(value: object) -> None:
    back = decode(encode(value))
    assert back == value
    assert type(back) is type(value)


def test_true_is_not_one_and_a_list_is_no_tuple() -> None:
    assert repr(decode(encode([True, 1, 1.0, (1,), [1]]))) == "[True, 1, 1.0, (1,), [1]]"


def test_an_object_arrives_as_what_it_derives_from() -> None:
    class Numbers(list[int]):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    assert type(decode(encode(Numbers([1])))) is list


@pytest.mark.parametrize("value", [object(), len, range(3), iter([]), [object()], {1: object()}])
def test_what_is_not_plain_is_refused(value: object) -> None:
    with pytest.raises(NotPlain):
        encode(value)


@pytest.mark.parametrize(
    "words", [b"", b"{", b"\xff", b'{"x": 1}', b'{"t": 1}', b'{"s": [[1]]}', b'{"i": "z"}', b'{"a": 1, "b": 2}', b"{}"]
)
def test_words_that_are_no_value_are_refused(words: bytes) -> None:
    with pytest.raises(FrameBroken):
        decode(words)


def test_a_value_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(FrameBroken):
        decode(b"[" * 100_000)
    assert decode(b"[" * 50 + b"]" * 50) is not None
