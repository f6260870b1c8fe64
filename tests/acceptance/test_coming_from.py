"""The examples of jumar on the pages for those who come from other libraries: each prints what the page says it prints."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[2] / "docs" / "how-to").glob("coming-from-*.md"))

RUN_ALL = """
import os, runpy, sys
for number in range(int(sys.argv[1])):
    os.chdir(str(number))
    runpy.run_path("example.py", run_name="__main__")
    os.chdir("..")
    print("--", flush=True)
"""


def examples_of(page):
    """The programs on a page, and what each is said to print."""
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    programs = [block for block in blocks if "import jumar" in block]
    return [(program, re.findall(r"^# -> (.*)$", program, flags=re.MULTILINE)) for program in programs]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_stands_on_the_right_prints_what_is_said(page, tmp_path):
    examples = examples_of(page)
    assert len(examples) >= 6
    for number, (program, _) in enumerate(examples):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "example.py").write_text(program, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUMAR_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN_ALL, str(len(examples))],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [text.splitlines() for text in done.stdout.split("--\n")[:-1]] == [expected for _, expected in examples]


def test_there_is_a_page_for_each_of_those_whom_jumar_follows():
    assert [page.stem.removeprefix("coming-from-") for page in PAGES] == ["dagger", "dbos", "parsl", "ray-workflows"]
