"""What holds for the source as a whole. The layers themselves are contracts of import-linter, run by `make check`."""

import ast
import json
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


def test_importing_jumar_imports_nothing_heavy():
    code = "import json, sys, jumar; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    loaded = set(json.loads(subprocess.check_output([sys.executable, "-c", code])))
    assert "blake3" in loaded
    assert not loaded & {"numpy", "pandas", "polars", "pyarrow", "torch", "scipy", "sklearn", "rich", "click", "joblib"}


def test_public_names_are_few_and_documented():
    import jumar

    assert len(jumar.__all__) <= 32
    assert [public for public in jumar.__all__ if not getattr(jumar, public).__doc__] == []
