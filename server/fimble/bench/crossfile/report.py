"""The figures of a run: as JSON with the fields that DESIGN.md names, and as a page to read."""

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from fimble.bench import plots
from fimble.bench.circumstances import circumstances
from fimble.bench.crossfile.figures import NAMES, difference, figures
from fimble.bench.crossfile.run import Row
from fimble.bench.crossfile.spots import KINDS, SpotSet
from fimble.models.card import ModelCard

JSON_FILE: Final = "crossfile.json"
PAGE_FILE: Final = "crossfile.md"
PLOT_FILE: Final = "crossfile.png"
_ORACLE: Final = "oracle/"

Result = dict[str, Any]


def result_of(rows: Iterable[Row], spots: SpotSet, settings: Mapping[str, object]) -> Result:
    """Returns all figures: per arm those of what is shown, with the raw ones, per kind and per package.

    `oracle` is the best rendering by the mean of edit similarity and identifier F1; that it was chosen on these spots
    makes it look a little better than it is. All are under `renderings`. The product's own context is `on`, or, where
    renderings of it were asked for, `on/NAME`.
    """
    ids = {spot.id for spot in spots.spots}
    by_arm: dict[str, list[Row]] = {}
    for row in rows:
        if row.spot in ids:
            by_arm.setdefault(row.arm, []).append(row)
    arms = {name: _arm(of_arm) for name, of_arm in by_arm.items()}
    renderings = {name.removeprefix(_ORACLE): arm for name, arm in arms.items() if name.startswith(_ORACLE)}
    result: Result = {name: arm for name, arm in arms.items() if not name.startswith(_ORACLE)}
    if renderings:
        best = max(renderings, key=lambda name: renderings[name]["edit_similarity"] + renderings[name]["identifier_f1"])
        result["oracle"] = {"rendering": best, **renderings[best]}
    result["renderings"] = renderings
    result["differences"] = {
        f"{name} - off": {
            "shown": difference(_shown(of_arm), _shown(by_arm["off"])),
            "raw": difference(_raw(of_arm), _raw(by_arm["off"])),
        }
        for name, of_arm in by_arm.items()
        if name != "off" and "off" in by_arm
    }
    result["settings"] = dict(settings)
    return result


def surroundings(card: ModelCard, model: str) -> dict[str, object]:
    """Returns what is needed to repeat a run elsewhere: commit, model, libraries, machine and its load."""
    return circumstances() | {
        "model": model,
        "model_sha256": [file.sha256 or None for file in card.files],
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def write_report(result: Result, folder: Path) -> None:
    """Writes both files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(result))
    (folder / JSON_FILE).write_bytes(encoded + b"\n")
    has_plot = plots.crossfile_plot(folder / PLOT_FILE, result)
    image = f"![Measures by arm](./{PLOT_FILE})" if has_plot else plots.MISSING
    (folder / PAGE_FILE).write_text("\n".join([*page(result), "", image]) + "\n", encoding="utf-8")


def page(result: Result) -> Iterator[str]:
    """Yields the lines of a page in Markdown."""
    arms: Result = {name: arm for name, arm in result.items() if name.partition("/")[0] in ("off", "on")}
    arms |= {f"oracle, {name}": arm for name, arm in result["renderings"].items()}
    yield "# Completion across files"
    yield ""
    yield "Holes whose text uses what another file of the package defines. Means, with 95 % intervals in brackets."
    yield "`parse_valid`, `overrun` and `hallucinated_names` are shares of the answers that are shown, others of all."
    yield ""
    for title, key in (("What is shown", None), ("What the model wrote, before the product's rules", "raw")):
        yield from [f"## {title}", ""]
        yield from table(("arm", "n", "shown", *NAMES), [_cells(name, arm, key) for name, arm in arms.items()])
    if result["differences"]:
        yield from ["## Differences over the same spots, in what is shown", ""]
        rows = [
            [name, *(_mean(row["shown"], measure) for measure in NAMES)] for name, row in result["differences"].items()
        ]
        yield from table(("arms", *NAMES), rows)
    for title, key in (("By kind", "kinds"), ("By package", "packages")):
        yield from [f"## {title}, in what is shown", ""]
        rows = [[of, *_cells(name, row, None)] for name, arm in arms.items() for of, row in arm[key].items()]
        yield from table(("", "arm", "n", "shown", *NAMES), rows)
    yield from ["## Prompts", ""]
    rows = [
        [name, *(f"{arm[field]:.0f}" for field in ("prompt_tokens", "context_tokens", "prefill_ms", "decode_ms"))]
        for name, arm in arms.items()
    ]
    yield from table(("arm", "prompt tokens", "context tokens", "prefill ms", "decode ms"), rows)
    yield from ["## How to repeat it", "", "```json"]
    yield msgspec.json.format(msgspec.json.encode(result["settings"])).decode()
    yield "```"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yields the lines of a table in Markdown, and an empty one."""
    yield f"| {' | '.join(header)} |"
    yield f"|{' --- |' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _arm(rows: Sequence[Row]) -> Result:
    answers = [row.answer for row in rows]
    packages = sorted({row.package for row in rows})
    return {
        **figures([row.shown for row in rows]),
        "raw": figures([row.raw for row in rows]),
        "kinds": {
            kind: figures([row.shown for row in rows if row.kind == kind])
            for kind in KINDS
            if any(row.kind == kind for row in rows)
        },
        "packages": {name: figures([row.shown for row in rows if row.package == name]) for name in packages},
        "prompt_tokens": sum(answer.prompt_tokens for answer in answers) / len(answers),
        "context_tokens": sum(answer.context_tokens for answer in answers) / len(answers),
        "prefill_ms": sum(answer.prefill_ms for answer in answers) / len(answers),
        "decode_ms": sum(answer.decode_ms for answer in answers) / len(answers),
    }


def _shown(rows: Sequence[Row]) -> dict[str, Any]:
    return {row.spot: row.shown for row in rows}


def _raw(rows: Sequence[Row]) -> dict[str, Any]:
    return {row.spot: row.raw for row in rows}


def _cells(name: str, arm: Result, key: str | None) -> list[str]:
    row = arm if key is None else arm[key]
    return [name, str(row["n"]), str(row["shown"]), *(_mean(row, measure) for measure in NAMES)]


def _mean(row: Mapping[str, Any], name: str) -> str:
    if row[name] is None:
        return "-"
    low, high = row[f"{name}_95"]
    return f"{row[name]:.2f} [{low:.2f}, {high:.2f}]"
