"""What the language server adds, as JSON and as a page: medians over the runs, with the least and the most."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from fimble.bench import plots
from fimble.bench.circumstances import circumstances
from fimble.bench.server_latency import BUILDING, PHASES, READY, SUGGESTION, WITHOUT, Wishes
from fimble.bench.server_latency_model import CONTEXT, MODEL
from fimble.bench.server_latency_typing import KEYS_BEFORE_PAUSE, KEYS_PER_PLACE, PAUSE_S

GOAL_P99_MS: Final = 15.0
JSON_FILE: Final = "server.json"
PAGE_FILE: Final = "server.md"
PLOT_FILE: Final = "server.png"
_LABELS: Final = {
    READY: "ghost text, index ready",
    SUGGESTION: "fimble/suggestion, index ready",
    BUILDING: "ghost text, index being built",
    WITHOUT: "ghost text, no index",
}
_TIMES: Final = ("p50_ms", "p90_ms", "p99_ms", "max_ms")
_SHOWN_MS_MAX: Final = 60.0

Result = dict[str, Any]


def result_of(measured: Mapping[str, Any], wishes: Wishes, workspace: Path | None, *, started: float) -> Result:
    """Returns medians per phase, `spread` with the least and the most of each, all runs, and the circumstances.

    `started` is the time in seconds since 1970.
    """
    runs = measured["runs"]
    phases = [name for name in PHASES if any(name in run for run in runs)]
    of_phase = {name: [_plain(run[name]) for run in runs if name in run] for name in phases}
    return {
        **{name: merged(rows, statistics.median) for name, rows in of_phase.items()},
        "spread": {
            name: {"min": merged(rows, min), "max": merged(rows, max)} for name, rows in of_phase.items() if rows
        },
        "engine_alone_ms": measured["engine_alone_ms"],
        "index": measured["index"],
        "suggestions_with_context": measured["suggestions_with_context"],
        "goal_p99_ms": GOAL_P99_MS,
        "settings": {
            "workspace": "generated" if workspace is None else workspace.name,
            "files": wishes.files if workspace is None else measured["index"]["files"],
            "keys_per_phase": wishes.keys,
            "gap_ms": wishes.gap_s * 1000,
            "keys_per_place": KEYS_PER_PLACE,
            "keys_before_pause": KEYS_BEFORE_PAUSE,
            "pause_s": PAUSE_S,
            "seed": wishes.seed,
            "runs": wishes.runs,
            "typed_in": measured["typed_in"],
            "model": MODEL,
            "context": CONTEXT,
            "model_sha256": None,
            "model_sha256_reason": "the scripted model has no file",
        },
        **circumstances(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
        "runs": runs,
    }


def write_report(folder: Path, result: Result) -> None:
    """Writes the JSON file, the page and, where matplotlib is installed, the plot."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    curves = [
        plots.Curve(_LABELS[name], values := _replies(result, name), len(values)) for name in PHASES if name in result
    ]
    has_plot = plots.time_shares(
        folder / PLOT_FILE,
        curves,
        title="From the key to the reply, engine at once",
        marks_ms=(GOAL_P99_MS,),
        until_ms=_SHOWN_MS_MAX,
    )
    (folder / PAGE_FILE).write_text("\n".join(_page(result, has_plot=has_plot)) + "\n", encoding="utf-8")


def table(result: Result) -> Iterator[str]:
    """Yields the figures as lines for a terminal."""
    yield f"{'milliseconds':34}{'n':>6}{'p50':>8}{'p90':>8}{'p99':>8}{'max':>8}{'cpu':>7}"
    for name in PHASES:
        if name in result:
            row = result[name]
            cells = "".join(f"{_cell(row['reply'][each]):>8}" for each in _TIMES)
            yield f"{_LABELS[name]:34}{row['reply']['n']:>6.0f}{cells}{_cell(row['cpu_ms_per_key']):>7}"
    alone = result["engine_alone_ms"]
    yield f"{'the engine process alone':34}{alone['n']:>6}" + "".join(f"{_cell(alone[each]):>8}" for each in _TIMES)


def _page(result: Result, *, has_plot: bool) -> Iterator[str]:
    settings, machine = result["settings"], result["machine"]
    yield from ("# What the language server adds", "")
    yield (
        "From sending a change until the reply to the request that follows it, in milliseconds; `fimble lsp` over "
        "stdio, with the scripted model, which answers at once. Nothing is subtracted: the way to the engine's "
        "process and back is in it, and so is what the client itself takes. Medians of "
        f"{settings['runs']} run(s), the least and the most in brackets where there are several."
    )
    yield ""
    yield f"Goal: p99 of at most {result['goal_p99_ms']:.0f} ms with the index ready."
    yield from _rows(result, "reply", "Key to reply")
    yield from _rows(result, "first_at_place", f"The first key after a jump, one in {settings['keys_per_place']}")
    yield from _rows(result, "after_pause", f"The first key after a pause, one in {settings['keys_per_place']}")
    yield from _rows(result, "outside_feature", "Outside of the completion feature: protocol, document, client")
    yield from _rows(result, "late", "How late the machine woke the typist, who only waited")
    yield (
        "About a millisecond is the timer's own. Where there is more, other programs had the processors, and they took "
        "them from the server as well: then the processor time per key says more than the slowest replies."
    )
    yield from ("", "| | shown | failed | processor ms per key | load |", "|---|---:|---:|---:|---:|")
    for name in PHASES:
        if name in result:
            row = result[name]
            yield (
                f"| {_LABELS[name]} | {row['shown']:.0f} | {row['failed']:.0f} | {row['cpu_ms_per_key']:.1f} "
                f"| {row['load']:.1f} |"
            )
    alone = result["engine_alone_ms"]
    yield ""
    yield (
        f"The engine's process alone, asked with a prompt of which the end is new: p50 {_cell(alone['p50_ms'])} ms, "
        f"p99 {_cell(alone['p99_ms'])} ms."
    )
    yield ""
    yield f"![Share of keys by time](./{PLOT_FILE})" if has_plot else plots.MISSING
    yield from ("", "## To repeat it", "")
    index = result["index"]
    facts = {
        "commit": result["commit"] or "unknown, since this is no checkout",
        "Fimble": f"{result['fimble']}, build {result['build']}",
        "libraries": ", ".join(f"{name} {number}" for name, number in result["libraries"].items()),
        "Python": result["python"],
        "model": f"{settings['model']}; {settings['model_sha256_reason']}",
        "workspace": f"{settings['workspace']}, {settings['files']} files, indexed in {index['seconds']:.1f} s",
        "typed in": ", ".join(f"{one['path']} ({one['lines']} lines)" for one in settings["typed_in"]),
        "context": (
            f"{settings['context']['rendering']}, at most {settings['context']['tokens']} tokens; in "
            f"{result['suggestions_with_context']} of the replies to fimble/suggestion"
        ),
        "typist": f"{settings['keys_per_phase']} keys per phase, at least {settings['gap_ms']:.0f} ms apart; "
        f"a pause of {PAUSE_S[0]} to {PAUSE_S[1]} s in the middle of each place",
        "seed": settings["seed"],
        "machine": ", ".join(f"{name} {value}" for name, value in machine.items()),
        "load at the end": ", ".join(map(str, result["load"])),
        "started": f"{result['started']}, took {result['seconds']} s",
    }
    yield from (f"- {name}: {value}" for name, value in facts.items())


def _rows(result: Result, what: str, title: str) -> Iterator[str]:
    yield from ("", f"## {title}", "", "| | n | p50 | p90 | p99 | max |", "|---|---:|---:|---:|---:|---:|")
    for name in PHASES:
        if name in result and result[name][what]["n"]:
            row = result[name][what]
            cells = " | ".join(_cell(row[each]) + _spread(result, name, what, each) for each in _TIMES)
            yield f"| {_LABELS[name]} | {row['n']:.0f} | {cells} |"
    yield ""


def _spread(result: Result, name: str, what: str, each: str) -> str:
    if result["settings"]["runs"] == 1:
        return ""
    least, most = (_cell(result["spread"][name][end][what][each]) for end in ("min", "max"))
    return f" [{least}, {most}]"


def _replies(result: Result, name: str) -> list[float]:
    return [value for run in result["runs"] if name in run for value in run[name]["replies_ms"]]


def _plain(phase: Mapping[str, Any]) -> Result:
    return {name: value for name, value in phase.items() if name != "replies_ms"}


def merged(rows: Sequence[Result], of: Callable[[list[float]], float]) -> Result:
    """Returns `of` the rows' figures (their median, least, most), one by one; None where a row has none."""
    found: Result = {}
    for name, first in rows[0].items():
        values = [row[name] for row in rows]
        if isinstance(first, dict):
            found[name] = merged(values, of)
        else:
            found[name] = None if None in values else of(values)
    return found


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
