"""The commands `fimble models …`: lists, downloads, checks and removes models.

What is done is decided in `fimble.models`; here it becomes text, a progress bar or JSON.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from fimble.cli.convert import convert
from fimble.cli.fit import fit
from fimble.cli.output import told_errors, write_json
from fimble.cli.progress import json_lines, shown
from fimble.cli.settings import read_settings
from fimble.errors import DownloadCancelled
from fimble.models import store
from fimble.models.card import ModelCard
from fimble.models.memory import human

app = typer.Typer(help="Lists, downloads, checks and removes models.", no_args_is_help=True)
app.command()(fit)
app.command()(convert)

_Name = Annotated[str, typer.Argument(help="The name of a model, as `fimble models list` shows it.")]
_NameOrDefault = Annotated[str, typer.Argument(help="The name of a model; by default the configured one.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_models(json: _Json = False) -> None:
    """Lists the known models and which of them are on this machine."""
    from fimble.models.catalogue import all_cards  # noqa: PLC0415 - keeps other commands' start fast.

    with told_errors(json):
        rows = [_row(card) for card in all_cards().values()]
        if json:
            write_json({"models": rows})
            return
        for row in rows:
            size = human(int(str(row["bytes"]))) if row["bytes"] else "-"
            typer.echo(f"{row['name']!s:<30} {row['state']!s:<11} {size:>10}  {row['title']}")


@app.command()
def pull(
    name: _NameOrDefault = "",
    from_file: Annotated[Path | None, typer.Option("--from", help="Take this file instead of downloading it.")] = None,
    json: _Json = False,
    progress_json: Annotated[
        bool, typer.Option("--progress-json", help="Print progress as one JSON object per line.")
    ] = False,
) -> None:
    """Downloads a model; an interrupted download goes on where it stopped."""
    from fimble.models.catalogue import find_card  # noqa: PLC0415
    from fimble.models.download import download  # noqa: PLC0415

    cancelled = threading.Event()
    with told_errors(json, progress_json), _stop_signals(cancelled):
        card = find_card(name or read_settings().model)
        with json_lines() if progress_json else shown(quiet=json) as progress:
            path = download(card, from_file=from_file, progress=progress, cancelled=cancelled)
        if progress_json:
            write_json({"result": "ready", "path": str(path)})
        elif json:
            write_json({"name": card.name, "state": store.state(card).value, "path": str(path)})
        else:
            typer.echo(f"{card.title} is ready: {path}")


@app.command()
def verify(name: _NameOrDefault = "", json: _Json = False) -> None:
    """Hashes a model's files and compares them with what its card pins."""
    from fimble.models.catalogue import find_card  # noqa: PLC0415

    with told_errors(json):
        card = find_card(name or read_settings().model)
        with shown(quiet=json) as progress:
            path = store.verify(card, progress)
        state = store.state(card)
        if json:
            write_json({"name": card.name, "state": state.value, "path": str(path)})
        elif state is store.ModelState.READY:
            typer.echo(f"{card.title} is what its card pins: {path}")
        else:
            typer.echo(f"{card.title} is here, but its card pins no checksum to compare it with: {path}")


@app.command()
def remove(name: _Name, json: _Json = False) -> None:
    """Removes a model's files and interrupted downloads from this machine."""
    from fimble.models.catalogue import find_card  # noqa: PLC0415

    with told_errors(json):
        card = find_card(name)
        freed_bytes = store.remove(card)
        if json:
            write_json({"name": card.name, "state": store.state(card).value, "freed_bytes": freed_bytes})
        else:
            typer.echo(f"{card.title} was removed; {human(freed_bytes)} became free.")


def _row(card: ModelCard) -> dict[str, object]:
    return {
        "name": card.name,
        "title": card.title,
        "state": store.state(card).value,
        "bytes": sum(file.bytes for file in card.files),
        "backend": card.backend,
        "context_tokens": card.context_tokens,
        "licence": card.licence,
        "notes": card.notes,
        "path": str(store.model_folder(card)),
    }


@contextlib.contextmanager
def _stop_signals(cancelled: threading.Event) -> Iterator[None]:
    """Lets Ctrl-C and a request to terminate end a download in good order.

    The download notices within a tenth of a second, stops its children and keeps what has arrived. The second
    Ctrl-C acts at once, as usual.
    """

    def stop(number: int, frame: object) -> None:
        cancelled.set()
        signal.signal(number, before[signal.Signals(number)])

    # What is ignored stays ignored, as under nohup.
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    caught = [number for number in wanted if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in caught}
    try:
        yield
    except KeyboardInterrupt as error:
        raise DownloadCancelled("The download was stopped; it goes on when you start it again.") from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
