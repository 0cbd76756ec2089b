"""The model that answers at once: its script, and a card that wants code from other places, so that this counts."""

from pathlib import Path
from typing import Final

import msgspec

MODEL: Final = "scripted-with-context"
CONTEXT: Final = {
    "rendering": "signatures",
    "tokens": 256,
    "evidence": "None: for measuring what collecting context takes.",
}
_CARD: Final = f"""
name = "{MODEL}"
title = "No model: writes at once what a script says"
licence = "Apache-2.0"
backend = "scripted"
context_tokens = 32768
stop_tokens = ["<|im_end|>"]

[fill_in_middle]
prefix = "<|fim_prefix|>"
suffix = "<|fim_suffix|>"
middle = "<|fim_middle|>"
repository = "<|repo_name|>"
file = "<|file_sep|>"

[context]
rendering = "{CONTEXT["rendering"]}"
tokens = {CONTEXT["tokens"]}
evidence = "{CONTEXT["evidence"]}"
"""
# What the model writes at every place, at once; nobody types that, so that each key asks the engine anew.
_SCRIPT: Final = {
    "lines": [
        {
            "when": "const ",
            "write": "normalisedTotal = collectEntries(first, second, limit);\n  if (normalisedTotal > limit) {\n"
            "    return normalisedTotal;\n  }\n",
        }
    ],
    "otherwise": "normalised_total = collect_entries(first, second, limit)\n    if normalised_total > limit:\n"
    "        return normalised_total\n    return second\n",
}


def write_model(home: Path) -> dict[str, str]:
    """Writes card and script below `home`; returns the environment in which a server finds them."""
    cards = home / "config" / "fimble" / "models"
    cards.mkdir(parents=True)
    (cards / f"{MODEL}.toml").write_text(_CARD, "utf-8")
    script = home / "script.json"
    script.write_bytes(msgspec.json.encode(_SCRIPT))
    return {"XDG_CONFIG_HOME": str(home / "config"), "FIMBLE_SCRIPT": str(script)}
