"""Plain values as JSON, which neither side can be tricked with: no code and no classes cross the pipe.

Tuples, sets, large whole numbers and bytes keep their types; an object of a subclass arrives as what it derives from.
"""

import json
from typing import Any, Final

from fimble.bench.sandbox.pipes import FrameBroken

# Beyond this, a whole number is spelled in base 16: the interpreter refuses long decimal ones.
_INTEGER_MAX: Final = 2**63


class NotPlain(TypeError):
    """A value is, or holds, something else than plain data."""


def encode(value: object) -> bytes:
    """Returns the bytes of a plain value.

    Raises:
        NotPlain: it is not one.
        RecursionError: it is nested too deeply.
    """
    return json.dumps(_packed(value)).encode("utf-8", "surrogatepass")


def decode(words: bytes) -> Any:
    """Returns the value.

    Raises:
        FrameBroken: the bytes are not from `encode`.
    """
    try:
        return _unpacked(json.loads(words.decode("utf-8", "surrogatepass")))
    except (ValueError, TypeError, RecursionError, KeyError, IndexError) as error:
        raise FrameBroken(f"{type(error).__name__}: {error}") from error


def _packed(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value) if abs(value) < _INTEGER_MAX else {"i": hex(value)}
    if isinstance(value, float):
        return float(value)
    if isinstance(value, list):
        return [_packed(item) for item in value]
    if isinstance(value, dict):
        return {"d": [[_packed(key), _packed(item)] for key, item in value.items()]}
    for kind, tag in ((tuple, "t"), (set, "s"), (frozenset, "z")):
        if isinstance(value, kind):
            return {tag: [_packed(item) for item in value]}
    if isinstance(value, bytes):
        return {"b": value.hex()}
    if isinstance(value, complex):
        return {"c": [value.real, value.imag]}
    raise NotPlain(f"a value of type {type(value).__name__} is not plain data")


def _unpacked(packed: Any) -> Any:
    if isinstance(packed, list):
        return [_unpacked(item) for item in packed]
    if not isinstance(packed, dict):
        return packed
    ((tag, content),) = packed.items()
    match tag:
        case "d":
            return {_unpacked(key): _unpacked(item) for key, item in content}
        case "t":
            return tuple(_unpacked(item) for item in content)
        case "s":
            return {_unpacked(item) for item in content}
        case "z":
            return frozenset(_unpacked(item) for item in content)
        case "i":
            return int(content, 16)
        case "b":
            return bytes.fromhex(content)
        case "c":
            return complex(*content)
        case _:
            raise ValueError("an unknown tag")
