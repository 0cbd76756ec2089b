"""Attention without flash-attn, against a softmax written out in double precision."""

import math
from types import SimpleNamespace
from typing import Any

import pytest

from fimble.engine.process.backends.exl2 import attention
from fimble.engine.process.backends.exl2.attention import AttentionKind
from fimble.engine.process.backends.exl2.paged_attention import SHORT_QUERY, lay_out, paged_attention
from fimble.errors import ModelRefused
from tests.exllamav2_cpu import import_exllamav2

torch = pytest.importorskip("torch", reason="torch is not installed; it comes with fimble[gpu]")

from torch._subclasses.fake_tensor import (  # noqa: E402 - torch may be missing.
    DataDependentOutputException,
    FakeTensorMode,
)

PAGE = 256


def reference(q: Any, k: Any, v: Any, scale: float) -> Any:
    """Attention of one sequence's last queries, (queries, heads, size), over its keys, (keys, key heads, size)."""
    groups = q.shape[1] // k.shape[1]
    queries = q.double().transpose(0, 1)
    keys = k.double().transpose(0, 1).repeat_interleave(groups, 0)
    values = v.double().transpose(0, 1).repeat_interleave(groups, 0)
    scores = queries @ keys.transpose(1, 2) * scale
    query_index = torch.arange(q.shape[0]).unsqueeze(1)
    sees = torch.arange(k.shape[0]).unsqueeze(0) <= query_index + (k.shape[0] - q.shape[0])
    scores = torch.where(sees, scores, torch.tensor(-math.inf, dtype=torch.double))
    return (torch.softmax(scores, -1) @ values).transpose(0, 1)


class Scene:
    """A cache in which each sequence's keys lie in pages of its own, in random order."""

    def __init__(
        self,
        pasts: list[int],
        query_length: int,
        *,
        groups: int = 7,
        size: int = 64,
        in_order: bool = False,
        dtype: Any = None,
    ) -> None:
        generator = torch.Generator().manual_seed(hash((tuple(pasts), query_length, groups, size)) % 2**31)
        dtype = dtype or torch.float32

        def noise(*shape: int) -> Any:
            return torch.randn(*shape, generator=generator).to(dtype)

        self.key_heads, self.size = 2, size
        self.pasts, self.query_length = pasts, query_length
        blocks = max(-(-(past + query_length) // PAGE) for past in pasts)
        pages = blocks * len(pasts) + 3
        order = torch.arange(pages) if in_order else torch.randperm(pages, generator=generator)
        self.table = order[: blocks * len(pasts)].view(len(pasts), blocks).int()
        self.q = noise(len(pasts), query_length, self.key_heads * groups, size)
        self.k = noise(len(pasts), query_length, self.key_heads, size)
        self.v = noise(len(pasts), query_length, self.key_heads, size)
        # What no sequence owns is not a number, and would show.
        self.k_cache = torch.full((pages, PAGE, self.key_heads, size), math.nan, dtype=dtype)
        self.v_cache = self.k_cache.clone()
        self.keys = [noise(past, self.key_heads, size) for past in pasts]
        self.values = [noise(past, self.key_heads, size) for past in pasts]
        for i, past in enumerate(pasts):
            self.write(i, 0, self.keys[i], self.values[i])
            assert len(self.keys[i]) == past

    def write(self, sequence: int, start: int, keys: Any, values: Any) -> None:
        places = torch.arange(start, start + len(keys))
        pages, offsets = self.table[sequence].long()[places // PAGE], places % PAGE
        self.k_cache[pages, offsets], self.v_cache[pages, offsets] = keys, values

    def run(self, *, in_place: bool = False, layout: Any = None) -> Any:
        lengths = torch.tensor(self.pasts, dtype=torch.int32)
        if in_place:
            for i, past in enumerate(self.pasts):
                self.write(i, past, self.k[i], self.v[i])
            lengths += self.query_length
        return paged_attention(
            self.q,
            self.k_cache,
            self.v_cache,
            None if in_place else self.k,
            None if in_place else self.v,
            cache_seqlens=lengths,
            block_table=self.table,
            softmax_scale=self.size**-0.5,
            layout=layout,
        )

    def expected(self) -> Any:
        return torch.stack(
            [
                reference(
                    self.q[i],
                    torch.cat((self.keys[i], self.k[i])),
                    torch.cat((self.values[i], self.v[i])),
                    self.size**-0.5,
                )
                for i in range(len(self.pasts))
            ]
        )


def error(output: Any, expected: Any) -> float:
    assert output.shape == expected.shape
    assert output.is_contiguous()  # exllamav2 takes a view of it.
    return (output.double() - expected).abs().max().item()


PASTS = [
    pytest.param([0], id="nothing yet"),
    pytest.param([255], id="one, a page is about to be full"),
    pytest.param([600], id="one"),
    pytest.param([0, 300], id="two"),
    pytest.param([17, 256, 600], id="three"),
    pytest.param([1, 255, 511, 512], id="four"),
]


@pytest.mark.parametrize("in_place", [False, True], ids=["appended", "in place"])
@pytest.mark.parametrize("query_length", [1, 2, 5, 257])
@pytest.mark.parametrize("pasts", PASTS)
def test_each_query_sees_the_keys_up_to_its_own(pasts: list[int], query_length: int, in_place: bool) -> None:
    scene = Scene(pasts, query_length)
    assert error(scene.run(in_place=in_place), scene.expected()) < 2e-6


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("groups", [1, 2, 7])
@pytest.mark.parametrize("query_length", [1, 5])
@pytest.mark.parametrize("pasts", [[300], [17, 600]])
def test_query_heads_share_key_heads(pasts: list[int], query_length: int, groups: int, size: int) -> None:
    scene = Scene(pasts, query_length, groups=groups, size=size)
    assert error(scene.run(), scene.expected()) < 2e-6


@pytest.mark.parametrize("query_length", [1, 5, 257])
def test_pages_in_order_are_read_where_they_are(query_length: int) -> None:
    scene = Scene([300], query_length, in_order=True)
    layout = _layout(scene)
    assert layout.first_cell == 0
    assert layout.cells is None
    assert error(scene.run(layout=layout), scene.expected()) < 2e-6


@pytest.mark.parametrize("pasts", PASTS)
def test_a_layout_made_on_the_host_says_the_same(pasts: list[int]) -> None:
    scene = Scene(pasts, 5)
    assert error(scene.run(layout=_layout(scene)), scene.expected()) < 2e-6


def _layout(scene: Scene) -> Any:
    return lay_out(
        scene.table,
        torch.tensor(scene.pasts, dtype=torch.int32),
        pages=scene.table[0].tolist(),
        past_lengths=scene.pasts,
        query_length=scene.query_length,
        page_size=PAGE,
        groups=scene.q.shape[2] // scene.key_heads,
        dtype=scene.q.dtype,
        appends=True,
    )


@pytest.mark.parametrize(("pasts", "query_length"), [([300], 1), ([17, 300], 1), ([17, 300], 5)])
def test_nothing_looks_at_what_is_on_the_device(pasts: list[int], query_length: int) -> None:
    """Each look would wait for the GPU; torch's tensors without contents refuse to be looked at."""
    scene = Scene(pasts, query_length)
    pages = scene.table[0].tolist()
    with FakeTensorMode(allow_non_fake_inputs=False) as fake:
        q, k, v, k_cache, v_cache, table = map(
            fake.from_tensor, (scene.q, scene.k, scene.v, scene.k_cache, scene.v_cache, scene.table)
        )
        past = fake.from_tensor(torch.zeros(len(pasts), dtype=torch.int32))

        def run(layout: Any) -> Any:
            return paged_attention(
                q, k_cache, v_cache, k, v, cache_seqlens=past, block_table=table, softmax_scale=1.0, layout=layout
            )

        layout = lay_out(
            table,
            past,
            pages=pages,
            past_lengths=pasts,
            query_length=query_length,
            page_size=PAGE,
            groups=7,
            dtype=q.dtype,
            appends=True,
        )
        assert run(layout).shape == scene.q.shape
        with pytest.raises(DataDependentOutputException):
            run(None)


def test_sequences_may_share_pages() -> None:
    scene = Scene([512, 512], 1)
    scene.table[1, :2] = scene.table[0, :2]
    scene.keys[1], scene.values[1] = scene.keys[0], scene.values[0]
    assert error(scene.run(), scene.expected()) < 2e-6


def test_new_keys_go_to_the_cache_and_nowhere_else() -> None:
    scene = Scene([255, 3], 2)
    scene.run()
    written = Scene([255, 3], 2)
    for i, past in enumerate(written.pasts):
        written.write(i, past, written.k[i], written.v[i])
    assert torch.equal(scene.k_cache.nan_to_num(9), written.k_cache.nan_to_num(9))
    assert torch.equal(scene.v_cache.nan_to_num(9), written.v_cache.nan_to_num(9))


def test_a_table_too_short_for_its_keys_is_refused_before_the_device_sees_it() -> None:
    scene = Scene([255], 1)
    scene.run()
    scene = Scene([255], 2)
    scene.table = scene.table[:, :1]
    with pytest.raises(ValueError, match="257 keys do not fit the 1 pages"):
        scene.run()


@pytest.mark.parametrize("query_length", [1, 5, SHORT_QUERY + 1])
@pytest.mark.parametrize("pasts", [[300], [17, 300]])
def test_scores_beyond_half_precision_stay_finite(pasts: list[int], query_length: int) -> None:
    scene = Scene(pasts, query_length, dtype=torch.float16)
    scene.q, scene.k, scene.k_cache = scene.q * 100, scene.k * 100, scene.k_cache * 100
    scene.keys = [keys * 100 for keys in scene.keys]
    largest = max((scene.q[i].float().flatten(0, 1) @ scene.keys[i].float().flatten(0, 1).T).max() for i in [0])
    assert largest > 65504
    output = scene.run()
    assert output.isfinite().all()
    assert error(output, scene.expected()) < 4e-3


# In exllamav2.


@pytest.fixture
def exllamav2() -> Any:
    package = import_exllamav2()
    attention.uninstall()
    yield package
    attention.uninstall()


def run_attn_torch(exllamav2: Any, past: int, query_length: int, mask: Any = None) -> float:
    """Returns the largest error of exllamav2's attention outside the paged mode."""
    kind = exllamav2.attn.ExLlamaV2Attention
    layer = SimpleNamespace(
        layer_idx=0, sliding_window=0, scaling=64**-0.5, num_key_value_groups=7, key="model.layers.0"
    )
    layer.repeat_kv = lambda states, count: kind.repeat_kv(layer, states, count)
    config = SimpleNamespace(no_sdpa=False, attn_logit_softcapping=None)
    generator = torch.Generator().manual_seed(past + query_length)
    q = torch.randn(1, query_length, 14, 64, generator=generator)
    k = torch.randn(1, past + query_length, 2, 64, generator=generator)
    v = torch.randn(1, past + query_length, 2, 64, generator=generator)
    parameters = kind.Params(1, query_length, past, mask, None)
    output = kind._attn_torch(layer, 1, query_length, q, k, v, parameters, config)
    return error(output.view(query_length, 14, 64), reference(q[0], k[0], v[0], 64**-0.5))


@pytest.mark.parametrize("query_length", [1, 8])
@pytest.mark.parametrize("past", [0, 100])
def test_outside_the_paged_mode_prompts_are_read_causally(exllamav2: Any, past: int, query_length: int) -> None:
    assert attention.install(exllamav2, device_majors=[]) is AttentionKind.TORCH
    assert run_attn_torch(exllamav2, past, query_length) < 2e-6


@pytest.mark.parametrize("past", [0, 100])
def test_exllamav2s_own_is_not_causal(exllamav2: Any, past: int) -> None:
    """The fault that we are here for; without it, the test above would pass with any attention."""
    assert run_attn_torch(exllamav2, past, 8) > 0.1


def test_an_input_mask_is_still_added(exllamav2: Any) -> None:
    mask = torch.zeros(1, 108, dtype=torch.half)
    plain = torch.zeros(1, 108, dtype=torch.half)
    plain[0, :50] = -65504.0
    attention.install(exllamav2, device_majors=[])
    assert run_attn_torch_half(exllamav2, mask) < 4e-3
    assert run_attn_torch_half(exllamav2, plain) > 0.1


def run_attn_torch_half(exllamav2: Any, mask: Any) -> float:
    kind = exllamav2.attn.ExLlamaV2Attention
    layer = SimpleNamespace(layer_idx=0, sliding_window=0, scaling=64**-0.5, key="model.layers.0")
    config = SimpleNamespace(attn_logit_softcapping=None)
    generator = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(1, n, h, 64, generator=generator).half() for n, h in ((8, 14), (108, 2), (108, 2)))
    output = kind._attn_torch(layer, 1, 8, q, k, v, kind.Params(1, 8, 100, mask, None), config)
    return error(output.view(8, 14, 64), reference(q[0], k[0], v[0], 64**-0.5))


def test_what_is_known_of_a_pass_is_read_once_before_it_goes_to_the_device(exllamav2: Any) -> None:
    lengths, table = torch.tensor([300], dtype=torch.int32), torch.tensor([[4, 5]], dtype=torch.int32)
    parameters = exllamav2.attn.ExLlamaV2Attention.PagedParams(1, table, lengths, 300, PAGE, 1)
    assert attention._on_host(parameters) == ([4, 5], [300])
    parameters.block_index = parameters.cache_seqlens = None
    assert attention._on_host(parameters) == ([4, 5], [300])


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        pytest.param({"is_tp": True}, "tensor parallelism", id="several cards"),
        pytest.param({"is_tp": False, "sliding_window": 256}, "sees 256 tokens and the context is 301", id="window"),
    ],
)
def test_a_pass_that_torch_would_run_wrongly_is_refused(exllamav2: Any, layer: dict[str, Any], reason: str) -> None:
    kind = exllamav2.attn.ExLlamaV2Attention
    lengths, table = torch.tensor([300], dtype=torch.int32), torch.tensor([[4, 5]], dtype=torch.int32)
    attention.install(exllamav2, device_majors=[])
    model = SimpleNamespace(config=SimpleNamespace(attn_logit_softcapping=None))
    parameters = kind.PagedParams(1, table, lengths, 300, PAGE, 1)
    with pytest.raises(ModelRefused, match=reason):
        kind.forward_paged(SimpleNamespace(model=model, **layer), torch.zeros(1, 1, 64), None, parameters)


def test_installing_twice_and_taking_it_back_leaves_no_trace(exllamav2: Any) -> None:
    attn = exllamav2.attn
    names = ("has_flash_attn", "has_flash_attn_with_paged", "has_xformers", "flash_attn_with_kvcache")

    def state() -> list[Any]:
        own = [attn.ExLlamaV2Attention.forward_paged, attn.ExLlamaV2Attention._attn_torch]
        return own + [getattr(attn, name, "absent") for name in names]

    before = state()
    attention.install(exllamav2, device_majors=[])
    once = state()
    assert attn.has_flash_attn_with_paged
    attn.assert_paged_attn()
    assert attention.install(exllamav2, device_majors=[]) is AttentionKind.TORCH
    assert state() == once != before
    attention.uninstall()
    attention.uninstall()
    assert state() == before
    with pytest.raises(AssertionError):
        attn.assert_paged_attn()


def fake_exllamav2(version: str, *, has_flash_attn: bool) -> Any:
    kind = SimpleNamespace(_attn_torch="theirs", forward_paged="theirs")
    attn = SimpleNamespace(has_flash_attn=has_flash_attn, has_xformers=False, ExLlamaV2Attention=kind)
    attn.has_flash_attn_with_paged = has_flash_attn
    return SimpleNamespace(__version__=version, attn=attn)


@pytest.fixture
def clean() -> Any:
    attention.uninstall()
    yield
    attention.uninstall()


@pytest.mark.usefixtures("clean")
def test_a_version_that_was_not_checked_is_refused() -> None:
    package = fake_exllamav2("0.3.1", has_flash_attn=False)
    with pytest.raises(ModelRefused, match=r"not checked with ExLlamaV2 0\.3\.1.*exllamav2==0\.3\.2"):
        attention.install(package, device_majors=[8])
    assert package.attn.ExLlamaV2Attention.forward_paged == "theirs"
    assert attention.install(fake_exllamav2("0.3.2", has_flash_attn=False), device_majors=[8]) is AttentionKind.TORCH


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("version", ["0.3.1", "0.3.2", "0.4.0"])
def test_where_flash_attn_works_nothing_is_changed(version: str) -> None:
    package = fake_exllamav2(version, has_flash_attn=True)
    assert attention.install(package, device_majors=[8, 9]) is AttentionKind.FLASH_ATTN
    assert package.attn.ExLlamaV2Attention.forward_paged == "theirs"
    assert package.attn.has_flash_attn


@pytest.mark.usefixtures("clean")
def test_flash_attn_on_a_card_too_old_for_it_is_not_used() -> None:
    package = fake_exllamav2("0.3.2", has_flash_attn=True)
    assert attention.install(package, device_majors=[8, 7]) is AttentionKind.TORCH
    assert not package.attn.has_flash_attn
    assert package.attn.has_flash_attn_with_paged


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(
    ("softcap", "window", "reason"),
    [
        pytest.param(50.0, 0, "caps its attention scores", id="caps"),
        pytest.param(None, 4096, "sees 4096 tokens and the context is 8192", id="window"),
    ],
)
def test_models_that_torch_would_run_wrongly_are_refused(softcap: float | None, window: int, reason: str) -> None:
    model = SimpleNamespace(
        config=SimpleNamespace(attn_logit_softcapping=softcap, max_seq_len=8192),
        modules=[SimpleNamespace(key="model.layers.0", sliding_window=window)],
    )
    attention.refuse_unsupported(model)
    attention.install(fake_exllamav2("0.3.2", has_flash_attn=False), device_majors=[])
    with pytest.raises(ModelRefused, match=reason):
        attention.refuse_unsupported(model)
    model.config.attn_logit_softcapping = None
    model.config.max_seq_len = 4096
    attention.refuse_unsupported(model)
