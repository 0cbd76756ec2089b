"""The result of a replay as JSON and as a readable page, with everything that is needed to repeat it."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgspec

from fimble.bench import plots
from fimble.bench.circumstances import circumstances
from fimble.bench.replay import metrics, peer, typist
from fimble.bench.replay.keys import GAP_MAX_S
from fimble.bench.replay.measure import ORACLE, OURS, PEER, SETTLE_S, Replay
from fimble.bench.replay.plan import Plan
from fimble.features.completion.settings import CompletionSettings

SCREEN_PLOT: Final = "replay-screen.png"
ANSWERS_PLOT: Final = "replay-answers.png"
_LIMITS_MS: Final = (100, 250, 500)
_SCREEN_MS_MAX: Final = 1000.0
_ANSWERS_MS_MAX: Final = 2000.0
_NAMES: Final = {OURS: "Fimble", PEER: "llama.vim's policy", ORACLE: "oracle"}
_CACHE_STATES: Final = (("cached_ms", "from a cache"), ("model_ms", "from the model"))
# Published definitions of a usable suggestion speak of "a correct prefix on the screen", which can be read in two ways.
_DEFINITIONS: Final = {
    "usable_rate": (
        "Share of the gaps between two keys in which, for the last 150 ms before the next press, a suggestion stood "
        f"on the screen that begins with at least {metrics.RIGHT_MIN} characters that will be typed (or all that are "
        "left, if fewer); what follows them may be wrong. This reading, a suggestion with a correct prefix, is the one "
        "that goals and other figures here speak of: a typist can type along it, or take its first word. Gaps below "
        "150 ms count, as not usable; an oracle without delay has the share of the other gaps. The gaps that an "
        "acceptance spared count as if its text had been typed along, since the oracle types every key here too."
    ),
    "usable_line_rate": (
        "The stricter reading, a suggestion that is a correct prefix: as usable_rate, and the first line of what is "
        "shown is right to its end, so that it can be accepted as it is."
    ),
    "usable_left_rate": (
        "As usable_rate, but of the gaps that were left only: the more is accepted, the fewer of those are usable."
    ),
    "keystrokes_saved": (
        "1 - presses / presses without suggestions. One press accepts all of a suggestion, or its first "
        "line, where that is right to its end, has been on the screen for 150 ms, and has three characters or more."
    ),
    "wrong_per_100": (
        "Characters shown for 150 ms or more that are not what is typed, from a suggestion's first wrong one on, each "
        "suggestion once, per 100 characters of the text."
    ),
    "within_250ms": (
        "Share of the presses that ask for a suggestion after which one was on the screen in that time and before the "
        "next press; one that is still there and fits counts as there at once, a press without one as late."
    ),
}
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
    ("usable_left_rate", "usable, of the gaps that acceptances left"),
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
        "usable_left_rate",
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
        "spread": {"min": replay.merged(min), "max": replay.merged(max)},
        "definitions": _DEFINITIONS,
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
            "usable_characters_min": metrics.RIGHT_MIN,
            "accepted_characters_min": typist.ACCEPTED_MIN,
            "completion": asdict(CompletionSettings()),
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
        "distributions": {name: asdict(one) for name, one in replay.distributions.items()},
        "setup": replay.setup,
        **around,
        "machine": around["machine"] | {"load_before": [round(value, 2) for value in load], "load_after": after},
        "model_sha256": _sha256(replay.setup.get("peer_engine", {}).get("model_file", "")),
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
    }


def write_report(folder: Path, result: Mapping[str, Any]) -> None:
    """Writes `replay.json`, `replay.md` and, where matplotlib is installed, two plots into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "replay.json").write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    made = [_plot_screen(folder / SCREEN_PLOT, result), _plot_answers(folder / ANSWERS_PLOT, result)]
    images = [name for name, is_made in zip((SCREEN_PLOT, ANSWERS_PLOT), made, strict=True) if is_made]
    (folder / "replay.md").write_text("\n".join(_page(result, images)) + "\n", encoding="utf-8")


def table(result: Mapping[str, Any]) -> list[str]:
    """Returns the figures of all systems side by side, as lines."""
    lines = [f"{'':40}{'Fimble':>10}{'llama.vim':>11}{'oracle':>10}"]
    for name, label in _ROWS:
        values = [_cell(name, result[system][name]) for system in (OURS, PEER, ORACLE)]
        lines.append(f"{label:40}{values[0]:>10}{values[1]:>11}{values[2]:>10}")
    return lines


def _page(result: Mapping[str, Any], images: Sequence[str]) -> list[str]:
    settings, setup, machine = result["settings"], result["setup"], result["machine"]
    labels = dict(_ROWS)
    lines = [
        "# Typing replay",
        "",
        "One typist, the same keys, model file and engine library for both systems, session by session in turn.",
        f"Medians of {settings['runs']} run(s), with the least and the most in brackets where there are several; "
        "shares of keys count every key, one without a suggestion as late.",
        "",
        "| | Fimble | llama.vim's policy | oracle |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {label} | " + " | ".join(_spread(name, result, system) for system in (OURS, PEER, ORACLE)) + " |"
        for name, label in _ROWS
    ]
    lines += ["", "## Time from the key to the answer (ms), all runs together", ""]
    lines += ["| system | answer | n | p50 | p75 | p90 | p95 | p99 |", "|---|---|---:|---:|---:|---:|---:|---:|"]
    for system in (OURS, PEER):
        figures = result[system]
        lines.append(f"| {_NAMES[system]} | typed along, still on screen | {figures['kept']:.0f} | 0 | 0 | 0 | 0 | 0 |")
        for name, label in (("cached_ms", "from a cache"), ("model_ms", "from the model")):
            row = asdict(metrics.percentiles(result["distributions"].get(system, {}).get(name, ())))
            cells = " | ".join(
                "-" if row[at] is None else f"{row[at]:.0f}" for at in ("p50", "p75", "p90", "p95", "p99")
            )
            lines.append(f"| {_NAMES[system]} | {label} | {row['n']:.0f} | {cells} |")
    lines += ["", *(f"![{name}](./{name})" for name in images)] if images else ["", plots.MISSING]
    lines += ["", "## What the figures mean", ""]
    lines += [f"- {labels[name]} (`{name}`): {meaning}" for name, meaning in result["definitions"].items()]
    lines += ["", "Each figure is defined in `server/fimble/bench/replay/metrics.py`.", ""]
    lines += [f"Not measured: {name}: {reason}." for name, reason in result["not_measured"].items()]
    lines += ["## To repeat it", ""]
    facts = {
        "commit": result["commit"] or "unknown, since this is no checkout",
        "Fimble": f"{result['fimble']}, build {result['build']}, Python {result['python']}",
        "Fimble's settings": _listed(settings["completion"]),
        "settings of llama.vim's policy": _listed(settings["peer"]),
        "model": f"{setup.get('model')}, sha256 {result['model_sha256']}",
        "libraries": _listed(result["libraries"]),
        "context": f"{setup.get('context_tokens')} tokens for both",
        "llama.cpp for llama.vim's policy": _listed(
            {name: value for name, value in setup.get("peer_engine", {}).items() if name != "model_file"}
        ),
        "text": "; ".join(settings["sources"]) + f"; part: {settings['split']}",
        "pauses": f"{settings['gaps']}, none above {settings['gap_max_s']} s, speed {settings['speed']}",
        "seed": settings["seed"],
        "machine and its load": _listed(machine),
        "started": f"{result['started']}, took {result['seconds']} s",
    }
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    lines += ["", "| session | from | segments | keys | seconds |", "|---|---|---:|---:|---:|"]
    lines += [
        f"| {row['name']} | {row['source']} | {row['segments']} | {row['keys']} | {row['seconds']} |"
        for row in settings["sessions"]
    ]
    return lines


def _listed(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def _spread(name: str, result: Mapping[str, Any], system: str) -> str:
    median = _cell(name, result[system][name])
    if result["settings"]["runs"] == 1 or result[system][name] is None:
        return median
    least, most = (_cell(name, result["spread"][end][system][name]) for end in ("min", "max"))
    return f"{median} [{least}, {most}]"


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name in _SHARES:
        return f"{value:.1%}"
    return f"{value:.0f}" if isinstance(value, int) else f"{value:.2f}"


def _plot_screen(file: Path, result: Mapping[str, Any]) -> bool:
    """Draws by when a suggestion was on the screen, of all keys that asked."""
    found = result["distributions"]
    curves = [
        plots.Curve(_NAMES[system], found[system]["delay_ms"], found[system]["asked"])
        for system in (OURS, PEER)
        if system in found
    ]
    title = "A suggestion on the screen, of all keys that asked"
    return plots.time_shares(file, curves, title=title, marks_ms=_LIMITS_MS, until_ms=_SCREEN_MS_MAX)


def _plot_answers(file: Path, result: Mapping[str, Any]) -> bool:
    """Draws how long answers took that came, by where they came from."""
    found = result["distributions"]
    curves = [
        plots.Curve(f"{_NAMES[system]}, {label}", found[system][name], len(found[system][name]))
        for system in (OURS, PEER)
        if system in found
        for name, label in _CACHE_STATES
    ]
    title = "From the key to the answer, of answers with a text"
    return plots.time_shares(file, curves, title=title, marks_ms=_LIMITS_MS, until_ms=_ANSWERS_MS_MAX)


def _sha256(file: str) -> str | None:
    if not file:
        return None
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
