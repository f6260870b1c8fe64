"""Where the source of a function comes from: files, scripts, notebooks, or nowhere."""

import importlib
import importlib.util
import linecache
import os
import subprocess
import sys

import pytest

from jumar.keys import code_module
from jumar.keys.code import fingerprint_code, set_project
from jumar.keys.code_source import source_of

SCRIPT = """\
import sys
from jumar.keys.code import fingerprint_code

ALPHA = 3

class Model:
    def fit(self, x):
        return x * ALPHA

def helper(x):
    return Model().fit(x)

def task(x):
    return helper(x) + ALPHA

if __name__ == "__main__":
    print(fingerprint_code(task).digest.hex())
"""


def load(path, text, name):
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def module(tmp_path, request):
    """Loads a text as a module of its own name, which is forgotten afterwards."""
    loaded = []

    def make(text, name="loaded"):
        loaded.append(f"jumar_test_{name}")
        return load(tmp_path / f"{name}.py", text, loaded[-1])

    yield make
    for name in loaded:
        sys.modules.pop(name, None)


def digest(fn, **options):
    return fingerprint_code(fn, **options).digest


def run(*command, cwd):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(cwd), os.environ.get("PYTHONPATH")]))}
    done = subprocess.run(
        [sys.executable, "-B", *command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def cell(text, number, namespace):
    """Runs a cell as IPython does: the text is in ``linecache`` under a made-up name, and in no file."""
    name = f"<ipython-input-{number}-test>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), namespace)


def test_a_script_has_the_same_digest_run_and_imported(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    imported = "import script; from jumar.keys.code import fingerprint_code as f; print(f(script.task).digest.hex())"
    as_script = run("script.py", cwd=tmp_path)
    as_module = run("-m", "script", cwd=tmp_path)
    assert as_script == as_module == run("-c", imported, cwd=tmp_path)


def test_a_script_that_changes_its_directory_still_has_its_source(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    moved = SCRIPT.replace("    print(", '    import os; os.chdir("/")\n    print(')
    (tmp_path / "moved.py").write_text(moved)
    assert run("moved.py", cwd=tmp_path) == run("script.py", cwd=tmp_path)


def test_text_given_to_python_c_is_told_apart_by_its_code(tmp_path):
    text = (
        "from jumar.keys.code import fingerprint_code\ndef f(x): return x + {}\nprint(fingerprint_code(f).digest.hex())"
    )
    one, again, two = (run("-c", text.format(n), cwd=tmp_path) for n in (1, 1, 2))
    assert one == again != two


def test_a_notebooks_cells_are_source(module):
    namespace = {"__name__": "__main__"}
    cell("def helper(x):\n    return x + 1  # one\n", 1, namespace)
    cell("def f(x):\n    'Doc.'\n    return helper(x)\n", 2, namespace)
    same = module("def helper(x):\n    return x + 1\n\n\ndef f(x):\n    return helper(x)\n")
    assert digest(namespace["f"]) == digest(same.f)


def test_a_helper_redefined_in_another_cell_makes_the_fingerprint_stale():
    namespace = {"__name__": "__main__"}
    cell("def helper(x):\n    return x + 1\n", 3, namespace)
    cell("def f(x):\n    return helper(x)\n", 4, namespace)
    before = fingerprint_code(namespace["f"])
    cell("def helper(x):\n    return x + 2\n", 5, namespace)
    assert not before.is_current()
    assert digest(namespace["f"]) != before.digest
    cell("def helper(x):\n    return x + 1  # back again\n", 6, namespace)
    assert digest(namespace["f"]) == before.digest


def test_text_run_by_exec_goes_by_its_byte_code():
    def made(text):
        namespace = {"helper": digest}
        exec(text, namespace)
        return namespace["f"]

    assert digest(made("def f(x): return x + 1")) == digest(made("def f(x):\n    return x + 1"))
    assert digest(made("def f(x): return x + 1")) != digest(made("def f(x): return x + 2"))
    assert digest(made("def f(x): return x + 1")) != digest(made("def f(x): return x + 1.0"))


def test_names_in_text_run_by_exec_are_followed():
    namespace = {"ALPHA": 1}
    exec("def helper(x): return x + ALPHA\ndef f(x): return [helper(y) for y in x]", namespace)
    before = fingerprint_code(namespace["f"])
    namespace["ALPHA"] = 2
    assert not before.is_current()
    assert digest(namespace["f"]) != before.digest


def test_a_file_edited_after_it_was_loaded_does_not_speak_for_what_was_loaded(module, tmp_path):
    old, new = "def f(x):\n    return x + 1\n", "def f(x):\n    return x + 2\n"
    loaded = module(old, "edited")
    (tmp_path / "edited.py").write_text(new)
    stale = digest(loaded.f)
    assert stale != digest(module(new, "new").f)
    assert stale != digest(module(old.replace("f(x)", "f(y)").replace("x + 1", "y + 1"), "other").f)


def test_a_function_that_only_moved_in_its_file_keeps_its_source(module, tmp_path):
    loaded = module("def f(x):\n    return x + 1\n", "shifted")
    (tmp_path / "shifted.py").write_text("import os\n\n\ndef f(x):\n    return x + 1\n")
    assert digest(loaded.f) == digest(module("def f(x):\n    return x + 1\n", "fresh").f)


def test_a_class_edited_after_it_was_loaded_is_not_taken_for_the_new_one(module, tmp_path):
    old, new = "class M:\n    rate = 1\n", "class M:\n    rate = 2\n"
    loaded = module(old, "oldclass")
    (tmp_path / "oldclass.py").write_text(new)
    assert digest(loaded.M) != digest(module(new, "newclass").M)


def test_a_file_that_cannot_be_parsed_any_more_leaves_the_byte_code(module, tmp_path):
    loaded = module("def f(x):\n    return x + 1\n", "broken")
    (tmp_path / "broken.py").write_text("def f(x:\n")
    assert source_of(str(tmp_path / "broken.py")) is None
    assert len(digest(loaded.f)) == 32


def test_reloading_an_edited_module_makes_the_fingerprint_stale(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "jumar_test_reloaded.py").write_text("def helper(x):\n    return x + 1\n")
    helpers = importlib.import_module("jumar_test_reloaded")
    f = eval("lambda x: helpers.helper(x)", {"helpers": helpers})
    before = fingerprint_code(f)
    (tmp_path / "jumar_test_reloaded.py").write_text("def helper(x):\n    return x + 22\n")
    importlib.reload(helpers)
    del sys.modules["jumar_test_reloaded"]
    assert not before.is_current()
    assert digest(f) != before.digest


def test_a_module_imported_inside_has_the_same_digest_loaded_or_not(tmp_path, monkeypatch, module):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "jumar_test_inside.py").write_text("def helper(x):\n    return x + 1\n")
    caller = module("def f(x):\n    from jumar_test_inside import helper\n    return helper(x)\n", "caller")
    before = fingerprint_code(caller.f)
    assert "jumar_test_inside" not in sys.modules
    importlib.import_module("jumar_test_inside")
    assert not before.is_current()
    assert digest(caller.f) == before.digest
    del sys.modules["jumar_test_inside"]


def test_a_module_imported_inside_that_is_edited_before_it_is_loaded_makes_the_fingerprint_stale(
    tmp_path, monkeypatch, module
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "jumar_test_later.py").write_text("def helper(x):\n    return x + 1\n")
    caller = module("def f(x):\n    import jumar_test_later\n    return jumar_test_later.helper(x)\n", "caller")
    before = fingerprint_code(caller.f)
    (tmp_path / "jumar_test_later.py").write_text("def helper(x):\n    return x + 22\n")
    assert not before.is_current()
    assert digest(caller.f) != before.digest


def test_a_module_used_as_a_value_counts_as_a_whole(module):
    def using(text):
        helpers = module(text, "whole")
        caller = module("def f(name, helpers):\n    return helpers\n", "caller")
        caller.helpers = helpers
        return digest(eval("lambda name: getattr(helpers, name)", {"helpers": helpers}))

    one = using("def a(x):\n    return 1\n\ndef b(x):\n    return 2\n")
    assert using("def a(x):\n    return 1  # same\n\n\ndef b(x):\n    return 2\n") == one
    assert using("def a(x):\n    return 1\n\ndef b(x):\n    return 3\n") != one


def test_what_is_project_can_be_chosen(module):
    helpers = module("def helper(x):\n    return x + 1\n", "chosen")
    f = eval("lambda x: helpers.helper(x)", {"helpers": helpers})
    followed = fingerprint_code(f)
    try:
        set_project(exclude=["jumar_test_chosen"])
        assert not followed.is_current()
        assert digest(f) != followed.digest
        set_project(include=["jumar_test_chosen"])
        assert digest(f) == followed.digest
    finally:
        set_project()


def test_relative_imports_inside_functions_are_found():
    found = code_module.Import("codec", 2, ())
    assert code_module._absolute(found, {"__package__": "jumar.keys"}) == "jumar.codec"


def test_a_special_method_replaced_in_a_notebook_counts():
    namespace = {"__name__": "jumar_test_cells"}
    cell("class M:\n    def __call__(self, x):\n        return x\n", 7, namespace)
    before = digest(namespace["M"])
    cell("def call(self, x):\n    return -x\nM.__call__ = call\n", 8, namespace)
    assert digest(namespace["M"]) != before


def test_a_cell_after_a_future_import_is_source(module):
    namespace = {"__name__": "jumar_test_future"}
    exec("from __future__ import annotations", namespace)
    name, text = "<ipython-input-9-test>", "def f(x: int):\n    return x + 1\n"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec", flags=namespace["annotations"].compiler_flag), namespace)
    assert digest(namespace["f"]) == digest(module("def f(x):\n    return x + 1\n").f)
