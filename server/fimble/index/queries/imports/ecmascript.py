"""Imports of TypeScript and JavaScript: relative files, tsconfig's paths, and packages of the same repository."""

from collections.abc import Iterator
from typing import Final

from fimble.index.queries.imports.project_files import CompilerOptions, Package, compiler_options, package, package_name
from fimble.index.queries.imports.workspace_files import WorkspaceFiles, ancestors, folder_of, join, within
from fimble.index.symbols import Import

_EXTENSIONS: Final = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mts", ".cts", ".mjs", ".cjs", ".json", ".vue", ".svelte")
_SWAPPED: Final = {
    # TypeScript imports its own files by the name that the compiled file will have.
    ".js": (".ts", ".tsx", ".d.ts", ".jsx"),
    ".jsx": (".tsx",),
    ".mjs": (".mts", ".d.mts"),
    ".cjs": (".cts", ".d.cts"),
    ".d.ts": (".ts", ".tsx"),
}
_OPTION_FILES: Final = ("tsconfig.json", "tsconfig.app.json", "tsconfig.base.json", "jsconfig.json")
_BUILT: Final = frozenset({"dist", "lib", "build", "out", "es", "esm", "cjs", "types", "umd"})
_SPECIFIER_MAX: Final = 300


def groups(files: WorkspaceFiles, path: str, import_: Import) -> list[list[str]]:
    """Returns the files that an import may mean, one group each, in the order in which a bundler would look."""
    specifier = import_.module.partition("?")[0]
    if not specifier or len(specifier) > _SPECIFIER_MAX:
        return []
    folder = folder_of(path)
    if specifier.startswith(("./", "../")) or specifier in {".", ".."}:
        return [[file] for file in _file_forms(join(folder, specifier))]
    found: list[str] = []
    for options in _options_around(files, folder):
        found.extend(_mapped(options, specifier))
    if specifier.startswith("#"):
        found.extend(_private(files, folder, specifier))
    elif not specifier.startswith("/"):
        found.extend(_in_packages(files, specifier))
    return [[file] for file in dict.fromkeys(found)]


def _file_forms(base: str | None) -> Iterator[str]:
    """Yields the files that a path without extension, or with that of the compiled file, may mean."""
    if base is None:
        return
    if base:
        yield base
        for extension, others in _SWAPPED.items():
            if base.endswith(extension):
                stem = base.removesuffix(extension)
                yield from (stem + other for other in others)
        yield from (base + extension for extension in _EXTENSIONS)
    yield from (within(base, "index" + extension) for extension in _EXTENSIONS)


def _options_around(files: WorkspaceFiles, folder: str) -> list[CompilerOptions]:
    key = (_options_around, folder)
    if key not in files.memory:
        paths = [within(around, name) for around in ancestors(folder) for name in _OPTION_FILES]
        existing = files.existing(paths)
        found = (compiler_options(files, path) for path in paths if path in existing)
        files.memory[key] = [options for options in found if options is not None]
    known: list[CompilerOptions] = files.memory[key]
    return known


def _mapped(options: CompilerOptions, specifier: str) -> Iterator[str]:
    for prefix, suffix, targets in options.paths:
        if suffix is None:
            if specifier == prefix:
                for target in targets:
                    yield from _file_forms(target)
        elif (
            len(specifier) >= len(prefix) + len(suffix) and specifier.startswith(prefix) and specifier.endswith(suffix)
        ):
            star = specifier[len(prefix) : len(specifier) - len(suffix)]
            for target in targets:
                yield from _file_forms(join("", target.replace("*", star, 1)))
    if options.base_url is not None:
        yield from _file_forms(join(options.base_url, specifier))


def _private(files: WorkspaceFiles, folder: str, specifier: str) -> Iterator[str]:
    """Yields what the `imports` of the nearest package.json say about a specifier that starts with #."""
    for around in ancestors(folder):
        manifest = files.settings(within(around, "package.json"), package)
        if manifest is not None:
            for target in manifest.targets(manifest.imports, specifier):
                yield from _target_forms(around, target)
            return


def _in_packages(files: WorkspaceFiles, specifier: str) -> Iterator[str]:
    pieces = specifier.split("/")
    length = 2 if specifier.startswith("@") else 1
    name, inner = "/".join(pieces[:length]), "/".join(pieces[length:])
    home = files.manifests("package.json", package_name).get(name)
    if home is None:
        return
    manifest = files.settings(within(home, "package.json"), package)
    if manifest is not None and manifest.name == name:
        yield from _package_forms(manifest, home, inner)


def _package_forms(manifest: Package, home: str, inner: str) -> Iterator[str]:
    for target in manifest.targets(manifest.exports, f"./{inner}" if inner else "."):
        yield from _target_forms(home, target)
    if inner:
        yield from _target_forms(home, inner)
        yield from _file_forms(join(home, f"src/{inner}"))
        return
    for target in manifest.entries:
        yield from _target_forms(home, target)
    yield from _file_forms(join(home, "src"))
    yield from _file_forms(home)


def _target_forms(home: str, target: str) -> Iterator[str]:
    """Yields the files that a target in a package.json means; what is built has its source in src."""
    path = join(home, target)
    if path is None:
        return
    yield from _file_forms(path)
    inside = path[len(home) + 1 if home else 0 :].split("/")
    if len(inside) > 1 and inside[0] in _BUILT:
        rest = inside[2:] if len(inside) > 2 and inside[1] in _BUILT else inside[1:]
        yield from _file_forms(within(home, "/".join(["src", *rest])))
