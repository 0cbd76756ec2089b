"""Reads what the editor sends: bytes become JSON, and JSON becomes the parameters of a method.

Small deviations from the specification that real editors have are mended here, so that they cost nobody a
reply; what cannot be mended raises, and `protocol` answers.
"""

import enum
import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import cattrs
from lsprotocol import converters, types
from pygls.exceptions import JsonRpcInvalidParams, JsonRpcParseError

# The largest number that a position may have in LSP; some editors send larger ones for "the end of the line".
_UINTEGER_MAX: Final = 2**31 - 1
_NESTING_MAX: Final = 32


def parse(body: bytes) -> object:
    """Returns the JSON value in `body`.

    Raises:
        JsonRpcParseError: it is not JSON in UTF-8, or nested too deeply.
    """
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        # The cause quotes the message, which may be the user's code.
        raise JsonRpcParseError("The message is not JSON in UTF-8.") from None


def make_converter() -> cattrs.Converter:
    """Returns a converter for LSP types to which an unknown enum value is a value like any other."""
    converter = converters.get_converter()
    # One by one, because cattrs would take LSP's enums for the int or str that they also are.
    for cls in vars(types).values():
        if isinstance(cls, enum.EnumMeta):
            converter.register_structure_hook(cls, _enum_from_lsp)
    return converter


def params_from_lsp(method: str, params: object, converter: cattrs.Converter) -> Any:
    """Returns the parameters of `method` as their LSP type; those of methods that LSP lacks stay JSON.

    Raises:
        JsonRpcInvalidParams: they do not fit the method.
    """
    if params is not None and not isinstance(params, dict | list):
        raise JsonRpcInvalidParams("Parameters must be an object.")
    params_type: Any = types.METHOD_TO_TYPES.get(method, (None, None, None))[2]
    # What `initialize` tells is read field by field, so that one odd field does not keep an editor out.
    if params_type is None or method == types.INITIALIZE:
        return params
    if not isinstance(params, dict):
        raise JsonRpcInvalidParams("Parameters must be an object.")
    try:
        return converter.structure(_mended(method, params), params_type)
    except Exception as error:  # noqa: BLE001 - cattrs lets through whatever a constructor or validator raises.
        # The cause quotes the parameters, which may be the user's code.
        raise JsonRpcInvalidParams(f"Invalid parameters ({type(error).__name__}).") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON.")


def _enum_from_lsp(value: object, cls: type[enum.Enum]) -> object:
    try:
        return cls(value)
    except ValueError:
        # A newer editor may know values that we do not; a value of another kind is an error all the same.
        kind = type(next(iter(cls)).value)
        if type(value) is kind:
            return value
        raise


def _mended(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    mended = {name: _clamped(value, 0) for name, value in params.items()}
    if method == types.TEXT_DOCUMENT_INLINE_COMPLETION:
        context = mended.get("context")
        mended["context"] = {**context} if isinstance(context, dict) else {}
        mended["context"]["triggerKind"] = _trigger_kind(mended["context"].get("triggerKind"))
    if method == types.TEXT_DOCUMENT_COMPLETION and not isinstance(mended.get("context"), dict):
        mended.pop("context", None)
    return mended


def _trigger_kind(kind: object) -> int:
    # vscode-languageclient 9 sends what VS Code counts: 0 for invoked, 1 for automatic. The 1 cannot be told
    # from LSP's own 1, the 0 can.
    if kind in (0, 1) and not isinstance(kind, bool):
        return types.InlineCompletionTriggerKind.Invoked.value
    return types.InlineCompletionTriggerKind.Automatic.value


def _clamped(value: Any, depth: int) -> Any:
    if depth > _NESTING_MAX:
        return value
    if isinstance(value, dict):
        return {
            name: min(each, _UINTEGER_MAX)
            if name in ("line", "character") and type(each) is int
            else _clamped(each, depth + 1)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_clamped(each, depth + 1) for each in value]
    return value
