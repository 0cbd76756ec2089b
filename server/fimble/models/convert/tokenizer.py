"""Makes a Hugging Face tokenizer from the vocabulary of a GGUF file, such that both give the same ids.

llama.cpp splits text by rules that it knows by name (`tokenizer.ggml.pre`), and does not normalise it. The original
tokenizers of Qwen do (NFC); to give the ids that llama.cpp gives, and to keep text as it is, ours does not either.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from fimble.errors import ModelRefused
from fimble.models.convert.gguf_file import GgufFile, shown

# The kinds of tokens, by llama.cpp's numbers (enum llama_token_type).
_CONTROL: Final = 3
_USER_DEFINED: Final = 4
_UNUSED: Final = 5

_CONTRACTIONS: Final = "'(?:[sS]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])"
_NEWER: Final = (
    _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_GPT2: Final = r"'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# How text is split before pairs are merged, each pattern in the pieces of the one before it (llama.cpp's
# llama-vocab.cpp), and whether a piece that is a token as a whole is taken without merging.
_SPLITS: Final[dict[str, tuple[tuple[str, ...], bool]]] = {
    "qwen2": ((_NEWER.replace("DIGITS", ""),), False),
    "deepseek-r1-qwen": ((_NEWER.replace("DIGITS", ""),), False),
    "llama-bpe": ((_NEWER.replace("DIGITS", "{1,3}"),), True),
    "smollm": ((r"\p{N}", _GPT2), False),
    "starcoder": ((r"\p{N}", _GPT2), False),
    "gpt-2": ((_GPT2,), False),
}
# Tokens that end a reply, also where a file does not name them: Qwen's, and Llama 3's.
_ENDINGS: Final = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerFiles:
    """The tokenizer's files, and what the configuration says of tokens."""

    tokenizer_json: bytes
    tokenizer_config: dict[str, object]
    generation_config: dict[str, object]
    token_ids: dict[str, object]
    """The `…_token_id` of config.json."""


def tokenizer_of(file: GgufFile, vocabulary: int) -> TokenizerFiles:
    """Returns the tokenizer of a model whose embedding has `vocabulary` rows.

    Raises:
        ModelFileWrong: the vocabulary contradicts itself.
        ModelRefused: it is not of a kind that is known.
    """
    patterns, takes_whole_pieces = _splits(file)
    tokens = file.texts("tokenizer.ggml.tokens")
    kinds = file.wholes("tokenizer.ggml.token_type")
    if not len(tokens) == len(kinds) <= vocabulary:
        raise file.wrong(f"has {len(tokens)} tokens, {len(kinds)} kinds of tokens, and an embedding of {vocabulary}")
    # Unused ones only fill the matrix, and no text becomes one.
    ids = {token: index for index, (token, kind) in enumerate(zip(tokens, kinds, strict=True)) if kind != _UNUSED}
    if len(ids) != len(tokens) - kinds.count(_UNUSED):
        raise file.wrong("has one token twice")
    splits = [
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
        for pattern in patterns
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added(tokens, kinds),
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*splits, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": takes_whole_pieces,
            "vocab": ids,
            "merges": _merges(file, ids),
        },
    }
    return TokenizerFiles(
        tokenizer_json=json.dumps(content, ensure_ascii=False).encode(),
        **_settings(file, tokens, kinds),
    )


def _splits(file: GgufFile) -> tuple[tuple[str, ...], bool]:
    model = file.text("tokenizer.ggml.model")
    if model != "gpt2":
        raise ModelRefused(
            f"{file.path.name} has a tokenizer of the kind {shown(model)}; only byte-level BPE (gpt2), which Qwen2.5 "
            "and Llama 3 have, can be converted."
        )
    pre = file.text("tokenizer.ggml.pre", "default")
    if pre not in _SPLITS:
        raise ModelRefused(
            f"{file.path.name} splits text by the rules {shown(pre)}; only those of {', '.join(_SPLITS)} are known."
        )
    return _SPLITS[pre]


def _added(tokens: list[str], kinds: list[int]) -> list[dict[str, object]]:
    return [
        {
            "id": index,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": kind == _CONTROL,
        }
        for index, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind in (_CONTROL, _USER_DEFINED) and token
    ]


def _merges(file: GgufFile, ids: dict[str, int]) -> list[str]:
    merges = file.texts("tokenizer.ggml.merges")
    for merge in merges:
        left, space, right = merge.partition(" ")
        if not space or left not in ids or right not in ids or left + right not in ids:
            raise file.wrong(f"merges {shown(merge)}, which are no tokens")
    return merges


def _settings(file: GgufFile, tokens: list[str], kinds: list[int]) -> dict[str, Any]:
    named: dict[str, int] = {}
    for ours, theirs in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"), ("eot", "eot"), ("eom", "eom")):
        key = f"tokenizer.ggml.{theirs}_token_id"
        if key in file.fields:
            named[ours] = file.whole(key, most=len(tokens) - 1)
    if "eos" not in named:
        raise file.wrong("does not say which token ends a text (tokenizer.ggml.eos_token_id)")
    endings = [named[name] for name in ("eos", "eot", "eom") if name in named]
    controls = {tokens[index]: index for index, kind in enumerate(kinds) if kind == _CONTROL}
    endings += [controls[ending] for ending in _ENDINGS if ending in controls]
    ids: dict[str, object] = {f"{name}_token_id": named[name] for name in ("bos", "eos", "pad") if name in named}
    template = file.text("tokenizer.chat_template", "")
    return {
        "tokenizer_config": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "clean_up_tokenization_spaces": False,
            "add_bos_token": file.flag("tokenizer.ggml.add_bos_token", default=False),
            **{f"{name}_token": tokens[named[name]] for name in ("bos", "eos", "pad") if name in named},
            **({"chat_template": template} if template else {}),
        },
        "generation_config": {**ids, "eos_token_id": list(dict.fromkeys(endings))},
        "token_ids": ids,
    }
