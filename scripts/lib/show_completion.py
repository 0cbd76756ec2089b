"""Shows ghost text in a file of examples/, asked for with `fimble complete`, as quickstart's proof that all works."""

import json
import subprocess
import sys
from pathlib import Path

DIM, RESET = "\x1b[2;36m", "\x1b[0m"
CONTEXT_LINES = 3


def main() -> int:
    """Completes after the last `sum(` of the file and prints the lines around it, the ghost text dimmed."""
    file = Path(sys.argv[1])
    lines = file.read_text("utf-8").splitlines()
    row = max(number for number, line in enumerate(lines) if line.endswith("sum("))
    place = f"{file}:{row + 1}:{len(lines[row]) + 1}"
    print(f"$ fimble complete {place}")
    command = [str(Path(sys.executable).with_name("fimble")), "complete", place, "--workspace", ".", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)
        return done.returncode
    answer = json.loads(done.stdout)
    if not answer["text"]:
        print(f"fimble: the model suggested nothing ({answer['suppressed_by']}); run: fimble doctor", file=sys.stderr)
        return 1
    colour, plain = (DIM, RESET) if sys.stdout.isatty() else ("«", "»")
    first = max(0, row - CONTEXT_LINES)
    print()
    for number, line in enumerate(lines[first : row + 1 + CONTEXT_LINES], first):
        ghost = f"{colour}{answer['text']}{plain}" if number == row else ""
        print(f"  {number + 1:3}  {line}{ghost}")
    print()
    print(
        f"  {answer['latency_ms']:.0f} ms, {answer['prompt_tokens']} prompt tokens "
        f"({answer['cached_tokens']} cached), {answer['generated_tokens']} tokens written"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
