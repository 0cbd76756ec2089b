"""`fimble bench crossfile`: how much code from other files helps, at the spots that ship with Fimble."""

import asyncio
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
    from collections.abc import Callable

    from fimble.bench.crossfile.arms import Arm, Asking
    from fimble.providers.provider import Provider

_ARMS = ("off", "on", "oracle")


def crossfile(
    *,
    model: Annotated[str, typer.Option(help="A model's name, or a file; in an engine of its own.")] = DEFAULT_MODEL,
    arms: Annotated[str, typer.Option(help="Of off, on and oracle, separated by commas.")] = "off,oracle",
    render: Annotated[
        str, typer.Option(help="How the oracle shows definitions: names separated by commas, or `all`.")
    ] = "repository,signatures",
    part: Annotated[str, typer.Option(help="dev for tuning, test for figures to report.")] = "dev",
    limit: Annotated[int, typer.Option(help="Ask at so many spots only, evenly chosen; 0 is all.", min=0)] = 0,
    tokens: Annotated[int, typer.Option(help="How much is written at most; 0 is the product's own limit.", min=0)] = 0,
    typing: Annotated[
        bool, typer.Option("--typing", help="Ask as while typing, when prompts depend on the machine's speed.")
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
    from fimble.bench.crossfile import report  # noqa: PLC0415 - keeps `fimble --help` fast.
    from fimble.bench.crossfile.arms import Asking  # noqa: PLC0415
    from fimble.bench.crossfile.run import Answers, ask_all, workspaces  # noqa: PLC0415
    from fimble.bench.crossfile.spots import SHIPPED, digest, read_spots  # noqa: PLC0415
    from fimble.bench.engine_place import own_place  # noqa: PLC0415
    from fimble.features.completion.feature import CompletionSettings  # noqa: PLC0415
    from fimble.providers.local import LocalEngine  # noqa: PLC0415

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
        defaults = CompletionSettings()
        settings = CompletionSettings(
            prompt_tokens_max=defaults.prompt_tokens_max, tokens_max=tokens or defaults.tokens_max
        )
        around = report.surroundings(card, model)
        depends: dict[str, str] = {
            "model": f"{card.name} {around['model_sha256']}",
            "code": _code_hash(),
            "settings": repr(settings),
            "typing": str(typing),
        }
        answers = Answers(out, depends)
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

        async def run() -> None:
            asking = Asking(settings=settings, is_manual=not typing)
            cache = folders.cache_folder() / "bench" / "packages"
            with workspaces(chosen.packages, Path(name), cache, packages, tell) as places:
                # An engine of its own, since the user's may run another model.
                async with own_place(model) as place:
                    engine = place.client("fimble bench crossfile")
                    provider = LocalEngine(engine, lambda other: card if other == card.name else find_card(other))
                    try:
                        running = (await provider.model()).card.name
                        if running != card.name:
                            raise ModelRefused(f"{card.name} does not run here, but {running}; name that by --model.")
                        asked = {arm: make(provider, asking) for arm, make in wanted.items()}
                        await ask_all(chosen, places, asked, answers, tell)
                    finally:
                        await engine.close()

        asyncio.run(run())
        result = report.result_of(answers.rows.values(), chosen, told)
        if out is not None:
            report.write_report(result, out)
    if as_json:
        typer.echo(msgspec.json.encode(result).decode())
        return
    for line in report.page(result):
        typer.echo(line)


def _arms(names: str, renderings: str) -> "dict[str, Callable[[Provider, Asking], Arm]]":
    from fimble.bench.crossfile import arms  # noqa: PLC0415 - keeps `fimble --help` fast.
    from fimble.bench.crossfile.render import RENDERERS  # noqa: PLC0415

    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if not wanted or not set(wanted) <= set(_ARMS):
        raise typer.BadParameter(f"The arms are {', '.join(_ARMS)}.")
    rendered = list(RENDERERS) if renderings == "all" else [name.strip() for name in renderings.split(",")]
    if not set(rendered) <= set(RENDERERS):
        raise typer.BadParameter(f"The renderings are {', '.join(RENDERERS)}.")
    found: dict[str, Callable[[Provider, Asking], Arm]] = {}
    for name in _ARMS:
        if name in wanted and name != "oracle":
            found[name] = arms.off if name == "off" else arms.on
    if "oracle" in wanted:
        found |= {f"oracle/{name}": partial(arms.oracle, render=RENDERERS[name]) for name in rendered}
    return found


def _code_hash() -> str:
    """Returns a hash of Fimble's own sources: answers of another state of them do not belong into one run."""
    hashed = hashlib.sha256()
    for file in sorted(Path(folders.__file__).parent.rglob("*.py")):
        hashed.update(file.read_bytes())
    return hashed.hexdigest()[:16]
