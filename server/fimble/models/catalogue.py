"""Finds model cards: those that ship with Fimble, and the user's own, which win.

A path to a GGUF file, or to a folder of safetensors, is a model without a card.
"""

import difflib
import logging
from pathlib import Path

from fimble import folders
from fimble.errors import ModelCardInvalid, ModelFileWrong, ModelUnknown
from fimble.models.card import LocalSource, ModelCard, ModelFile, read_card
from fimble.models.folder import card_for_folder
from fimble.models.store import check_names, has_gguf_magic

_log = logging.getLogger(__name__)

# What is assumed of a file without a card; nearly every coding model has at least this much.
_CONTEXT_TOKENS_WITHOUT_CARD = 4096


def all_cards() -> dict[str, ModelCard]:
    """Returns all cards by name, in alphabetical order.

    A card of the user's that cannot be read is left out and logged, so that the others stay usable.
    """
    cards = {path.stem: _read(path) for path in shipped_cards_folder().glob("*.toml")}
    for path in folders.user_cards_folder().glob("*.toml"):
        try:
            cards[path.stem] = _read(path)
        except ModelCardInvalid as error:
            _log.warning("%s", error)
    return dict(sorted(cards.items()))


def find_card(name: str) -> ModelCard:
    """Returns the card of a model, of a GGUF file, or of a folder of safetensors.

    Args:
        name: A card's name, or a path (see `is_path`).

    Raises:
        ModelUnknown: there is no such card and no such file.
        ModelCardInvalid: the user's card of this name cannot be read.
        ModelFileWrong: the path leads to something else than a model.
    """
    if is_path(name):
        return card_for_file(Path(name)) if name.endswith(".gguf") else card_for_folder(Path(name))
    own = folders.user_cards_folder()
    for path in own.glob("*.toml"):
        # Compared rather than joined to a path, so that a name such as `../x` finds nothing.
        if path.stem == name:
            return _read(path)
    cards = all_cards()
    if name in cards:
        return cards[name]
    close = difflib.get_close_matches(name, cards, n=3, cutoff=0.5)
    advice = f"did you mean {' or '.join(close)}?" if close else "run: fimble models list"
    raise ModelUnknown(f"There is no model named {name!r}; {advice}")


def is_path(name: str) -> bool:
    """Tells whether a model's name is the path of a GGUF file or of a folder, rather than the name of a card."""
    return name.endswith(".gguf") or "/" in name or name.startswith("~")


def card_for_file(path: Path) -> ModelCard:
    """Returns a card for a GGUF file that has none; the engine learns its prompt format from its tokenizer.

    Raises:
        ModelUnknown: there is no such file.
        ModelFileWrong: it is not a GGUF file.
    """
    path = path.expanduser().absolute()
    if not path.is_file():
        raise ModelUnknown(f"There is no file {path}; give the path of a GGUF file, or run: fimble models list")
    if not has_gguf_magic(path):
        raise ModelFileWrong(f"{path} is not a GGUF file; choose another file.")
    return ModelCard(
        name=path.stem,
        title=str(path),
        licence="unknown",
        backend="llamacpp",
        context_tokens=_CONTEXT_TOKENS_WITHOUT_CARD,
        files=(ModelFile(name=path.name, bytes=path.stat().st_size, sources=(LocalSource(path=str(path)),)),),
    )


def shipped_cards_folder() -> Path:
    """Returns the folder of the cards that ship with Fimble: in the wheel, or in the checkout."""
    package = Path(__file__).parent
    packaged = package / "cards"
    return packaged if packaged.is_dir() else package.parents[2] / "models"


def _read(path: Path) -> ModelCard:
    card = read_card(path)
    try:
        check_names(card)
    except ModelCardInvalid as error:
        raise ModelCardInvalid(f"The model card {path} cannot be used: {error}") from error
    return card
