"""Figures of several models become one table, and those of several rounds one row."""

from dataclasses import asdict, replace

from fimble.bench.engine import Figures
from fimble.bench.engine_rows import Row, merged
from fimble.bench.engine_table import engine_table
from fimble.bench.engine_typing import Inversion, Latencies

ROW = Row(
    backend="exllamav2",
    model="seven",
    context=1024,
    busy=0,
    prefill_tps=12345.0,
    decode_tps=150.5,
    ttft_ms=80.0,
    cached_ttft_ms=9.0,
    cancel_decode_ms=6.0,
    cancel_prefill_ms=20.0,
    rss_bytes=1,
    vram_bytes=2,
    bound_share=0.71,
    energy_j=900.0,
    synthetic=True,
)
TIMES = Latencies(requests=48, answered=47, superseded=1, lost=0, p50_ms=21.0, p90_ms=30.0, max_ms=44.0)
FIGURES = Figures(
    model="seven",
    backend="exllamav2",
    synthetic=True,
    load_s=3.0,
    vram_bytes=5 << 30,
    vram_predicted_bytes=6 << 30,
    bandwidth=3.9e12,
    keystroke=TIMES,
    editors={2: TIMES},
    inversion=Inversion(long_tokens=4096, tries=3, alone_ms=11.0, beside_ms=40.0, beside_max_ms=50.0),
    overhead=1.031,
)


def test_each_model_has_a_column_and_random_weights_are_marked() -> None:
    other = Figures(model="gone", error="There is no model named 'gone'.")
    models = [asdict(FIGURES), asdict(other)]
    assert list(engine_table({"rows": [asdict(ROW)], "models": models})) == [
        "                                  seven                     gone",
        "backend                           exllamav2                 -",
        "weights                           SYNTHETIC (random)        real",
        "loaded in                         3.0 s                     0.0 s",
        "1,024 tokens: read                12,345/s                  -",
        "1,024 tokens: write               150.5/s                   -",
        "  of the memory bound             71%                       -",
        "  first token (cached)            80 (9) ms                 -",
        "  cancelled reading, writing      20, 6 ms                  -",
        "  energy per 1,000 tokens         900 J                     -",
        "keystroke, 8 tokens: p50, p90     21, 30 ms                 -",
        "2 editors: p50, p90               21, 30 ms                 -",
        "  requests, lost                  48, 0                     -",
        "first token beside a long prompt  40 ms (alone 11)          -",
        "time per token / raw generator    1.031                     -",
        "copies memory at                  3,900 GB/s                -",
        "memory of the card                5.0 GiB                   0 B",
        "  predicted                       6.0 GiB                   -",
        "gone: There is no model named 'gone'.",
    ]


def test_of_several_rounds_the_medians_are_told() -> None:
    rounds = [replace(ROW, decode_tps=speed, context=context) for speed, context in ((100.0, 3), (90.0, 4), (200.0, 5))]
    row = merged(rounds)
    assert (row.decode_tps, row.context, row.model, row.synthetic) == (100.0, 4, "seven", True)
    assert merged([replace(ROW, energy_j=None)] * 2).energy_j is None
