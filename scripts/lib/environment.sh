# Sourced by the scripts: makes .venv and installs Fimble with its pinned dependencies, and does nothing when that has
# been done for the files as they are.

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
fail() { printf 'fimble: %s\n' "$*" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed; on Debian or Ubuntu run: sudo apt-get install python3 python3-venv"
}

# make_environment [dev]: with "dev" the tools for tests and checks as well.
make_environment() {
    local extra=${1:-} lock stamp python
    [ "$(uname -s)" != Linux ] && [ "$(uname -s)" != Darwin ] &&
        fail "Fimble runs on Linux and macOS; on Windows use WSL2."
    lock=requirements/run.txt
    [ "$extra" = dev ] && lock=requirements/dev.txt
    stamp=.venv/.installed-${extra:-run}
    if [ -f "$stamp" ] && [ "$(fingerprint)" = "$(cat "$stamp")" ] && .venv/bin/python -c 'import fimble' 2>/dev/null
    then
        compile_sources
        return
    fi
    say "Python environment"
    python=$(find_python)
    if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
        rm -rf .venv
        "$python" -m venv .venv || {
            rm -rf .venv
            fail "The virtual environment could not be made; on Debian or Ubuntu run: sudo apt-get install python3-venv"
        }
    fi
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock" ||
        fail "The dependencies could not be installed; check the network and the free disk space, then run this again."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . ||
        fail "Fimble itself could not be installed; the lines above say why."
    # Who has the tools for development has what running needs.
    [ "$extra" = dev ] && fingerprint >.venv/.installed-run
    fingerprint >"$stamp"
    compile_sources
}

# ExLlamaV2 with torch for the CPU: the tests run it on a stand-in for its compiled part. Torch's own index has builds
# without CUDA, which are a twentieth of the size; where they cannot be had, those tests are skipped and say so.
add_exllamav2() {
    local torch=torch==2.13.0
    [ "$(uname -s)" = Linux ] && torch+=+cpu
    .venv/bin/python -c 'from importlib.metadata import version as v; v("torch"), v("exllamav2")' 2>/dev/null && return
    say "ExLlamaV2 on the CPU, for its tests"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 1 --only-binary :all: \
        --extra-index-url https://download.pytorch.org/whl/cpu "$torch" &&
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps exllamav2==0.3.2 ||
        echo "It could not be installed; the tests that need it are skipped."
}

# Every process of Fimble starts in half the time, also where Python is told not to write what it has compiled.
compile_sources() { .venv/bin/python -m compileall -q server/fimble || true; }

fingerprint() {
    cat pyproject.toml requirements/*.txt scripts/lib/environment.sh | cksum
    pwd
}
