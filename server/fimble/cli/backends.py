"""Chooses the backend of a model; imported only by `fimble engine run`, in the engine's own process."""

from collections.abc import Callable
from pathlib import Path

from fimble.cli.settings import read_settings
from fimble.engine.process.backends.backend import Backend
from fimble.engine.process.backends.llamacpp import LlamaCppBackend
from fimble.engine.process.backends.scripted import ScriptedBackend
from fimble.errors import ModelRefused
from fimble.models import store
from fimble.models.card import ModelCard
from fimble.models.catalogue import card_for_file, find_card

# The pool of all slots together: 16,384 tokens are 200 MB of the 0.5B model and 460 MB of the 1.5B model.
CONTEXT_TOKENS = 16384


def find_model(name: str) -> tuple[ModelCard, Path | None]:
    """Returns the card and the verified file of a model; no file for the scripted one.

    Raises:
        ModelUnknown: there is no such model.
        ModelFileMissing: it has not been downloaded.
        ModelFileWrong: its file is not what the card says.
    """
    name = name or read_settings().model
    if name.endswith(".gguf"):
        card = card_for_file(Path(name).expanduser().absolute())
        return card, Path(name).expanduser().absolute()
    card = find_card(name)
    if card.backend == "scripted":
        return card, None
    return card, store.ready_path(card)


def backend_maker(
    card: ModelCard, model_file: Path | None, *, context_tokens: int, threads: int
) -> Callable[[Path], Backend]:
    """Returns what makes the backend once the engine's private folder is known.

    Raises:
        ModelRefused: this kind of model cannot be run yet.
    """
    tokens = context_tokens or min(CONTEXT_TOKENS, card.context_tokens)
    if card.backend == "scripted":
        return lambda _: ScriptedBackend()
    if card.backend == "llamacpp" and model_file is not None:
        return lambda folder: LlamaCppBackend(
            model_file, folder=folder, context_tokens=tokens, stop_tokens=card.stop_tokens, threads=threads
        )
    raise ModelRefused(f"{card.title} needs the {card.backend} backend, which this version cannot run yet.")
