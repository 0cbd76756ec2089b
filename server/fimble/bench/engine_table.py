"""The figures of `fimble bench engine` as a table: a line per figure, a column per model."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from fimble.models.memory import human

_LABEL: Final = 34
_COLUMN: Final = 26
_UNKNOWN: Final = "-"

_Figures: TypeAlias = dict[str, Any]
_Line: TypeAlias = tuple[str, list[str]]


def engine_table(result: _Figures) -> Iterator[str]:
    """Yields the lines for what `measure` or `measure_models` returned."""
    models: list[_Figures] = result["models"]
    rows = [[row for row in result["rows"] if row["model"] == model["model"]] for model in models]
    for label, cells in [*_about(models), *_by_length(rows), *_typing(models), *_device(models)]:
        yield f"{label:{_LABEL}}" + "".join(f"{cell:{_COLUMN}}" for cell in cells).rstrip()
    for model in models:
        if model["error"]:
            yield f"{model['model']}: {model['error']}"


def _about(models: Sequence[_Figures]) -> Iterator[_Line]:
    yield "", [_short(model["model"]) for model in models]
    yield "backend", [model["backend"] or _UNKNOWN for model in models]
    yield "weights", ["SYNTHETIC (random)" if model["synthetic"] else "real" for model in models]
    yield "loaded in", [f"{model['load_s']:.1f} s" for model in models]


def _by_length(rows: Sequence[Sequence[_Figures]]) -> Iterator[_Line]:
    for number in range(max(map(len, rows), default=0)):
        cells = [found[number] if number < len(found) else None for found in rows]
        first = next(row for row in cells if row is not None)
        beside = f", {first['busy']} busy" if first["busy"] else ""
        start = f"{first['context']:,} tokens{beside}: "

        def told(tell: Callable[[_Figures], str], cells: Sequence[_Figures | None] = cells) -> list[str]:
            return [_UNKNOWN if row is None else tell(row) for row in cells]

        yield f"{start}read", told(lambda row: f"{row['prefill_tps']:,.0f}/s")
        yield f"{start}write", told(lambda row: f"{row['decode_tps']:,.1f}/s")
        if any(row is not None and row["bound_share"] is not None for row in cells):
            yield "  of the memory bound", told(lambda row: _maybe(row["bound_share"], lambda share: f"{share:.0%}"))
        yield "  first token (cached)", told(lambda row: f"{row['ttft_ms']:.0f} ({row['cached_ttft_ms']:.0f}) ms")
        yield (
            "  cancelled reading, writing",
            told(lambda row: f"{row['cancel_prefill_ms']:.0f}, {row['cancel_decode_ms']:.0f} ms"),
        )
        if any(row is not None and row["energy_j"] is not None for row in cells):
            yield (
                "  energy per 1,000 tokens",
                told(lambda row: _maybe(row["energy_j"], lambda joule: f"{joule:,.0f} J")),
            )


def _typing(models: Sequence[_Figures]) -> Iterator[_Line]:
    yield "keystroke, 8 tokens: p50, p90", [_maybe(model["keystroke"], _times) for model in models]
    for count in dict.fromkeys(count for model in models for count in model["editors"]):
        cells = [model["editors"].get(count) for model in models]
        yield f"{count} editors: p50, p90", [_maybe(cell, _times) for cell in cells]
        yield "  requests, lost", [_maybe(cell, lambda all: f"{all['requests']}, {all['lost']}") for cell in cells]
    yield "first token beside a long prompt", [_maybe(model["inversion"], _beside) for model in models]
    if any(model["overhead"] is not None for model in models):
        yield "time per token / raw generator", [_maybe(model["overhead"], lambda it: f"{it:.3f}") for model in models]


def _device(models: Sequence[_Figures]) -> Iterator[_Line]:
    if any(model["bandwidth"] for model in models):
        yield "copies memory at", [_maybe(model["bandwidth"], lambda it: f"{it / 1e9:,.0f} GB/s") for model in models]
    if any(model["vram_bytes"] for model in models):
        yield "memory of the card", [human(model["vram_bytes"]) for model in models]
        yield "  predicted", [_maybe(model["vram_predicted_bytes"], human) for model in models]


def _maybe(value: Any, tell: Callable[[Any], str]) -> str:
    return _UNKNOWN if value is None else tell(value)


def _times(latencies: _Figures) -> str:
    return f"{latencies['p50_ms']:.0f}, {latencies['p90_ms']:.0f} ms"


def _beside(inversion: _Figures) -> str:
    if not inversion["tries"]:
        return _UNKNOWN
    return f"{inversion['beside_ms']:.0f} ms (alone {inversion['alone_ms']:.0f})"


def _short(name: str) -> str:
    """Returns the end of a name, since models of one family differ there."""
    return name if len(name) < _COLUMN else f"…{name[-(_COLUMN - 2) :]}"
