"""The attention that stands in for flash-attn, on the card, against a softmax in double precision."""

from typing import Any

import pytest

from tests.gpu.conftest import IS_DRY


def on_device(pasts: list[int], query_length: int, scale: float) -> tuple[Any, Any]:
    """Returns the attention of a batch over pages in random order, in fp16, and what it should be."""
    import torch

    from tests.unit.engine.exl2.test_attention import Scene

    scene = Scene(pasts, query_length, dtype=torch.float16)
    # Large enough that scores in half precision would overflow, as they do in Qwen2.
    scene.q, scene.k, scene.k_cache = scene.q * scale, scene.k * scale, scene.k_cache * scale
    scene.keys = [keys * scale for keys in scene.keys]
    expected = scene.expected()
    device = "cpu" if IS_DRY else "cuda"
    for name in ("q", "k", "v", "k_cache", "v_cache", "table"):
        setattr(scene, name, getattr(scene, name).to(device))
    with torch.device(device):
        return scene.run().cpu(), expected


@pytest.mark.parametrize("scale", [1.0, 40.0], ids=["usual", "large"])
@pytest.mark.parametrize("query_length", [1, 5, 257])
@pytest.mark.parametrize("pasts", [[0], [600], [17, 256, 600], [1, 255, 511, 512]])
def test_each_query_sees_the_keys_up_to_its_own(pasts: list[int], query_length: int, scale: float) -> None:
    output, expected = on_device(pasts, query_length, scale)
    assert bool(output.isfinite().all())
    assert (output.double() - expected).abs().max().item() < 5e-3 * max(1.0, expected.abs().max().item())
