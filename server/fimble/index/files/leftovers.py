"""What tools and editors leave in a folder and nobody wrote: not listed unless git tracks it or a pattern says `!`.

Names that can also mean source code (`build`, `target`) count only beside a file of the tool that writes them.
`vendor` and `third_party` are not here: their definitions are wanted, and `source` marks them.
"""

import os
from collections.abc import Container
from typing import Final

from fimble.index.files.patterns import Patterns

CONTROL_FOLDERS: Final = frozenset(
    {".git", ".hg", ".svn", ".bzr", ".jj", ".sl", ".pijul", "_darcs", "CVS", ".repo", ".fslckout"}
)
"""What version control keeps for itself; never listed, whatever patterns say."""

LEFTOVERS: Final = Patterns(
    """
    .venv/ venv/ .virtualenv/ virtualenv/ __pycache__/ __pypackages__/ .tox/ .nox/ .eggs/ *.egg-info/
    .ipynb_checkpoints/ .mypy_cache/ .pytest_cache/ .ruff_cache/ .hypothesis/ .pytype/ .pyre/ .import_linter_cache/
    htmlcov/
    node_modules/ bower_components/ jspm_packages/ .next/ .nuxt/ .svelte-kit/ .astro/ .angular/ .parcel-cache/ .turbo/
    .yarn/ .pnpm-store/ .nyc_output/ .vite/ .docusaurus/ .expo/
    .gradle/ .idea/ .vs/ .metals/ .bloop/ .ccls-cache/ .clangd/ .cache/ .direnv/ .devenv/ .terraform/ .terragrunt-cache/
    .dart_tool/ .stack-work/ dist-newstyle/ .zig-cache/ zig-cache/ .elixir_ls/ .bundle/ .serverless/ .aws-sam/
    *.pyc *.pyo *~ *.swp *.swo *.swx .#* *.tmp .*.un~ .goutputstream-* .nfs* .fuse_hidden* .~lock.*
    *___jb_tmp___ *___jb_old___ .DS_Store 4913 .sync-conflict-*
    """.replace(" ", "\n")
    + "\n\\#*#\n"
)

_TOOL_FILES: Final = {
    "build": (
        "setup.py",
        "pyproject.toml",
        "package.json",
        "CMakeLists.txt",
        "build.gradle",
        "build.gradle.kts",
        "pubspec.yaml",
    ),
    "dist": ("setup.py", "pyproject.toml", "package.json"),
    "out": ("package.json", "build.gradle", "build.gradle.kts"),
    "target": ("Cargo.toml", "pom.xml", "build.sbt"),
    "Pods": ("Podfile",),
    "_build": ("mix.exs", "dune-project", "rebar.config"),
}
# A virtual environment of any name, and what asks not to be backed up (https://bford.info/cachedir/).
MARKS: Final = ("pyvenv.cfg", "CACHEDIR.TAG")


def is_output(folder: str) -> bool:
    """Returns whether a tool beside the folder at this absolute path writes its output there."""
    parent, _, name = folder.rpartition("/")
    return any(os.path.lexists(f"{parent}/{tool_file}") for tool_file in _TOOL_FILES.get(name, ()))


def is_marked(folder: str, names: Container[str] | None) -> bool:
    """Returns whether a file in the folder says that all of it is left over; `names` is what is in it, if known."""
    if names is not None:
        return any(mark in names for mark in MARKS)
    return any(os.path.lexists(f"{folder}/{mark}") for mark in MARKS)
