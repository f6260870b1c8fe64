"""Calls in processes of their own: ``Session(executor="processes")``.

The driver is the process that has the session: its engine orders, keys and records. A worker process runs functions and
knows neither store nor graph; what a task asks of jumar in it, it asks the driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jumar.executors.choice import MAKERS

if TYPE_CHECKING:
    from jumar.executors import Executor


def _made(workers: int | None, lost_retries: int) -> Executor:
    from jumar.processes.executor import ProcessesExecutor  # noqa: PLC0415  (`import jumar` starts no processes)

    return ProcessesExecutor(workers, lost_retries=lost_retries)


MAKERS["processes"] = _made
