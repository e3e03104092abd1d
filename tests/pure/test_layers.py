"""The layers hold: no package knows those above it, what is pure touches nothing, and no file is long."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "netbuilder"
FILES = sorted(PACKAGE.rglob("*.py"))

# Each uses those ahead of it and none of those behind.
ORDER = "errors values packets spec resolve firewall steps recipes kernel engine host cli".split()  # noqa: SIM905
MAY_USE = {layer: {*ORDER[: at + 1]} for at, layer in enumerate(ORDER)}
MAY_USE["compose"] = {"errors", "values", "spec", "compose"}
MAY_USE["cli"].add("compose")
MAY_USE["__main__"] = {"cli"}
ABOVE_ALL = "__init__"  # it has a name of each, and imports it when it is first used

PURE_PACKAGES = set("errors values packets spec compose resolve firewall steps recipes".split())  # noqa: SIM905
PURE_MODULES = {
    "engine/__init__.py",
    "engine/announcements.py",
    "engine/changes.py",
    "engine/exchange.py",
    "engine/flows.py",
    "engine/forwarding.py",
    "engine/ledger.py",
    "engine/preflight.py",
    "engine/removal.py",
    "engine/report.py",
    "engine/surroundings.py",
    "engine/transition.py",
    "host/arguments.py",
}

# What a pure module may import: nothing of it opens, waits, looks at a clock or draws lots.
HARMLESS = set(
    """
    __future__ abc bisect collections contextlib dataclasses difflib errno fnmatch functools hashlib html inspect
    ipaddress itertools json operator posixpath re shlex string struct textwrap types typing netbuilder pydantic
    pydantic_core yaml
    """.split()  # noqa: SIM905
)
READS_ITSELF = {"firewall/outline.py": {"pathlib"}}
"""The rules are a file that is part of the package."""
EFFECTS = {"open", "input", "print", "eval", "exec", "compile", "__import__", "breakpoint"}


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def layer(path: Path) -> str:
    """The first part of a module's name inside the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


PURE = [path for path in FILES if layer(path) in PURE_PACKAGES or name(path) in PURE_MODULES]

each_file = pytest.mark.parametrize("path", FILES, ids=name)
each_pure_file = pytest.mark.parametrize("path", PURE, ids=name)


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text())))


def imports(path: Path) -> Iterator[str]:
    """Everything that a file imports, wherever in it: "os.path", and "netbuilder.spec" for a name of that module."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not looked into here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path: Path) -> Iterator[Path]:
    """The files of this package that a file imports."""
    for imported in imports(path):
        first, *parts = imported.split(".")
        if first == "netbuilder":
            yield file_of(parts)


def file_of(parts: list[str]) -> Path:
    """Where a name comes from: "spec.Network" from spec/__init__.py, "engine.report.Change" from engine/report.py."""
    for end in range(len(parts), 0, -1):
        module = PACKAGE.joinpath(*parts[:end])
        for file in (module.with_suffix(".py"), module / "__init__.py"):
            if file.exists():
                return file
    return PACKAGE / "__init__.py"


def importers(library: str) -> set[Path]:
    return {path for path in FILES if any(module.split(".")[0] == library for module in imports(path))}


def test_every_file_has_a_layer() -> None:
    assert {layer(path) for path in FILES} == {*MAY_USE, ABOVE_ALL}
    assert MAY_USE.keys() > PURE_PACKAGES
    assert {name(path) for path in FILES} >= PURE_MODULES | READS_ITSELF.keys()


def test_the_top_is_small() -> None:
    top = [entry for entry in PACKAGE.iterdir() if entry.is_file() or any(entry.glob("*.py"))]
    assert len(top) <= 16


@each_file
def test_no_import_goes_upwards(path: Path) -> None:
    if layer(path) != ABOVE_ALL:
        assert {layer(file) for file in ours(path)} <= MAY_USE[layer(path)]


@each_pure_file
def test_a_pure_module_imports_nothing_that_has_effects(path: Path) -> None:
    assert {module.split(".")[0] for module in imports(path)} <= HARMLESS | READS_ITSELF.get(name(path), set())


@each_pure_file
def test_a_pure_module_imports_no_impure_one(path: Path) -> None:
    assert set(ours(path)) <= set(PURE)


@each_pure_file
def test_a_pure_module_opens_and_prints_nothing(path: Path) -> None:
    assert not {node.id for node in nodes(path) if isinstance(node, ast.Name)} & EFFECTS


@pytest.mark.parametrize("library", ["nftables", "ctypes"])
def test_only_the_kernel_layer_knows_the_kernels_libraries(library: str) -> None:
    assert {layer(path) for path in importers(library)} == {"kernel"}


def test_one_module_knows_nftables() -> None:
    assert importers("nftables") == {PACKAGE / "kernel" / "nft.py"}


@pytest.mark.parametrize("library", ["pyroute2", "rich"])
def test_what_the_tests_are_held_against_is_not_needed_at_run_time(library: str) -> None:
    assert importers(library) == set()


@each_file
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 250


@each_file
def test_no_function_is_long(path: Path) -> None:
    functions = (node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    assert not [one.name for one in functions if (one.end_lineno or 0) - one.lineno >= 40]


HEAVY = {"pydantic", "pyroute2", "nftables", "sqlite3", "yaml", "asyncio", "rich"}


def loaded(program: str) -> set[str]:
    """Every module that an interpreter of its own has loaded by the end of a program."""
    program = f"import sys\n{program}\nprint('loaded:', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    return set(done.stdout.rpartition("loaded:")[2].split())


@pytest.mark.parametrize(
    ("program", "ours"),
    [
        ("import netbuilder", "netbuilder"),
        ("from netbuilder.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass", "netbuilder.cli.parser"),
    ],
    ids=["import", "help"],
)
def test_what_is_not_needed_yet_is_not_loaded(program: str, ours: str) -> None:
    modules = loaded(program)
    assert ours in modules
    assert not modules & HEAVY


LOOK = "from netbuilder.host import Host; from netbuilder.cli import commands, report, show"
UNDO = f"{LOOK}; from netbuilder.engine import executor"


@pytest.mark.parametrize(
    ("program", "heavy"),
    [
        (LOOK, HEAVY | {"netbuilder.spec", "netbuilder.compose", "netbuilder.engine.changes", "netbuilder.packets"}),
        (f"{LOOK}; from netbuilder.engine import condition", HEAVY | {"netbuilder.spec", "netbuilder.engine.executor"}),
        (UNDO, HEAVY | {"netbuilder.spec", "netbuilder.resolve.specs"}),
        ("from netbuilder import Plan, ResolvedSandbox, Changes, Step, NotFound", HEAVY | {"netbuilder.spec"}),
        ("from netbuilder import Host, Sandbox\nfrom netbuilder.engine import preparation", HEAVY - {"pydantic"}),
    ],
    ids=["exec", "ps", "down --all", "values", "up"],
)
def test_what_a_command_does_not_need_is_not_loaded(program: str, heavy: set[str]) -> None:
    assert not loaded(program) & heavy


def test_a_name_loads_what_it_needs() -> None:
    assert loaded("from netbuilder import Network") & HEAVY <= loaded("import pydantic")
