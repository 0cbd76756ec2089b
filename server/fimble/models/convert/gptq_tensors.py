"""The tensors that a GPTQ matrix consists of, and which matrices can be quantised."""

from collections.abc import Callable, Iterator
from typing import Literal

from fimble.errors import ModelRefused
from fimble.models.convert.architecture import Architecture
from fimble.models.convert.gptq import GROUP_SIZES, LANES, OUTPUTS_MULTIPLE
from fimble.models.convert.safetensors_file import Pieces, TensorSource

Part = Literal["qweight", "qzeros", "scales"]


def gptq_sources(
    name: str, shape: tuple[int, ...], group_size: int, part: Callable[[Part], Pieces]
) -> Iterator[TensorSource]:
    """Yields the tensors of a quantised matrix of `shape` [outputs, inputs]; `part` produces their numbers.

    There is no `g_idx`: without it, groups are in order.
    """
    outputs, inputs = shape
    groups = inputs // group_size
    yield TensorSource(f"{name}.qweight", (inputs // LANES, outputs), "I32", lambda: part("qweight"))
    yield TensorSource(f"{name}.qzeros", (groups, outputs // LANES), "I32", lambda: part("qzeros"))
    yield TensorSource(f"{name}.scales", (groups, outputs), "F16", lambda: part("scales"))


def check_group_size(architecture: Architecture, group_size: int) -> None:
    """Makes sure that the model's matrices can be quantised in groups of this size.

    Raises:
        ModelRefused: they cannot; it names a size that can.
    """
    matrices = [weight for weight in architecture.weights() if weight.is_matrix]
    for weight in matrices:
        if weight.shape[0] % OUTPUTS_MULTIPLE:
            raise ModelRefused(
                f"{weight.name} has {weight.shape[0]} outputs, and GPTQ takes multiples of {OUTPUTS_MULTIPLE} only; "
                "use --format fp16."
            )
    suiting = [size for size in GROUP_SIZES if all(weight.shape[1] % size == 0 for weight in matrices)]
    if group_size in suiting:
        return
    if not suiting:
        raise ModelRefused("No group size suits the widths of this model; use --format fp16.")
    best = max([size for size in suiting if size < group_size] or suiting[:1])
    raise ModelRefused(f"A group size of {group_size} does not suit this model; use --group-size {best}.")
