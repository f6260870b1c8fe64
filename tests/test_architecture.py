"""What holds for the source as a whole. The layers themselves are contracts of import-linter, run by `make check`."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "src" / "jumar").rglob("*.py"))
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def name(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_module_fits_on_a_few_screens_and_is_named_by_what_it_is(module):
    text = module.read_text()
    assert text.count("\n") <= 600
    assert module.stem not in {"utils", "util", "common", "helpers", "base", "misc", "manager"}
    for function in ast.walk(ast.parse(text)):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert function.end_lineno - function.lineno < 70, function.name


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


HEAVY = {
    *("numpy", "pandas", "polars", "pyarrow", "torch", "scipy", "sklearn", "rich", "click", "joblib", "cloudpickle"),
    *("subprocess", "json", "zipfile", "tomllib", "asyncio", "importlib.metadata"),
}
SELDOM_USED = {
    *("chunks.scratch", "chunks.segment", "chunks.reference", "store.elsewhere", "processes.executor"),
    *("cli", "testing", "why", "plan", "picture", "hooks", "progress", "flights", "graph.diagram", "keys.value_stdlib"),
    *("shell.task", "shell.options", "shell.result", "shell.execution", "codecs.numpy", "codecs.arrow", "codecs.zstd"),
    *("store.opening", "store.sqlite_index", "store.file_blobs", "store.layout", "store.writer", "store.held_blobs"),
    *("store.sweep", "store.retention", "store.check", "store.archive", "store.joined_store", "store.lease"),
    *(
        "actors",
        "runs",
        "open_run",
        "waiting",
        "store.awaited",
        "store.named_runs",
        "store.labels",
        "store.rebuild",
        "store.salvage",
        "store.budget",
        "store.memory_blobs",
        "chunks.scratch",
        "memory.pool",
        "memory.room",
    ),
}
"""Modules of our own that a program which imports jumar may never need: they are imported by what uses them."""


def test_importing_jumar_imports_nothing_heavy_and_nothing_that_is_seldom_used():
    code = "import sys, jumar; print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert "blake3" in loaded
    assert not loaded & HEAVY
    assert not loaded & {f"jumar.{module}" for module in SELDOM_USED}
    paths = [ROOT / "src" / "jumar" / module.replace(".", "/") for module in SELDOM_USED]
    assert [path for path in paths if not (path.is_dir() or path.with_suffix(".py").is_file())] == []


def test_public_names_that_are_imported_late_are_there():
    code = "import jumar; print(*(getattr(jumar, name).__name__ for name in ('Graph', 'ShellError', 'ShellResult', 'hooks')))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == [
        *("Graph", "ShellError", "ShellResult", "jumar.hooks")
    ]
    code = "from jumar import *; import jumar; print(set(jumar.__all__) <= {*globals()} & {*dir(jumar)})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True\n"
    code = "import jumar; from jumar.shell import ShellTask; print(callable(jumar.shell), hasattr(jumar, 'shel'))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True False\n"


def test_public_names_are_few_and_documented():
    import jumar

    assert len(jumar.__all__) <= 53
    assert [public for public in jumar.__all__ if not getattr(jumar, public).__doc__] == []
