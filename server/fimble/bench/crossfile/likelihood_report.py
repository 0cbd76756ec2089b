"""The figures of a likelihood run, as JSON and as a page to read."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from fimble.bench.crossfile.figures import mean_interval
from fimble.bench.crossfile.likelihood import GOLD_TOKENS_MAX, SHARES
from fimble.bench.crossfile.likelihood_rows import Row, Share
from fimble.bench.crossfile.report import Result, table
from fimble.bench.crossfile.spots import KINDS, SpotSet

JSON_FILE: Final = "likelihood.json"
PAGE_FILE: Final = "likelihood.md"
_BASE: Final = "off"
_COSTS: Final = ("prompt_tokens", "ms")
_UNITS: Final[dict[str, Callable[[Share], float]]] = {
    "nats_per_character": lambda share: share.per_character,
    "nats_per_token": lambda share: share.per_token,
}


def result_of(rows: Iterable[Row], spots: SpotSet, settings: Mapping[str, object]) -> Result:
    """Returns all figures by arm, and the differences to `off` over the same spots, of all and of each kind.

    Log-probabilities are in nats, so that less far below zero is better, and a difference above zero is a gain.
    `best` is the arm that gains most per character of the gold text, and how far the others are from it over the same
    spots: one whose interval reaches zero may be as good.
    """
    ids = {spot.id for spot in spots.spots}
    by_arm: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row.spot in ids:
            by_arm.setdefault(row.arm, {})[row.spot] = row
    base = by_arm.get(_BASE, {})
    others = {name: of_arm for name, of_arm in by_arm.items() if name != _BASE and base}
    differences = {name: difference(of_arm, base) for name, of_arm in others.items()}
    return {
        "arms": {name: _arm(list(of_arm.values())) for name, of_arm in by_arm.items()},
        "differences": {f"{name} - {_BASE}": found for name, found in differences.items()},
        "best": _best(others, differences),
        "kinds": {
            kind: {
                f"{name} - {_BASE}": difference(_of_kind(of_arm, kind), _of_kind(base, kind))
                for name, of_arm in others.items()
            }
            for kind in KINDS
            if any(row.kind == kind for row in base.values())
        },
        "settings": {**settings, "gold_tokens_max": GOLD_TOKENS_MAX},
    }


def difference(ours: Mapping[str, Row], theirs: Mapping[str, Row]) -> Result:
    """Returns how much more probable the gold text is, over the spots that both have, by paired bootstrap.

    `better` and `worse` are shares of those spots.
    """
    common = sorted(ours.keys() & theirs.keys())
    found: Result = {}
    for name in SHARES:
        pairs = [(ours[id].shares.get(name), theirs[id].shares.get(name)) for id in common]
        both = [(one, other) for one, other in pairs if one is not None and other is not None]
        found[name] = {"n": len(both)}
        for unit, value in _UNITS.items():
            found[name] |= _mean(unit, [value(one) - value(other) for one, other in both])
        found[name] |= _signs([one.nats - other.nats for one, other in both])
    ends = [(ours[id].end_nats, theirs[id].end_nats) for id in common]
    values = [one - other for one, other in ends if one is not None and other is not None]
    found["end"] = {"n": len(values), **_mean("nats", values), **_signs(values)}
    return found


def write_report(result: Result, folder: Path) -> None:
    """Writes both files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JSON_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    (folder / PAGE_FILE).write_text("\n".join(page(result)) + "\n", encoding="utf-8")


def page(result: Result) -> Iterator[str]:
    """Yields the lines of a page in Markdown."""
    yield "# How probable the text of holes is"
    yield ""
    yield "Holes whose text uses what another file of the package defines; the log-probability of that text after the"
    yield "prompt that the product sends, in nats per character, mean over the spots. `names` are the names that other"
    yield "files define, `new names` all words of those definitions that the file has nowhere else, `end` is that the"
    yield "text ends where it does."
    yield ""
    names = [name.replace("_", " ") for name in SHARES]
    rows = [
        [
            name,
            str(arm["n"]),
            *(_cell(arm[share], "nats_per_character") for share in SHARES),
            _cell(arm["end"], "nats"),
            *(f"{arm[field]:.0f}" for field in _COSTS),
        ]
        for name, arm in result["arms"].items()
    ]
    yield from table(("arm", "n", *names, "end", "prompt tokens", "ms"), rows)
    if result["differences"]:
        yield from ["## Differences over the same spots", ""]
        yield "With 95 % intervals; above zero is a gain. In round brackets: the share of spots that gain."
        yield ""
        rows = [
            [
                name,
                *(_gain(row[share], "nats_per_character") for share in SHARES),
                _gain(row["gold"], "nats_per_token"),
                _gain(row["end"], "nats"),
            ]
            for name, row in result["differences"].items()
        ]
        yield from table(("arms", *names, "gold per token", "end"), rows)
        if result["best"] is not None:
            yield from [f"## How far from the best, {result['best']['arm']}", ""]
            rows = [
                [name, *(_gain(row[share], "nats_per_character") for share in SHARES)]
                for name, row in result["best"]["differences"].items()
            ]
            yield from table(("arms", *names), rows)
        yield from ["## By kind", ""]
        rows = [
            [kind, name, str(row["gold"]["n"]), *(_gain(row[share], "nats_per_character") for share in SHARES)]
            for kind, of_kind in result["kinds"].items()
            for name, row in of_kind.items()
        ]
        yield from table(("", "arms", "n", *names), rows)
    yield from ["## How to repeat it", "", "```json"]
    yield msgspec.json.format(msgspec.json.encode(result["settings"])).decode()
    yield "```"


def _best(arms: Mapping[str, Mapping[str, Row]], differences: Mapping[str, Result]) -> Result | None:
    gains = {name: gain for name, row in differences.items() if (gain := row["gold"]["nats_per_character"]) is not None}
    if not gains:
        return None
    best = max(gains, key=lambda name: gains[name])
    return {
        "arm": best,
        "differences": {
            f"{name} - {best}": difference(of_arm, arms[best]) for name, of_arm in arms.items() if name != best
        },
    }


def _arm(rows: Sequence[Row]) -> Result:
    found: Result = {"n": len(rows)}
    for name in SHARES:
        having = [share for row in rows if (share := row.shares.get(name)) is not None]
        found[name] = {"n": len(having)}
        for unit, value in _UNITS.items():
            found[name] |= _mean(unit, [value(share) for share in having])
    ends = [row.end_nats for row in rows if row.end_nats is not None]
    found["end"] = {"n": len(ends), **_mean("nats", ends)}
    tokens = sum(row.shares["gold"].tokens for row in rows if "gold" in row.shares)
    found["floored"] = sum(row.floored for row in rows) / tokens if tokens else None
    found |= {name: sum(getattr(row, name) for row in rows) / len(rows) for name in _COSTS}
    return found


def _mean(unit: str, values: Sequence[float]) -> Result:
    mean = sum(values) / len(values) if values else None
    return {unit: mean, f"{unit}_95": mean_interval(values)}


def _signs(values: Sequence[float]) -> Result:
    share = {"better": sum(value > 0 for value in values), "worse": sum(value < 0 for value in values)}
    return {name: count / len(values) if values else None for name, count in share.items()}


def _of_kind(rows: Mapping[str, Row], kind: str) -> dict[str, Row]:
    return {id: row for id, row in rows.items() if row.kind == kind}


def _cell(row: Mapping[str, Any], unit: str) -> str:
    return "-" if row[unit] is None else f"{row[unit]:.3f}"


def _gain(row: Mapping[str, Any], unit: str) -> str:
    if row[unit] is None:
        return "-"
    low, high = row[f"{unit}_95"]
    return f"{row[unit]:+.3f} [{low:+.3f}, {high:+.3f}] ({row['better']:.0%})"
