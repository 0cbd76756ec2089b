"""`fimble bench crossfile`: how much code from other files helps, at the spots that ship with Fimble."""

import asyncio
import contextlib
import hashlib
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from fimble import folders
from fimble.cli.interruptible import interruptible
from fimble.cli.output import told_errors
from fimble.cli.settings import DEFAULT_MODEL
from fimble.errors import ModelRefused
from fimble.models.catalogue import find_card, is_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from fimble.bench.crossfile.arms import Arm, Asking
    from fimble.bench.crossfile.likelihood_rows import Rows
    from fimble.bench.crossfile.spots import SpotSet
    from fimble.bench.crossfile.workspace import Workspace
    from fimble.models.card import ModelCard
    from fimble.providers.provider import Provider

    Arms = dict[str, Callable[[Provider, Asking], Arm]]

_ARMS = ("off", "on", "oracle")
_ORACLE_RENDERINGS = ("repository", "signatures")


def crossfile(
    *,
    model: Annotated[str, typer.Option(help="A model's name, or a file; in an engine of its own.")] = DEFAULT_MODEL,
    arms: Annotated[str, typer.Option(help="Of off, on and oracle, separated by commas.")] = "off,oracle",
    render: Annotated[
        str | None,
        typer.Option(
            help="How on and oracle show definitions: names separated by commas, or `all`; "
            "on goes by the model's card otherwise."
        ),
    ] = None,
    part: Annotated[str, typer.Option(help="dev for tuning, test for figures to report.")] = "dev",
    limit: Annotated[int, typer.Option(help="Ask at so many spots only, evenly chosen; 0 is all.", min=0)] = 0,
    tokens: Annotated[int, typer.Option(help="How much is written at most; 0 is the product's own limit.", min=0)] = 0,
    typing: Annotated[
        bool, typer.Option("--typing", help="Ask as while typing, when prompts depend on the machine's speed.")
    ] = False,
    likelihood: Annotated[
        bool, typer.Option("--likelihood", help="Write nothing, but tell how probable the right text is to the model.")
    ] = False,
    packages: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A folder with the source archives, for work without a network.", exists=True),
    ] = None,
    spots: Annotated[Path | None, typer.Option(help="Another file of spots than the shipped one.", exists=True)] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Writes report and answers here; a run goes on from those.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Complete holes whose text uses what another file defines: without context, with ours, and with the right one."""
    from fimble.bench.crossfile import likelihood_report, report  # noqa: PLC0415 - keeps `fimble --help` fast.
    from fimble.bench.crossfile.arms import Asking  # noqa: PLC0415
    from fimble.bench.crossfile.likelihood_rows import Rows  # noqa: PLC0415
    from fimble.bench.crossfile.run import Answers, ask_all, workspaces  # noqa: PLC0415
    from fimble.bench.crossfile.spots import SHIPPED, digest, read_spots  # noqa: PLC0415
    from fimble.features.completion.layout import PROMPT_TOKENS  # noqa: PLC0415
    from fimble.features.completion.settings import CompletionSettings  # noqa: PLC0415

    if part not in ("dev", "test"):
        raise typer.BadParameter("The part is dev or test.")
    wanted = _arms(arms, render)
    if is_path(model):
        model = str(Path(model).expanduser().absolute())

    def tell(step: str) -> None:
        typer.echo(step, err=True)

    with told_errors(json=as_json), interruptible(), tempfile.TemporaryDirectory(prefix="fimble-bench-") as name:
        chosen = read_spots(spots or SHIPPED).of_part("dev" if part == "dev" else "test").sample(limit)
        card = find_card(model)
        # Not by the machine's speed, so that all machines ask the same.
        settings = CompletionSettings(
            prompt_tokens_max=PROMPT_TOKENS, tokens_max=tokens or CompletionSettings().tokens_max
        )
        around = report.surroundings(card, model)
        depends: dict[str, str] = {
            "model": f"{card.name} {around['model_sha256']}",
            "code": _code_hash(),
            "settings": repr(settings),
            "typing": str(typing),
        }
        kept = Rows(out, depends) if likelihood else Answers(out, depends)
        told = {
            "part": part,
            "limit": limit,
            "seed": chosen.seed,
            "spots": digest(chosen.spots),
            "typing": typing,
            "prompt_tokens_max": settings.prompt_tokens_max,
            "tokens_max": settings.tokens_max,
            "packages": [f"{package.name} {package.version} sha256:{package.sha256}" for package in chosen.packages],
            **around,
        }
        asking = Asking(settings=settings, is_manual=not typing)

        def arms_of(provider: "Provider") -> "dict[str, Arm]":
            return {arm: make(provider, asking) for arm, make in wanted.items()}

        async def run() -> None:
            cache = folders.cache_folder() / "bench" / "packages"
            with workspaces(chosen.packages, Path(name), cache, packages, tell) as places:
                async with _own_provider(model, card) as provider:
                    if isinstance(kept, Rows):
                        await _score(provider, arms_of, kept, spots=chosen, places=places, tell=tell)
                    else:
                        await ask_all(chosen, places, arms_of(provider), kept, tell)

        asyncio.run(run())
        if isinstance(kept, Rows):
            result = likelihood_report.result_of(kept.rows.values(), chosen, told)
            lines = likelihood_report.page(result)
        else:
            result = report.result_of(kept.rows.values(), chosen, told)
            lines = report.page(result)
        if out is not None:
            (likelihood_report if likelihood else report).write_report(result, out)
    if as_json:
        typer.echo(msgspec.json.encode(result).decode())
        return
    for line in lines:
        typer.echo(line)


@contextlib.asynccontextmanager
async def _own_provider(model: str, card: "ModelCard") -> "AsyncIterator[Provider]":
    """Runs an engine of its own, since the user's may run another model."""
    from fimble.bench.engine_place import own_place  # noqa: PLC0415 - keeps `fimble --help` fast.
    from fimble.providers.local import LocalEngine  # noqa: PLC0415

    async with own_place(model) as place:
        engine = place.client("fimble bench crossfile")
        provider = LocalEngine(engine, lambda other: card if other == card.name else find_card(other))
        try:
            running = (await provider.model()).card.name
            if running != card.name:
                raise ModelRefused(f"{card.name} does not run here, but {running}; name that by --model.")
            yield provider
        finally:
            await engine.close()


async def _score(
    provider: "Provider",
    arms: "Callable[[Provider], dict[str, Arm]]",
    rows: "Rows",
    *,
    spots: "SpotSet",
    places: "Mapping[str, Workspace]",
    tell: "Callable[[str], None]",
) -> None:
    from fimble.bench.crossfile.likelihood import Asked, Scoring, score_all  # noqa: PLC0415
    from fimble.bench.crossfile.likelihood_engine import likelihood_engine, settings_for  # noqa: PLC0415

    asked = Asked(provider)
    async with likelihood_engine(settings_for(await provider.model())) as scorer:
        await score_all(spots, places, Scoring(arms=arms(asked), asked=asked, scorer=scorer), rows, tell)


def _arms(names: str, renderings: str | None) -> "Arms":
    from fimble.bench.crossfile import arms  # noqa: PLC0415 - keeps `fimble --help` fast.
    from fimble.prompting.context.rendering import RENDERINGS  # noqa: PLC0415

    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if not wanted or not set(wanted) <= set(_ARMS):
        raise typer.BadParameter(f"The arms are {', '.join(_ARMS)}.")
    rendered = list(RENDERINGS) if renderings == "all" else [name.strip() for name in (renderings or "").split(",")]
    if renderings and not set(rendered) <= set(RENDERINGS):
        raise typer.BadParameter(f"The renderings are {', '.join(RENDERINGS)}.")
    found: Arms = {}
    if "off" in wanted:
        found["off"] = arms.off
    if "on" in wanted and renderings:
        found |= {f"on/{name}": partial(arms.on, render=RENDERINGS[name]) for name in rendered}
    elif "on" in wanted:
        found["on"] = arms.on
    if "oracle" in wanted:
        shown = rendered if renderings else _ORACLE_RENDERINGS
        found |= {f"oracle/{name}": partial(arms.oracle, render=RENDERINGS[name]) for name in shown}
    return found


def _code_hash() -> str:
    """Returns a hash of Fimble's own sources: answers of another state of them do not belong into one run."""
    hashed = hashlib.sha256()
    for file in sorted(Path(folders.__file__).parent.rglob("*.py")):
        hashed.update(file.read_bytes())
    return hashed.hexdigest()[:16]
