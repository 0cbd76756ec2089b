"""The result of a replay as JSON and as a readable page, with everything that is needed to repeat it."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgspec

from fimble.bench.circumstances import circumstances
from fimble.bench.replay import peer, typist
from fimble.bench.replay.keys import GAP_MAX_S
from fimble.bench.replay.measure import OURS, PEER, SETTLE_S, Replay
from fimble.bench.replay.plan import Plan

_PACKAGES: Final = ("xllamacpp", "pygls", "lsprotocol")
_GIT_TIMEOUT_S: Final = 10.0
_ROWS: Final = (
    ("keys", "keys pressed"),
    ("asked", "of these asked for a suggestion"),
    ("critical_prompt_tokens_per_key", "prompt tokens per key, waited for"),
    ("prompt_tokens_per_key", "prompt tokens per key, all"),
    ("generated_tokens_per_key", "written tokens per key"),
    ("within_100ms", "on screen within 100 ms"),
    ("within_250ms", "on screen within 250 ms"),
    ("within_500ms", "on screen within 500 ms"),
    ("usable_rate", "usable"),
    ("usable_line_rate", "usable, first line right to its end"),
    ("keystrokes_saved", "keystrokes saved"),
    ("wrong_per_100", "wrong characters shown per 100 typed"),
    ("accepted", "suggestions accepted"),
    ("shown", "suggestions shown"),
    ("requests", "requests"),
    ("cancelled_share", "of these cancelled"),
    ("failed", "of these failed"),
)
_SHARES: Final = frozenset(
    {
        "within_100ms",
        "within_250ms",
        "within_500ms",
        "usable_rate",
        "usable_line_rate",
        "keystrokes_saved",
        "cancelled_share",
    }
)


def result_of(replay: Replay, plan: Plan, *, speed: float, started: float, load: tuple[float, ...]) -> dict[str, Any]:
    """Returns all figures and circumstances; `started` is the time in seconds since 1970, `load` as it was then."""
    medians = replay.medians()
    around: dict[str, Any] = circumstances()
    after = around.pop("load")
    null = {}
    for name, figures in medians.items():
        if figures["critical_prompt_tokens_per_key"] is None:
            null[f"{name}.*_tokens_per_key"] = "the server counted no request (fimble/costs)"
    return {
        **medians,
        "not_measured": null,
        "runs": [{name: asdict(figures) for name, figures in run.items()} for run in replay.runs],
        "settings": {
            "speed": speed,
            "runs": len(replay.runs),
            "split": plan.split,
            "seed": plan.seed,
            "sources": list(plan.sources),
            "gaps": plan.gaps,
            "gap_max_s": GAP_MAX_S,
            "settle_s": SETTLE_S,
            "reading_s": typist.READING_S,
            "accepted_characters_min": typist.ACCEPTED_MIN,
            "sessions": [
                {
                    "name": session.name,
                    "source": session.source,
                    "segments": len(session.segments),
                    "keys": session.keys,
                    "seconds": round(session.seconds / speed, 1),
                }
                for session in plan.sessions
            ],
            "peer": {
                "prefix_lines": peer.PREFIX_LINES,
                "suffix_lines": peer.SUFFIX_LINES,
                "n_predict": peer.TOKENS_MAX,
                "t_max_predict_ms": [peer.PREDICT_MS, peer.SPECULATIVE_MS],
                "cache_entries": peer.CACHE_MAX,
                "look_back": peer.LOOK_BACK,
                "retry_s": peer.RETRY_S,
            },
        },
        "setup": replay.setup,
        **around,
        "machine": around["machine"] | {"load_before": [round(value, 2) for value in load], "load_after": after},
        "model_sha256": _sha256(replay.setup.get("peer_engine", {}).get("model_file", "")),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
    }


def write_report(folder: Path, result: Mapping[str, Any]) -> None:
    """Writes `replay.json`, `replay.md` and, where matplotlib is installed, `replay.png` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "replay.json").write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    has_plot = _plot(folder / "replay.png", result)
    (folder / "replay.md").write_text("\n".join(_page(result, has_plot=has_plot)) + "\n", encoding="utf-8")


def table(result: Mapping[str, Any]) -> list[str]:
    """Returns the figures of all systems side by side, as lines."""
    lines = [f"{'':40}{'Fimble':>10}{'llama.vim':>11}{'oracle':>10}"]
    for name, label in _ROWS:
        values = [_cell(name, result[system][name]) for system in ("ours", "peer", "oracle")]
        lines.append(f"{label:40}{values[0]:>10}{values[1]:>11}{values[2]:>10}")
    return lines


def _page(result: Mapping[str, Any], *, has_plot: bool) -> list[str]:
    settings, setup, machine = result["settings"], result["setup"], result["machine"]
    lines = [
        "# Typing replay",
        "",
        "One typist, the same keys, model file and engine library for both systems, session by session in turn.",
        f"Medians of {settings['runs']} run(s); shares of keys count every key, one without a suggestion as late.",
        "",
        "| | Fimble | llama.vim's policy | oracle |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {label} | " + " | ".join(_cell(name, result[system][name]) for system in ("ours", "peer", "oracle")) + " |"
        for name, label in _ROWS
    ]
    lines += ["", "## Time from the key to the suggestion (ms)", ""]
    lines += ["| system | answer | n | p50 | p75 | p90 | p95 | p99 |", "|---|---|---:|---:|---:|---:|---:|---:|"]
    for system in (OURS, PEER):
        figures = result[system]
        lines.append(f"| {system} | typed along, still on screen | {figures['kept']:.0f} | 0 | 0 | 0 | 0 | 0 |")
        for name, label in (("cached_ms", "from a cache"), ("model_ms", "from the model")):
            row = figures[name]
            cells = " | ".join(
                "-" if row[at] is None else f"{row[at]:.0f}" for at in ("p50", "p75", "p90", "p95", "p99")
            )
            lines.append(f"| {system} | {label} | {row['n']:.0f} | {cells} |")
    if has_plot:
        lines += ["", "![Share of keys with a suggestion by time](replay.png)"]
    lines += ["", "What each figure means stands in `server/fimble/bench/replay/metrics.py`.", ""]
    lines += [f"Not measured: {name}: {reason}." for name, reason in result["not_measured"].items()]
    lines += ["## To repeat it", ""]
    facts = {
        "commit": result["commit"],
        "Fimble": result["fimble"],
        "model": f"{setup.get('model')}, sha256 {result['model_sha256']}",
        "libraries": ", ".join(f"{name} {number}" for name, number in result["libraries"].items()),
        "context": f"{setup.get('context_tokens')} tokens for both",
        "llama.cpp for llama.vim's policy": ", ".join(
            f"{name} {value}" for name, value in setup.get("peer_engine", {}).items() if name != "model_file"
        ),
        "text": "; ".join(settings["sources"]) + f"; part: {settings['split']}",
        "pauses": f"{settings['gaps']}, none above {settings['gap_max_s']} s, speed {settings['speed']}",
        "seed": settings["seed"],
        "machine": ", ".join(f"{name} {value}" for name, value in machine.items()),
        "started": f"{result['started']}, took {result['seconds']} s",
    }
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    lines += ["", "| session | from | segments | keys | seconds |", "|---|---|---:|---:|---:|"]
    lines += [
        f"| {row['name']} | {row['source']} | {row['segments']} | {row['keys']} | {row['seconds']} |"
        for row in settings["sessions"]
    ]
    return lines


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name in _SHARES:
        return f"{value:.1%}"
    return f"{value:.0f}" if isinstance(value, int) else f"{value:.2f}"


def _plot(file: Path, result: Mapping[str, Any]) -> bool:
    try:
        from matplotlib.figure import Figure  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415 - optional.
    except ImportError:
        return False
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots()
    limits = (100, 250, 500)
    for system in ("ours", "peer", "oracle"):
        axes.plot(limits, [result[system][f"within_{limit}ms"] or 0.0 for limit in limits], marker="o", label=system)
    axes.set_xlabel("ms after the key")
    axes.set_ylabel("share of asking keys with a suggestion")
    axes.set_ylim(0, 1)
    axes.legend()
    figure.savefig(file, dpi=120)
    return True


def _sha256(file: str) -> str | None:
    if not file:
        return None
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
