"""The command `fimble models fit`: whether a model fits a GPU's memory, and what would."""

from typing import Annotated

import typer

from fimble.cli.output import told_errors, write_json
from fimble.cli.quantities import cache_kind, size, tokens
from fimble.errors import FimbleError
from fimble.models.catalogue import all_cards, find_card
from fimble.models.devices import nvidia_devices
from fimble.models.fit import GIB, MARGIN_BYTES, Choice, alternatives, choose


class NoDevice(FimbleError):
    """There is no card whose memory could be asked for."""


def fit(
    name: Annotated[str, typer.Argument(help="The name of a model, as `fimble models list` shows it.")],
    vram: Annotated[
        str, typer.Option(help="The card's memory, such as 12GiB; by default that of this machine's.")
    ] = "",
    context: Annotated[str, typer.Option(help="Tokens that are kept, such as 16k; by default as many as fit.")] = "",
    cache: Annotated[str, typer.Option(help="fp16, q8, q6 or q4; by default the finest that fits.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tells whether a model fits a GPU's memory before it is loaded, and what fits instead."""
    with told_errors(json):
        kind = cache_kind(cache)
        card = find_card(name)
        vram_bytes = size(vram) if vram else _own_vram()
        choice = choose(card, vram_bytes, tokens(context), kind)
        fits = choice.fits(vram_bytes)
        others = [] if fits else alternatives(list(all_cards().values()), choice, vram_bytes)
        warning = (
            f"The cache of this model suffers as {choice.cache}; {' or '.join(card.cache_kinds)} does it no harm."
            if choice.cache not in card.cache_kinds
            else ""
        )
        if json:
            write_json(
                {
                    "name": card.name,
                    "fits": fits,
                    **_row(choice),
                    "vram_gib": round(vram_bytes / GIB, 2),
                    "margin_gib": round(MARGIN_BYTES / GIB, 2),
                    "alternatives": [{"name": other.model, **_row(other)} for other in others],
                    "warning": warning,
                }
            )
        else:
            _show(choice, vram_bytes, others, warning)
    if not fits:
        raise typer.Exit(1)


def _show(choice: Choice, vram_bytes: int, others: list[Choice], warning: str) -> None:
    need = choice.need
    typer.echo(f"{choice.model}, {choice.context_tokens:,} tokens, {choice.cache} cache:")
    for label, part in (
        ("weights", need.weights),
        ("cache", need.cache),
        ("scratch", need.scratch),
        ("CUDA", need.cuda_context),
        ("together", need.total),
        ("left free", MARGIN_BYTES),
    ):
        typer.echo(f"  {label:<10} {part / GIB:6.2f} GiB")
    word = "fits" if choice.fits(vram_bytes) else "does not fit"
    typer.echo(f"That {word} {vram_bytes / GIB:.1f} GiB. (Computed, not measured.)")
    if warning:
        typer.echo(warning)
    if others:
        typer.echo("What fits:")
        for other in others:
            takes = f"{other.need.total / GIB:.1f} GiB"
            typer.echo(f"  {other.model}, {other.context_tokens:,} tokens, {other.cache} cache: {takes}")
    elif not choice.fits(vram_bytes):
        typer.echo("No known model for ExLlamaV2 fits; the default model runs without a GPU.")


def _row(choice: Choice) -> dict[str, object]:
    need = choice.need
    return {
        "context_tokens": choice.context_tokens,
        "cache": choice.cache,
        "total_gib": round(need.total / GIB, 2),
        "weights_gib": round(need.weights / GIB, 2),
        "cache_gib": round(need.cache / GIB, 2),
        "scratch_gib": round(need.scratch / GIB, 2),
        "cuda_gib": round(need.cuda_context / GIB, 2),
    }


def _own_vram() -> int:
    devices = nvidia_devices()
    if not devices:
        raise NoDevice("No NVIDIA card answers on this machine; say how much memory to plan for, with --vram 12GiB.")
    return max(device.total_bytes for device in devices)
