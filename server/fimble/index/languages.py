"""The languages that the index understands: how their files are recognised, and where their grammars are.

A grammar is a wheel of its own and is loaded, with its tag query, when the first file needs it.
"""

import importlib
import re
import warnings
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Final

import tree_sitter


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language.

    `module` and `function` say where the grammar is; `line_comments` are the markers of comments that may
    document what follows them. `is_data` marks formats whose files hold data rather than code: they are indexed
    last. `editor_ids` are LSP language ids other than the name.
    """

    name: str
    module: str
    function: str = "language"
    extensions: tuple[str, ...] = ()
    filenames: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    editor_ids: tuple[str, ...] = ()
    line_comments: tuple[str, ...] = ("//",)
    has_block_comments: bool = True
    is_data: bool = False
    tags: str = field(default="")

    @property
    def tags_file(self) -> str:
        """The name of the tag query's file; dialects may share one."""
        return (self.tags or self.name) + ".scm"


@dataclass(frozen=True, slots=True)
class Grammar:
    """A language's loaded grammar and its compiled tag query."""

    language: Language
    parser_language: tree_sitter.Language
    query: tree_sitter.Query


_HASH: Final = ("#",)
_DASHES: Final = ("--",)

LANGUAGES: Final = (
    Language(
        name="python",
        module="tree_sitter_python",
        extensions=("py", "pyi", "pyw"),
        filenames=("SConstruct", "SConscript"),
        interpreters=("python", "python3", "python2"),
        line_comments=_HASH,
        has_block_comments=False,
    ),
    Language(
        name="typescript",
        module="tree_sitter_typescript",
        function="language_typescript",
        extensions=("ts", "mts", "cts"),
        interpreters=("deno", "ts-node", "tsx"),
    ),
    Language(
        name="tsx",
        module="tree_sitter_typescript",
        function="language_tsx",
        extensions=("tsx",),
        editor_ids=("typescriptreact",),
        tags="typescript",
    ),
    Language(
        name="javascript",
        module="tree_sitter_javascript",
        extensions=("js", "jsx", "mjs", "cjs"),
        interpreters=("node", "bun"),
        editor_ids=("javascriptreact",),
    ),
    Language(name="rust", module="tree_sitter_rust", extensions=("rs",), line_comments=("///", "//!", "//")),
    Language(name="go", module="tree_sitter_go", extensions=("go",)),
    Language(name="java", module="tree_sitter_java", extensions=("java",)),
    Language(name="c", module="tree_sitter_c", extensions=("c", "h")),
    Language(
        name="cpp",
        module="tree_sitter_cpp",
        extensions=("cpp", "cc", "cxx", "hpp", "hh", "hxx", "h++", "c++", "ipp", "inl", "tpp", "cu", "cuh"),
        editor_ids=("cuda-cpp",),
    ),
    Language(name="csharp", module="tree_sitter_c_sharp", extensions=("cs",), line_comments=("///", "//")),
    Language(
        name="ruby",
        module="tree_sitter_ruby",
        extensions=("rb", "rake", "gemspec", "podspec", "ru"),
        filenames=("Rakefile", "Gemfile", "Vagrantfile", "Podfile", "Brewfile", "Guardfile", "Capfile", "Fastfile"),
        interpreters=("ruby",),
        line_comments=_HASH,
        has_block_comments=False,
    ),
    Language(
        name="php",
        module="tree_sitter_php",
        function="language_php",
        extensions=("php", "phtml"),
        interpreters=("php",),
        line_comments=("//", "#"),
    ),
    Language(name="kotlin", module="tree_sitter_kotlin", extensions=("kt", "kts")),
    Language(name="swift", module="tree_sitter_swift", extensions=("swift",), line_comments=("///", "//")),
    Language(name="scala", module="tree_sitter_scala", extensions=("scala", "sc", "sbt")),
    Language(
        name="lua",
        module="tree_sitter_lua",
        extensions=("lua", "rockspec"),
        interpreters=("lua", "luajit"),
        line_comments=("---", "--"),
        has_block_comments=False,
    ),
    Language(
        name="bash",
        module="tree_sitter_bash",
        extensions=("sh", "bash", "zsh", "ksh", "bats"),
        filenames=(
            ".bashrc",
            ".bash_profile",
            ".bash_aliases",
            ".profile",
            ".zshrc",
            ".zshenv",
            ".zprofile",
            ".envrc",
            "PKGBUILD",
            "APKBUILD",
        ),
        interpreters=("sh", "bash", "dash", "zsh", "ksh"),
        editor_ids=("shellscript", "sh", "zsh"),
        line_comments=_HASH,
        has_block_comments=False,
    ),
    Language(name="html", module="tree_sitter_html", extensions=("html", "htm", "xhtml")),
    Language(name="css", module="tree_sitter_css", extensions=("css",)),
    Language(
        name="json",
        module="tree_sitter_json",
        extensions=("json", "jsonc", "code-workspace", "webmanifest", "geojson"),
        filenames=(".prettierrc", ".eslintrc", ".babelrc"),
        editor_ids=("jsonc",),
        is_data=True,
    ),
    Language(
        name="yaml",
        module="tree_sitter_yaml",
        extensions=("yaml", "yml"),
        filenames=(".clang-format", ".clang-tidy", ".clangd"),
        editor_ids=("dockercompose", "github-actions-workflow"),
        line_comments=_HASH,
        has_block_comments=False,
        is_data=True,
    ),
    Language(
        name="toml",
        module="tree_sitter_toml",
        extensions=("toml",),
        filenames=("Cargo.lock", "Pipfile", "poetry.lock", "uv.lock"),
        line_comments=_HASH,
        has_block_comments=False,
        is_data=True,
    ),
    Language(
        name="markdown",
        module="tree_sitter_markdown",
        extensions=("md", "markdown", "mdx"),
        has_block_comments=False,
        line_comments=(),
    ),
    Language(name="sql", module="tree_sitter_sql", extensions=("sql",), line_comments=_DASHES),
    Language(
        name="elixir",
        module="tree_sitter_elixir",
        extensions=("ex", "exs"),
        interpreters=("elixir",),
        line_comments=_HASH,
        has_block_comments=False,
    ),
    Language(
        name="haskell",
        module="tree_sitter_haskell",
        extensions=("hs",),
        interpreters=("runhaskell", "stack"),
        line_comments=("-- |", "--"),
        has_block_comments=False,
    ),
    Language(name="zig", module="tree_sitter_zig", extensions=("zig", "zon"), line_comments=("///", "//!", "//")),
    Language(name="dart", module="tree_sitter_dart", extensions=("dart",), line_comments=("///", "//")),
    Language(
        name="julia",
        module="tree_sitter_julia",
        extensions=("jl",),
        interpreters=("julia",),
        line_comments=_HASH,
        has_block_comments=False,
    ),
    Language(
        name="hcl",
        module="tree_sitter_hcl",
        extensions=("tf", "hcl", "tfvars", "tofu", "nomad"),
        editor_ids=("terraform",),
        line_comments=("#", "//"),
    ),
    Language(
        name="make",
        module="tree_sitter_make",
        extensions=("mk", "mak"),
        filenames=("Makefile", "makefile", "GNUmakefile"),
        editor_ids=("makefile",),
        line_comments=_HASH,
        has_block_comments=False,
    ),
    Language(
        name="dockerfile",
        module="tree_sitter_dockerfile",
        extensions=("dockerfile",),
        filenames=("Dockerfile", "Containerfile"),
        line_comments=_HASH,
        has_block_comments=False,
    ),
)

_BY_NAME: Final = {language.name: language for language in LANGUAGES}
_BY_EDITOR_ID: Final = _BY_NAME | {id_: language for language in LANGUAGES for id_ in language.editor_ids}
_BY_EXTENSION: Final = {extension: language for language in LANGUAGES for extension in language.extensions}
_BY_FILENAME: Final = {name: language for language in LANGUAGES for name in language.filenames}
_BY_INTERPRETER: Final = {name: language for language in LANGUAGES for name in language.interpreters}
_SHEBANG: Final = re.compile(rb"#!\s*(?:\S*/env\s+(?:-S\s+)?(?:\w+=\S*\s+)*)?(?:\S*/)?([A-Za-z_-]+)[\d.]*(?=\s|$)")


def language_named(name: str) -> Language | None:
    """Returns the language called `name`."""
    return _BY_NAME.get(name)


def language_of_editor_id(editor_id: str) -> Language | None:
    """Returns the language that an editor calls `editor_id` (LSP's languageId)."""
    return _BY_EDITOR_ID.get(editor_id)


def language_of_path(path: str) -> Language | None:
    """Returns the language of a file by its name alone."""
    name = path.rpartition("/")[2]
    if (language := _BY_FILENAME.get(name)) is not None:
        return language
    stem, dot, extension = name.rpartition(".")
    if dot and (stem or not extension):
        return _BY_EXTENSION.get(extension) or _BY_EXTENSION.get(extension.lower())
    return None


def language_of_shebang(head: bytes) -> Language | None:
    """Returns the language of the interpreter that a file's first line names."""
    match = _SHEBANG.match(head)
    return _BY_INTERPRETER.get(match[1].decode("ascii")) if match else None


@cache
def grammar_of(language: Language) -> Grammar | None:
    """Loads a language's grammar and compiles its tag query; None where the grammar is not installed."""
    try:
        module = importlib.import_module(language.module)
    except ImportError:
        return None
    with warnings.catch_warnings():
        # Grammars that were built some years ago hand over a plain number, which works.
        warnings.simplefilter("ignore", DeprecationWarning)
        parser_language = tree_sitter.Language(getattr(module, language.function)())
    query = tree_sitter.Query(parser_language, tag_query(language))
    return Grammar(language, parser_language, query)


def tag_query(language: Language) -> str:
    """Returns the text of a language's tag query."""
    return resources.files("fimble.index").joinpath("tags", language.tags_file).read_text("utf-8")
