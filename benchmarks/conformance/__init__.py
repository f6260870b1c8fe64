"""The conformance suite of `jumar.testing.conformance` run over jumar and its peers: ``python -m benchmarks.conformance``.

Each system has a script of its own, ``*_keys.py``, run by the Python that has the system installed. It asks the system's
own functions, along the way that a call of a task takes, for what stands for an argument and for the task's code.
"""
