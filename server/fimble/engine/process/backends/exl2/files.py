"""Prepares a model's folder for ExLlamaV2 0.3.2, which trusts what it reads.

Every file is checked first; then ExLlamaV2 is given a folder of links that holds nothing but safetensors and JSON
(so no pickle, whatever else lies in the model's folder), with a config.json that it reads rightly. The weights may be
links to elsewhere, since a model store such as Hugging Face's consists of links, and what they lead to is checked.
"""

import os
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from fimble.engine.process.backends.exl2.configuration import Configuration, decode, read_configuration
from fimble.engine.process.backends.exl2.tensors import Kind, Weights, check_tensors, opened
from fimble.errors import FolderUnusable, ModelFileMissing, ModelFileWrong, ModelRefused

SHADOW_NAME: Final = "exl2-model"

_CONFIG_BYTES_MAX: Final = 1 << 20
_INDEX_BYTES_MAX: Final = 16 << 20
_TOKENIZER_BYTES_MAX: Final = 64 << 20
"""The largest in use are about half of that (262,144 tokens)."""
_FILES_MAX: Final = 1000
_PICKLES: Final = (".bin", ".pt", ".pth", ".ckpt")
_SHARD: Final = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.safetensors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A checked model.

    `folder` is for ExLlamaV2 alone. `card_bytes` of weights stay on the card, the head's `head_bytes` among them; the
    embedding stays in the machine's memory. Prompt and answer have at most `positions_max` tokens together.
    """

    folder: Path
    source: Path
    kind: Kind
    architecture: str
    hidden: int
    intermediate: int
    vocabulary: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    positions_max: int
    has_tied_embeddings: bool
    card_bytes: int
    head_bytes: int
    file_bytes: int
    eos_ids: tuple[int, ...]


class _AddedToken(msgspec.Struct, frozen=True):
    id: int
    content: str
    special: bool


class _DecodedToken(msgspec.Struct, frozen=True):
    content: str
    special: bool


class _TokenizerModel(msgspec.Struct, frozen=True):
    vocab: dict[str, int] | list[Any]
    type: str = "BPE"


class _Tokenizer(msgspec.Struct, frozen=True):
    model: _TokenizerModel
    added_tokens: tuple[_AddedToken, ...] = ()


class _TokenizerConfig(msgspec.Struct, frozen=True):
    added_tokens_decoder: dict[int, _DecodedToken] = {}


class _Index(msgspec.Struct, frozen=True):
    weight_map: dict[str, str]


def prepare(folder: Path, into: Path) -> Prepared:
    """Checks the model in `folder` and makes the folder `into / SHADOW_NAME`, which replaces what is there.

    Args:
        folder: A model as it is downloaded.
        into: A private folder of this engine.

    Raises:
        ModelFileMissing: the folder lacks a file.
        ModelFileWrong: a file is damaged, or does not go with the others.
        ModelRefused: ExLlamaV2 0.3.2 cannot run this model, or would run it wrongly.
        FolderUnusable: `into` cannot be written to.
    """
    folder = folder.absolute()
    if not folder.is_dir():
        raise ModelFileMissing(f"There is no model folder {folder}; run: fimble models list")
    config = _read(folder / "config.json", _CONFIG_BYTES_MAX)
    if config is None:
        raise ModelFileMissing(f"{folder} has no config.json, so it is no model folder; name the one with that file.")
    configuration = read_configuration(
        config,
        _read(folder / "generation_config.json", _CONFIG_BYTES_MAX),
        _read(folder / "quantize_config.json", _CONFIG_BYTES_MAX),
        folder,
    )
    tokenizer_files = _check_tokenizer(folder, configuration)
    index = _read_index(folder)
    weight_files = _weight_files(folder, index)
    with opened(weight_files) as files:
        for name, file in (index or {}).items():
            if name not in files.tensors or files.tensors[name].file.name != file:
                raise ModelFileWrong(
                    f"{folder / file} lacks the tensor {name[:100]}, which the index promises; download it again."
                )
        weights = check_tensors(files, configuration)
    shadow = _make_shadow(into / SHADOW_NAME, [*weight_files, *tokenizer_files], configuration, weights)
    return Prepared(
        folder=shadow,
        source=folder,
        kind=weights.kind,
        architecture=configuration.architecture,
        hidden=configuration.hidden,
        intermediate=configuration.intermediate,
        vocabulary=configuration.vocabulary,
        layers=configuration.layers,
        heads=configuration.heads,
        kv_heads=configuration.kv_heads,
        head_dim=configuration.head_dim,
        positions_max=configuration.positions_max,
        has_tied_embeddings=weights.is_tied,
        card_bytes=weights.card_bytes,
        head_bytes=weights.head_bytes,
        file_bytes=sum(path.stat().st_size for path in weight_files),
        eos_ids=configuration.eos_ids,
    )


def _read(path: Path, bytes_max: int) -> bytes | None:
    """Returns the contents of a file of moderate size, or None where there is none."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # A pipe would be waited for without end.
            raise ModelFileWrong(f"{path} is no file; download the model again.")
        if status.st_size > bytes_max:
            raise ModelFileWrong(f"{path} is larger than {bytes_max >> 20} MiB, so it is not what its name says.")
        with path.open("rb") as file:
            return file.read(bytes_max)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelFileWrong(f"{path} cannot be read ({error.strerror}); mend that, or download it again.") from error


def _check_tokenizer(folder: Path, configuration: Configuration) -> list[Path]:
    """Returns those files of the tokenizer that ExLlamaV2 reads; no token may lie beyond the embedding."""
    path = folder / "tokenizer.json"
    raw = _read(path, _TOKENIZER_BYTES_MAX)
    if raw is None:
        raise ModelFileMissing(
            f"{folder} has no tokenizer.json, which ExLlamaV2 needs (tokenizer.model is not enough); take it from the "
            "model's original repository."
        )
    tokenizer = decode(raw, _Tokenizer, path)
    if tokenizer.model.type != "BPE" or not isinstance(tokenizer.model.vocab, dict):
        raise ModelRefused(f"{path} is of the type {tokenizer.model.type[:40]} and Fimble knows BPE only.")
    found = [path]
    ids = [*tokenizer.model.vocab.values(), *(token.id for token in tokenizer.added_tokens)]
    if (raw := _read(path := folder / "tokenizer_config.json", _TOKENIZER_BYTES_MAX)) is not None:
        ids += decode(raw, _TokenizerConfig, path).added_tokens_decoder
        found.append(path)
    if (raw := _read(path := folder / "added_tokens.json", _TOKENIZER_BYTES_MAX)) is not None:
        ids += decode(raw, dict[str, int], path).values()
        found.append(path)
    if not ids or min(ids) < 0 or max(ids) >= configuration.vocabulary:
        raise ModelFileWrong(
            f"{folder}: the tokenizer's tokens go up to {max(ids, default=-1)}, and by config.json there are "
            f"{configuration.vocabulary}; take both from one download."
        )
    return found


def _read_index(folder: Path) -> dict[str, str] | None:
    """Returns which file has which tensor; None where no index goes with the files that are there."""
    path = folder / "model.safetensors.index.json"
    raw = _read(path, _INDEX_BYTES_MAX)
    if raw is None:
        return None
    weight_map = decode(raw, _Index, path).weight_map
    names = sorted(set(weight_map.values()))
    for name in names:
        if not name.endswith(".safetensors") or name != Path(name).name or "\0" in name or "\\" in name:
            raise ModelFileWrong(
                f"{path} names {name[:100]!r}, which is no weight file beside it; do not use this model."
            )
    missing = [name for name in names if not (folder / name).exists()]
    if len(missing) == len(names):
        # Whoever quantises a model often copies the index of the original along with the other JSON files.
        return None
    if missing:
        raise ModelFileMissing(f"{folder} lacks {', '.join(missing[:3])}; download the rest of the model.")
    return weight_map


def _weight_files(folder: Path, index: dict[str, str] | None) -> list[Path]:
    try:
        names = sorted(set(index.values())) if index else sorted(os.listdir(folder))
    except OSError as error:
        raise ModelFileWrong(f"{folder} cannot be read ({error.strerror}); mend that, and try again.") from error
    found = [name for name in names if name.endswith(".safetensors") and not name.startswith(".")]
    if not found:
        if any(name.endswith(_PICKLES) for name in names):
            raise ModelRefused(
                f"{folder} has its weights as pickles, which can run any program when they are loaded; choose an "
                "edition with safetensors files."
            )
        raise ModelFileMissing(f"{folder} has no safetensors files; download the model's weights into it.")
    if len(found) > _FILES_MAX:
        raise ModelRefused(f"{folder} has more than {_FILES_MAX} safetensors files; name a folder with one model.")
    for name in found:
        shard = _SHARD.fullmatch(name)
        if shard is not None and (whole := int(shard[3])) <= _FILES_MAX:
            others = (f"{shard[1]}-{number:05}-of-{shard[3]}.safetensors" for number in range(1, whole + 1))
            missing = [other for other in others if other not in found]
            if missing:
                raise ModelFileMissing(f"{folder} lacks {', '.join(missing[:3])}; download the rest of the model.")
    paths = [folder / name for name in found]
    for path in paths:
        try:
            is_file = stat.S_ISREG(path.stat().st_mode)
        except OSError:
            is_file = False
        if not is_file:
            raise ModelFileWrong(f"{path} is no file, or a link to nothing; download the model again.")
    return paths


def _make_shadow(shadow: Path, links: list[Path], configuration: Configuration, weights: Weights) -> Path:
    try:
        # That of a killed engine is still there. Only links and two small files are in it.
        if shadow.is_symlink() or shadow.is_file():
            shadow.unlink()
        elif shadow.exists():
            shutil.rmtree(shadow)
        shadow.mkdir(mode=0o700)
        for path in links:
            # Links to what was checked, not to a link that may be changed.
            (shadow / path.name).symlink_to(path.resolve(strict=True))
        document = configuration.for_exllamav2(is_tied=weights.is_tied)
        (shadow / "config.json").write_bytes(msgspec.json.encode(document))
        generation = {"eos_token_id": configuration.eos_ids} if configuration.eos_ids else {}
        (shadow / "generation_config.json").write_bytes(msgspec.json.encode(generation))
    except OSError as error:
        raise FolderUnusable(
            f"The folder {shadow} cannot be made ({error.strerror}); free some space, or name another place with "
            "XDG_RUNTIME_DIR."
        ) from error
    return shadow
