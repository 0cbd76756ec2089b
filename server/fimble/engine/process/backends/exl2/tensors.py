"""Checks a model's tensors before ExLlamaV2 0.3.2 reads them: kinds, shapes, and the indices inside of packed weights.

Its own loader believes the file's header, and its kernels the numbers in `q_groups`, `q_invperm` and `g_idx`; a wrong
one would read or write outside of an array. The official parser has checked every offset against its shape.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

import numpy as np

from fimble.engine.process.backends.exl2.configuration import Configuration
from fimble.errors import ModelFileWrong, ModelRefused

Kind = Literal["fp16", "gptq", "exl2"]

_FLOATS: Final = ("F16", "BF16", "F32")
_TENSORS_MAX: Final = 200_000
_EXL2_BITS: Final = (2, 3, 4, 5, 6, 8)
_WIDTH: Final = 32
"""Kernels work on 32 columns and 32 rows at a time; exllamav2/linear.py pads columns up to that."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a file says of one tensor, and which file; `kind` is spelled as safetensors does, for example F16."""

    kind: str
    shape: tuple[int, ...]
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What a model's tensors turned out to be.

    `card_bytes` is what stays on the card: all but the embedding, floats as fp16, and a tied head once more.
    """

    kind: Kind
    is_tied: bool
    card_bytes: int
    head_bytes: int


class TensorFiles:
    """The tensors of all files of one model, opened by the official parser."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._files: dict[Path, Any] = {}

    def read(self, name: str) -> Any:
        """Returns a tensor's values as a numpy array; not for BF16, which numpy has not."""
        return self._files[self.tensors[name].file].get_tensor(name)

    def add(self, path: Path, file: Any) -> None:
        """Takes in the tensors of one opened file."""
        self._files[path] = file
        for name in file.keys():  # noqa: SIM118 - the parser's object is no mapping.
            if name in self.tensors:
                raise ModelRefused(
                    f"{path.parent} has the tensor {name[:100]!r} in {path.name} and in "
                    f"{self.tensors[name].file.name}; keep one edition of the weights in the folder."
                )
            part = file.get_slice(name)
            self.tensors[name] = Tensor(part.get_dtype(), tuple(part.get_shape()), path)
        if len(self.tensors) > _TENSORS_MAX:
            raise ModelRefused(f"{path.parent} has more than {_TENSORS_MAX} tensors; choose another model.")


@contextlib.contextmanager
def opened(paths: Sequence[Path]) -> Iterator[TensorFiles]:
    """Opens safetensors files for as long as the context lasts; nothing is read but their headers.

    Raises:
        ModelFileWrong: the official parser refuses one of them.
        ModelRefused: the parser is not installed, or two files have a tensor of the same name.
    """
    try:
        from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - comes with the GPU packages only.
    except ImportError as error:
        raise ModelRefused(
            f"Model files cannot be checked without safetensors ({error}); run: pip install 'fimble[gpu]'"
        ) from error
    files = TensorFiles()
    with contextlib.ExitStack() as stack:
        for path in paths:
            try:
                files.add(path, stack.enter_context(safe_open(path, framework="numpy")))
            except (SafetensorError, OSError) as error:
                raise ModelFileWrong(f"{path} is no sound safetensors file ({error}); download it again.") from error
        yield files


def check_tensors(files: TensorFiles, configuration: Configuration) -> Weights:
    """Checks that all tensors of a model are there, with the shapes that its configuration says.

    Raises:
        ModelFileWrong: one is missing, or is not what it has to be.
    """
    check = _Check(files)
    shape = configuration
    embedding = check.tensor("model.embed_tokens.weight", _FLOATS, (shape.vocabulary, shape.hidden))
    for layer in range(shape.layers):
        prefix = f"model.layers.{layer}"
        for linear in _linears(shape):
            check.linear(f"{prefix}.{linear.name}", linear)
        for norm in ("input_layernorm", "post_attention_layernorm"):
            check.norm(f"{prefix}.{norm}", shape)
    check.norm("model.norm", shape)
    body_bytes = check.card_bytes
    is_tied = not any(f"lm_head.{part}" in files.tensors for part in ("q_weight", "qweight", "weight"))
    if not is_tied:
        check.linear("lm_head", _Linear("lm_head", shape.hidden, shape.vocabulary, has_bias=False))
    elif shape.is_tied is False and shape.architecture != "Starcoder2ForCausalLM":
        check.fail("lm_head.weight", "is missing")
    else:
        check.card_bytes += 2 * math.prod(embedding.shape)
    if check.ordered and check.unordered:
        check.fail(f"{check.unordered[0]}.g_idx", f"is missing, and {check.ordered[0]} has one")
    kind: Kind = next((kind for kind in ("exl2", "gptq") if kind in check.kinds), "fp16")
    return Weights(kind=kind, is_tied=is_tied, card_bytes=check.card_bytes, head_bytes=check.card_bytes - body_bytes)


@dataclass(frozen=True, slots=True)
class _Linear:
    """A matrix of a layer: `inputs` rows as it is packed, `outputs` columns."""

    name: str
    inputs: int
    outputs: int
    has_bias: bool


def _linears(shape: Configuration) -> tuple[_Linear, ...]:
    is_starcoder = shape.architecture == "Starcoder2ForCausalLM"
    query, pair = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    into = is_starcoder or shape.has_attention_bias or shape.architecture == "Qwen2ForCausalLM"
    attention = (
        _Linear("self_attn.q_proj", shape.hidden, query, has_bias=into),
        _Linear("self_attn.k_proj", shape.hidden, pair, has_bias=into),
        _Linear("self_attn.v_proj", shape.hidden, pair, has_bias=into),
        _Linear("self_attn.o_proj", query, shape.hidden, has_bias=is_starcoder or shape.has_attention_bias),
    )
    if is_starcoder:
        return (
            *attention,
            _Linear("mlp.c_fc", shape.hidden, shape.intermediate, has_bias=True),
            _Linear("mlp.c_proj", shape.intermediate, shape.hidden, has_bias=True),
        )
    return (
        *attention,
        _Linear("mlp.gate_proj", shape.hidden, shape.intermediate, has_bias=shape.has_mlp_bias),
        _Linear("mlp.up_proj", shape.hidden, shape.intermediate, has_bias=shape.has_mlp_bias),
        _Linear("mlp.down_proj", shape.intermediate, shape.hidden, has_bias=shape.has_mlp_bias),
    )


@dataclass(slots=True)
class _Check:
    """Goes through the tensors, and remembers what it saw."""

    files: TensorFiles
    card_bytes: int = 0
    kinds: set[Kind] = field(default_factory=set)
    ordered: list[str] = field(default_factory=list)
    unordered: list[str] = field(default_factory=list)

    def tensor(self, name: str, kinds: Sequence[str], shape: tuple[int, ...]) -> Tensor:
        """Returns a tensor that has one of `kinds` and is `shape`."""
        found = self.files.tensors.get(name)
        if found is None:
            self.fail(name, "is missing")
        if found.kind not in kinds:
            self.fail(name, f"is {found.kind} and not {' or '.join(kinds)}")
        if found.shape != shape:
            self.fail(name, f"has the shape {found.shape}, and by config.json it is {shape}")
        return found

    def fail(self, name: str, what: str) -> NoReturn:
        places = {tensor.file for tensor in self.files.tensors.values()}
        place = self.files.tensors[name].file if name in self.files.tensors else min(places).parent
        raise ModelFileWrong(f"{place}: the tensor {name} {what}; download the model again.")

    def norm(self, name: str, shape: Configuration) -> None:
        has_bias = shape.architecture == "Starcoder2ForCausalLM"
        for part in ("weight", "bias") if has_bias else ("weight",):
            self.count(self.tensor(f"{name}.{part}", _FLOATS, (shape.hidden,)))
        if not has_bias and f"{name}.bias" in self.files.tensors:
            self.fail(f"{name}.bias", "should not be there")

    def count(self, tensor: Tensor) -> None:
        # Whatever is a float is turned into fp16 on the card; I16 is as wide, I32 twice.
        self.card_bytes += (4 if tensor.kind == "I32" else 2) * math.prod(tensor.shape)

    def linear(self, name: str, linear: _Linear) -> None:
        """Looks for the packings in the order in which exllamav2/module.py does."""
        if f"{name}.q_weight" in self.files.tensors:
            self.kinds.add("exl2")
            self._exl2(name, linear)
            self._bias(name, linear, ("F16",), _padded(linear.outputs))
        elif f"{name}.qweight" in self.files.tensors:
            self.kinds.add("gptq")
            self._gptq(name, linear)
            self._bias(name, linear, ("F16",), _padded(linear.outputs))
        else:
            self.count(self.tensor(f"{name}.weight", _FLOATS, (linear.outputs, linear.inputs)))
            self._bias(name, linear, _FLOATS, linear.outputs)

    def _bias(self, name: str, linear: _Linear, kinds: Sequence[str], size: int) -> None:
        key = f"{name}.bias"
        if linear.has_bias:
            self.count(self.tensor(key, kinds, (size,)))
        is_gptq = f"{name}.qweight" in self.files.tensors
        if key not in self.files.tensors:
            return
        # GPTQ's tools write a bias of zeros for every matrix; the loader drops those, also where one is expected.
        is_zero = is_gptq and self.tensor(key, kinds, (size,)) is not None and not self.files.read(key).any()
        if linear.has_bias and is_zero:
            self.fail(key, "has nothing but zeros")
        if not linear.has_bias and not is_zero:
            self.fail(key, "should not be there")

    def _gptq(self, name: str, linear: _Linear) -> None:
        if linear.inputs % _WIDTH:
            self.fail(f"{name}.qweight", f"has {linear.inputs} inputs, no multiple of {_WIDTH}")
        width = _padded(linear.outputs)
        self.count(self.tensor(f"{name}.qweight", ("I32",), (linear.inputs // 8, width)))
        groups = self._rows(f"{name}.qzeros")
        # cuda/q_matrix.cu takes the smallest power of two that fills the rows with this many groups.
        group = 1 << max(0, math.ceil(linear.inputs / groups) - 1).bit_length()
        if groups > 1 and group * groups != linear.inputs:
            self.fail(f"{name}.qzeros", f"has {groups} groups for {linear.inputs} inputs, no power of two each")
        self.count(self.tensor(f"{name}.qzeros", ("I32",), (groups, width // 8)))
        self.count(self.tensor(f"{name}.scales", _FLOATS, (groups, width)))
        key = f"{name}.g_idx"
        (self.ordered if key in self.files.tensors else self.unordered).append(name)
        if key in self.files.tensors:
            self.count(self.tensor(key, ("I32",), (linear.inputs,)))
            indices = np.sort(self.files.read(key))
            if indices.any() and not np.array_equal(indices, np.arange(linear.inputs) // group):
                self.fail(key, "does not put the inputs into groups of one size")

    def _exl2(self, name: str, linear: _Linear) -> None:
        width = _padded(linear.outputs)
        rows, groups = self._rows(f"{name}.q_weight"), self._rows(f"{name}.q_scale")
        self.count(self.tensor(f"{name}.q_weight", ("I32",), (rows, width)))
        self.count(self.tensor(f"{name}.q_scale", ("I32",), (groups, width // 8)))
        self.count(self.tensor(f"{name}.q_scale_max", ("F16",), (groups,)))
        self.count(self.tensor(f"{name}.q_groups", ("I16",), (2 * groups,)))
        self.tensor(f"{name}.q_invperm", ("I16", "I32"), (linear.inputs,))
        # The permutation there and back, and two numbers per input for the map of groups, all as 16 bits.
        self.card_bytes += 4 * 2 * linear.inputs
        inputs, bits_before = 0, max(_EXL2_BITS)
        pairs = self.files.read(f"{name}.q_groups").reshape(-1, 2).tolist()
        ends = [start for _, start in pairs[1:]] + [rows]
        for (bits, start), end in zip(pairs, ends, strict=True):
            # Groups stand in falling order of their bits, each with whole blocks of 32 inputs (cuda/q_matrix.cu).
            if bits not in _EXL2_BITS or bits > bits_before or start >= end or (end - start) % bits:
                self.fail(f"{name}.q_groups", "does not say how the weights are packed")
            inputs += (end - start) // bits * _WIDTH
            bits_before = bits
        if pairs[0][1] != 0 or inputs != linear.inputs:
            self.fail(f"{name}.q_groups", f"packs {inputs} inputs, and by config.json there are {linear.inputs}")
        if not np.array_equal(np.sort(self.files.read(f"{name}.q_invperm")), np.arange(linear.inputs)):
            self.fail(f"{name}.q_invperm", "does not put the inputs into an order")

    def _rows(self, name: str) -> int:
        found = self.files.tensors.get(name)
        if found is None:
            self.fail(name, "is missing")
        if not found.shape or not found.shape[0]:
            self.fail(name, "is empty")
        return found.shape[0]


def _padded(columns: int) -> int:
    return -(-columns // _WIDTH) * _WIDTH
