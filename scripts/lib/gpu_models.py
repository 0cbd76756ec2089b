"""Makes a folder with random fp16 weights and one with GPTQ: python gpu_models.py FOLDER SHAPE.

SHAPE is one that `fimble bench engine --synthetic` knows, or `tiny`, which loads in a second.
"""

import sys
from pathlib import Path

from fimble.bench.synthetic import synthetic_architecture, tokenizer_of_words
from fimble.models.convert.architecture import Architecture
from fimble.models.convert.random_model import write_random_model

TINY = Architecture(
    family="qwen2",
    layers=2,
    hidden=256,
    intermediate=512,
    heads=4,
    kv_heads=2,
    head_dim=64,
    vocabulary=1024,
    context_tokens=8192,
)


def main() -> None:
    """Makes those that are not there."""
    folder, shape = Path(sys.argv[1]), sys.argv[2]
    architecture = TINY if shape == "tiny" else synthetic_architecture(shape)
    for weights in ("fp16", "gptq"):
        made = folder / f"{shape}-{weights}-synthetic"
        if not made.exists():
            print(f"making {made}", flush=True)
            write_random_model(
                made,
                architecture,
                weights,
                tokenizer_json=tokenizer_of_words(architecture.vocabulary),
                eos_token_id=256,
            )


main()
