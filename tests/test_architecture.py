"""The folder list is the architecture: who may know whom, where foreign libraries live, and how large things get."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "importer"
MODULES = sorted(PACKAGE.rglob("*.py"))

#: From the bottom up: a package may know those of lower levels, and none of its own level or above it.
LEVELS = (
    {"errors", "models", "version"},
    {"text"},
    {"files"},
    {"talkdesk", "reader"},
    {"ledger"},
    {"mapping", "settings", "progress"},
    {"delivery", "failures", "profile"},
    {"report", "checks"},
    {"suggest"},
    {"intake"},
    {"verbs"},
    {"api"},
    {"cli", "__init__", "__main__"},
)
#: Apart from all: it must not inherit the mistakes of the client.
SANDBOX = "sandbox"

#: The homes of each foreign library, as the beginnings of module names.
HOMES = {
    "aiohttp": ("talkdesk.transport", "sandbox."),
    "aiolimiter": ("delivery.rate_limit",),
    "click": ("cli.",),
    "cryptography": (
        "talkdesk.auth",
        "sandbox.",
    ),
    "dotenv": ("settings.loading",),
    "filelock": ("ledger.lock",),
    "inscriptis": ("mapping.html",),
    "jinja2": ("report.page", "sandbox.server"),
    "jwt": ("talkdesk.auth", "sandbox."),
    "lxml": ("mapping.html",),
    "multidict": ("sandbox.",),
    "numpy": ("reader.dataframe_reader",),
    "pandas": ("reader.base", "reader.dataframe_reader", "suggest.first_rows"),
    "pydantic": (
        "checks.baseline",
        "settings.model",
        "talkdesk.",
        "mapping.language.",
        "mapping.converters",
        "mapping.custom_fields",
        "mapping.field_errors",
        "mapping.loader",
        "delivery.",
        "sandbox.",
        "verbs.results",
        "verbs.schemas",
    ),
    "pydantic_core": ("mapping.language.", "mapping.field_errors"),
    "python_calamine": ("reader.excel_reader",),
    "ruamel": ("files.yaml", "settings.loading"),
    "sqlite3": ("ledger.", "sandbox.storage"),
    "tqdm": ("cli.",),
    "uvloop": ("verbs.plain",),
    "xlsxwriter": ("failures.workbook",),
    "yarl": ("talkdesk.transport",),
}
#: Of aiohttp the sandbox may use what serves, and nothing that asks.
SERVING = re.compile(r"aiohttp\.web(\..+)?")

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60


def name_of(path: Path) -> str:
    """``ledger.store`` for ``importer/ledger/store.py``; a package is called by its folder and a dot."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1]) + "." if parts[-1] == "__init__" and len(parts) > 1 else ".".join(parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Everything that is run; imports for the type checker are none."""
    for child in ast.iter_child_nodes(tree):
        if not is_for_types_only(child):
            yield child
            yield from nodes(child)


@cache
def imports(path: Path, *, for_types: bool = False) -> frozenset[str]:
    """The full names of all that a module imports, wherever in it; ``for_types``: also for the type checker."""
    found = set()
    for node in ast.walk(tree_of(path)) if for_types else nodes(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written out in full"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def package_of(name: str) -> str:
    return name.split(".")[0]


def level_of(package: str) -> int:
    return next(number for number, level in enumerate(LEVELS) if package in level)


def known_packages(path: Path) -> set[str]:
    """The packages and root modules that a module imports from."""
    known = {name.split(".")[1] for name in imports(path, for_types=True) if name.startswith("importer.")}
    return {"version" if package == "__version__" else package for package in known}


def upward(path: Path) -> set[str]:
    """The packages that a module must not know: those on its own level or above it; the sandbox knows only errors."""
    package = package_of(name_of(path))
    known = known_packages(path) - {package}
    if package == SANDBOX:
        return known - {"errors"}
    if package in ("__init__", "__main__"):
        return set()
    if package in ("verbs", "cli"):
        known -= {SANDBOX}
    return {other for other in known if other == SANDBOX or level_of(other) >= level_of(package)}


def test_packages_know_only_what_is_below_them() -> None:
    assert {name_of(path): packages for path in MODULES if (packages := upward(path))} == {}


def modules_known(path: Path) -> set[Path]:
    """The modules of the program that a module imports, or names of which it imports."""
    known = set()
    for name in imports(path, for_types=True):
        parts = name.split(".")
        if parts[0] == "importer":
            candidates = (PACKAGE.joinpath(*parts[1:count]) for count in (len(parts), len(parts) - 1))
            files = (file for at in candidates for file in (at.with_suffix(".py"), at / "__init__.py"))
            known |= set(islice((file for file in files if file in MODULES), 1))
    return known - {path}


def test_no_circle_of_imports() -> None:
    """Also none that is closed inside a function or for the type checker: a reader walks them all the same."""
    graph = {path: modules_known(path) for path in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(map(name_of, error.args[1]))) from None


def arrows_drawn() -> set[tuple[str, str]]:
    """The arrows between packages in docs/design.md."""
    picture = (ROOT / "docs/design.md").read_text(encoding="utf-8").partition("```mermaid")[2].partition("```")[0]
    lines = re.findall(r"^ *(\w+)(?:\[.*\])? --> (.+)$", picture, re.MULTILINE)
    return {(package, known) for package, others in lines for known in others.split(" & ")}


def test_the_picture_of_the_packages_is_true() -> None:
    """It leaves out the root modules, and arrows that follow from others."""
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()} | {"api"}
    known: dict[str, set[str]] = {folder: set() for folder in folders}
    for path in MODULES:
        if (package := package_of(name_of(path))) in folders:
            known[package] |= known_packages(path) & folders - {package}
    below: dict[str, set[str]] = {}
    for package in TopologicalSorter(known).static_order():
        below[package] = known[package].union(*(below[other] for other in known[package]))
    direct = {
        (package, other)
        for package, others in known.items()
        for other in others
        if not any(other in below[between] for between in others)
    }
    assert arrows_drawn() == direct


def test_no_module_imports_from_the_public_names() -> None:
    """They are loaded when first used, from inside they would be loaded in a circle."""
    modules = [path for path in MODULES if path != PACKAGE / "__init__.py"]  # whose docstring shows how it is done
    assert [name_of(path) for path in modules if "from importer import " in path.read_text(encoding="utf-8")] == []


def test_every_package_has_its_level() -> None:
    """A new package is a decision, not an accident."""
    packages = {package_of(name_of(path)) for path in MODULES}
    assert packages - {SANDBOX} == set().union(*LEVELS)


def strangers(path: Path) -> set[str]:
    """The foreign libraries that a module imports although their home is elsewhere."""
    used = {imported.split(".")[0] for imported in imports(path)}
    return {library for library in used if library in HOMES and not name_of(path).startswith(HOMES[library])}


def test_each_foreign_library_lives_in_one_place() -> None:
    assert {name_of(path): libraries for path in MODULES if (libraries := strangers(path))} == {}


def test_no_foreign_library_without_a_home() -> None:
    """A new dependency is a decision as well."""
    used = {imported.split(".")[0] for path in MODULES for imported in imports(path)}
    everywhere = {"importer", "orjson", "typing_extensions"}
    assert used - set(sys.stdlib_module_names) - everywhere - set(HOMES) == set()


def test_no_library_is_given_a_home_that_it_does_not_need() -> None:
    used = {imported.split(".")[0] for path in MODULES for imported in imports(path)}
    assert set(HOMES) - used <= {"numpy", "cryptography"}


def test_the_sandbox_serves_and_asks_nobody() -> None:
    used = {name for path in MODULES if package_of(name_of(path)) == SANDBOX for name in imports(path)}
    assert [name for name in used if name.split(".")[0] == "aiohttp" and not SERVING.fullmatch(name)] == []


def test_only_the_client_asks() -> None:
    """There is one border to the network; reader and mapping are on this side of it."""
    words = {"socket", "ssl", "http", "urllib.request", "requests", "httpx"}
    asking = {
        name_of(path)
        for path in MODULES
        if any(imported == word or imported.startswith(f"{word}.") for imported in imports(path) for word in words)
    }
    assert {package_of(name) for name in asking} <= {"talkdesk", SANDBOX}


def test_only_the_ledger_and_the_sandbox_know_their_tables() -> None:
    """Whoever changes a column has one package to look at."""
    query = re.compile(r"\b(SELECT .* FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b", re.DOTALL)
    speaking = {path for path in MODULES if query.search(path.read_text(encoding="utf-8"))}
    assert {package_of(name_of(path)) for path in speaking} == {"ledger", SANDBOX}


def test_help_loads_no_heavy_library() -> None:
    """The command answers at once, and the package costs nothing before it is used."""
    for arguments in (["-m", "importer", "--help"], ["-c", "import importer"]):
        command = [sys.executable, "-X", "importtime", *arguments]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
        loaded = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in run.stderr.splitlines() if "|" in line}
        assert "importer" in loaded
        assert loaded & {"pandas", "numpy", "aiohttp", "pydantic", "python_calamine", "jwt", "cryptography"} == set()


def too_long(path: Path) -> dict[str, int]:
    """The file, and the functions in it, that are longer than they may be."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    lengths = {
        f"{name_of(path)}.{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    found = {name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_FUNCTION}
    return found | ({name_of(path): lines} if lines > MOST_LINES_OF_A_FILE else {})


def test_files_and_functions_stay_small() -> None:
    assert {name: lines for path in MODULES for name, lines in too_long(path).items()} == {}


def test_no_module_is_named_by_what_it_is_not_about() -> None:
    words = {"utils", "util", "helpers", "helper", "manager", "handler", "common", "misc", "tools"}
    assert {path for path in MODULES if words & {path.stem, path.parent.name}} == set()


def test_a_file_name_stands_once() -> None:
    """So that it says which module is meant; sandbox and cli may repeat the name of what they mirror."""
    mirrors = {SANDBOX, "cli"}
    names = Counter(path.name for path in MODULES if package_of(name_of(path)) not in mirrors)
    assert {name for name, count in names.items() if count > 1} == {"__init__.py"}


def test_test_files_have_names_of_their_own() -> None:
    """They share one name space, for want of packages."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []
