"""The layers hold: what is pure touches nothing, few modules know the kernel's libraries, and no file is long."""

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

# Whatever is in none of these is pure.
IMPURE = set("kernel store runner engine resolver ownership host sandbox place programs cli __main__".split())  # noqa: SIM905
NO_LAYER = {"__init__"}

# What a pure module may import: nothing of it opens, waits, looks at a clock or draws lots.
HARMLESS = set(
    """
    __future__ abc collections dataclasses difflib errno fnmatch hashlib ipaddress itertools json re shlex types typing
    netbuilder pydantic yaml
    """.split()  # noqa: SIM905
)
EFFECTS = {"open", "input", "print", "eval", "exec", "compile", "__import__", "breakpoint"}


def layer(path: Path) -> str:
    """The first part of a module's name inside the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


PURE = [path for path in FILES if layer(path) not in IMPURE | NO_LAYER]


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


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


def importers(library: str) -> set[Path]:
    return {path for path in FILES if any(module.split(".")[0] == library for module in imports(path))}


def test_every_file_has_a_layer() -> None:
    assert {layer(path) for path in PURE} == set(
        """
        addresses compose errors firewall handed ledger links modes names plan ports receipts resolve resolved spec
        state steps units
        """.split()  # noqa: SIM905
    )
    assert {layer(path) for path in FILES} - {layer(path) for path in PURE} == IMPURE | NO_LAYER


@each_pure_file
def test_a_pure_module_imports_nothing_that_has_effects(path: Path) -> None:
    assert {module.split(".")[0] for module in imports(path)} <= HARMLESS


@each_pure_file
def test_a_pure_module_imports_no_impure_one(path: Path) -> None:
    ours = {module.split(".")[1] for module in imports(path) if module.startswith("netbuilder.")}
    assert not ours & IMPURE


@each_pure_file
def test_a_pure_module_opens_and_prints_nothing(path: Path) -> None:
    assert not {node.id for node in nodes(path) if isinstance(node, ast.Name)} & EFFECTS


@pytest.mark.parametrize("library", ["pyroute2", "nftables", "ctypes"])
def test_only_the_kernel_layer_knows_the_kernels_libraries(library: str) -> None:
    assert {layer(path) for path in importers(library)} == {"kernel"}


def test_one_module_knows_nftables() -> None:
    assert importers("nftables") == {PACKAGE / "kernel" / "nft.py"}


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


def test_a_name_loads_what_it_needs() -> None:
    assert loaded("from netbuilder import Network") & HEAVY <= loaded("import pydantic")
