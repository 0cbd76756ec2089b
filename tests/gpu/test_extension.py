"""ExLlamaV2's extension is compiled, or installed, and can be imported."""

import subprocess
import sys


def test_exllamav2_is_imported_with_its_extension() -> None:
    path = [folder for folder in sys.path if folder]
    program = f"import sys; sys.path[:0] = {path!r}; import exllamav2, exllamav2_ext; print(exllamav2.__version__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split()[-1:] == ["0.3.2"], done.stderr
