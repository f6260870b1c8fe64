"""The systems that are judged, and how each is asked in a Python of its own."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from jumar.testing.conformance import Subject

FOLDER = Path(__file__).parent
SOURCES = FOLDER.parents[1] / "src"


@dataclass(frozen=True)
class System:
    """One system.

    Args:
        name: What people call it.
        script: The file here that asks it.
        distribution: What it is installed as.
        code: What it takes for the identity of a task's code.
        values: How it identifies an argument.
    """

    name: str
    script: str
    distribution: str
    code: str
    values: str

    def subject(self, python, home):
        """How it is asked, by this Python, with a home directory for what it writes."""
        quiet = {"HAMILTON_TELEMETRY_ENABLED": "false", "DO_NOT_TRACK": "1", "PREFECT_HOME": home}
        # -P: a script's folder is not searched for modules, so that no file here stands in for a library.
        return Subject([python, "-P", str(FOLDER / self.script)], {"PYTHONPATH": str(SOURCES), **quiet})

    def version(self, python):
        """Its version, as installed for this Python."""
        code = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
        return subprocess.check_output(
            [python, "-c", code, self.distribution], text=True, env={**os.environ, "PYTHONPATH": str(SOURCES)}
        ).strip()


SYSTEMS = (
    System(
        "jumar",
        "jumar_keys.py",
        "jumar",
        "its syntax tree and all of the project that it reaches",
        "canonical bytes by type",
    ),
    System(
        "joblib",
        "joblib_keys.py",
        "joblib",
        "module, name and the text of the function itself",
        "a hash of a pickle, with rules for dicts, sets and NumPy",
    ),
    System(
        "Parsl",
        "parsl_keys.py",
        "parsl",
        "module and name of the function",
        "pickles, for the types that are registered",
    ),
    System(
        "redun",
        "redun_keys.py",
        "redun",
        "the task's name and the text of the function itself",
        "a hash of a pickle, with rules for some types",
    ),
    System(
        "Prefect",
        "prefect_keys.py",
        "prefect",
        "the text of the function itself",
        "a hash of JSON, or of a cloudpickle where JSON fails",
    ),
    System(
        "Hamilton",
        "hamilton_keys.py",
        "sf-hamilton",
        "the node's name and the text of the function itself without comments and docstring",
        "a hash by kind of value, attributes for the rest",
    ),
    System(
        "Dask",
        "dask_keys.py",
        "dask",
        "a pickle of the function: for one in a module its module and name",
        "a normal form by type, a pickle for the rest",
    ),
)
