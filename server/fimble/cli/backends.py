"""Chooses the backend of a model; imported only by `fimble engine run`, in the engine's own process."""

import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fimble.cli.settings import read_settings
from fimble.cli.stand_in import runnable
from fimble.engine.process.backends.backend import Backend, LoadProgress
from fimble.engine.process.backends.exllamav2 import PAGE_TOKENS, ExLlamaV2Backend, OpenModel
from fimble.engine.process.backends.llamacpp import LlamaCppBackend
from fimble.engine.process.backends.scripted import ScriptedBackend
from fimble.models import store
from fimble.models.card import CacheKind, ModelCard
from fimble.models.catalogue import all_cards, find_card, is_path
from fimble.models.gpu import advice, find_device, plan

# The pool of all slots together: 16,384 tokens are 200 MB of the 0.5B model and 460 MB of the 1.5B model.
CONTEXT_TOKENS = 16384


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A model and its file or folder (None for the scripted one).

    Where it stands in for another model that cannot run here, `asked` is that one's name and `notice` says why.
    """

    card: ModelCard
    path: Path | None
    asked: str = ""
    notice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user wants of loading; 0, None and "" leave it open.

    `gpu_context_tokens` holds for a model on a GPU where `context_tokens` is open; what follows is for a GPU only.
    """

    context_tokens: int = 0
    threads: int = 0
    gpu_context_tokens: int = 0
    cache: CacheKind | None = None
    device: int | None = None
    draft_model: str = ""


def find_model(name: str) -> Found:
    """Returns a model with its verified files, or the default one where a GPU model cannot run here.

    Raises:
        ModelUnknown: there is no such model.
        ModelFileMissing: it has not been downloaded.
        ModelFileWrong: its file is not what the card says.
    """
    name = name or read_settings().model
    card, notice = runnable(name)
    if notice:
        return Found(card=card, path=store.ready_path(card), asked=find_card(name).name, notice=notice)
    return Found(card=card, path=_path_of(name, card))


def backend_maker(found: Found, wishes: Wishes) -> Callable[[Path], Backend]:
    """Returns what makes the backend once the engine's private folder is known."""
    card, path = found.card, found.path
    if path is None:
        return lambda _: ScriptedBackend()
    if card.backend == "exllamav2":
        return lambda folder: ExLlamaV2Backend(partial(open_on_gpu, card, path, folder, wishes))
    return lambda folder: LlamaCppBackend(
        path,
        folder=folder,
        context_tokens=wishes.context_tokens or min(CONTEXT_TOKENS, card.context_tokens),
        stop_tokens=card.stop_tokens,
        threads=wishes.threads,
    )


def _path_of(name: str, card: ModelCard) -> Path | None:
    if is_path(name):
        return Path(name).expanduser().absolute()
    return None if card.backend == "scripted" else store.ready_path(card)


def open_on_gpu(card: ModelCard, path: Path, folder: Path, wishes: Wishes, progress: LoadProgress) -> OpenModel:
    """Decides what fits before anything is loaded, then loads it."""
    from fimble.engine.process.backends.exl2 import device_lock, opening  # noqa: PLC0415 - only with a GPU.

    device = find_device(wishes.device)
    others = list(all_cards().values())
    draft = find_card(wishes.draft_model) if wishes.draft_model else None
    choice = plan(
        card,
        device,
        others=others,
        context_tokens=wishes.context_tokens or wishes.gpu_context_tokens,
        cache=wishes.cache,
        draft=draft,
    )
    # Read by CUDA when it starts in this process: the one card that was chosen is all that there is.
    os.environ["CUDA_VISIBLE_DEVICES"] = device.uuid
    return opening.open_model(
        opening.Opening(
            model=path,
            folder=folder,
            cache_tokens=choice.context_tokens // PAGE_TOKENS * PAGE_TOKENS,
            cache=choice.cache,
            stop_tokens=card.stop_tokens,
            advice=advice(others, choice, device.free_bytes),
            draft_model=_path_of(wishes.draft_model, draft) if draft is not None else None,
            take_device=partial(device_lock.lock_device, device.uuid, device.name),
            build=_build,
        ),
        progress,
    )


def _build(progress: LoadProgress) -> None:
    """Compiles ExLlamaV2's extension, unless there is one that `import exllamav2` will take."""
    if importlib.util.find_spec("exllamav2_ext") is not None:
        return
    from fimble.engine.process.backends.exl2 import extension  # noqa: PLC0415 - only with a GPU.

    folder = extension.ensure_built(lambda done, total, what: progress(f"{what}, {done} of {total}"))
    if folder is not None and os.fspath(folder) not in sys.path:
        sys.path.insert(0, os.fspath(folder))
