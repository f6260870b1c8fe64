"""Calls that failed, as bytes: with their arguments, so that they can be run again alone."""

from __future__ import annotations

import io
import pickle
from typing import Any

from jumar.continuation import described
from jumar.graph.call import Call
from jumar.store.recalls import KEPT_BYTES


def recalled(call: Call) -> bytes | None:
    """The call with its arguments, by the names of tasks and classes; None where it cannot be written, or is large.

    Calls among the arguments that had ended stand there by their keys.
    """
    if call.args is None:
        return None
    file = _Bounded()
    try:
        pickle.dump(described(call, (call,)), file, protocol=5)
    except Exception:  # noqa: BLE001  (pickling runs user code, and the failure itself is the news; or it is too large)
        return None
    return file.getvalue()


class _Bounded(io.BytesIO):
    """Takes only so much, so that a large array among the arguments is not copied to see that it is large."""

    def write(self, data: Any) -> int:
        """Take some more.

        Raises:
            BufferError: It is too much.
        """
        if self.tell() + memoryview(data).nbytes > KEPT_BYTES:
            raise BufferError(f"more than {KEPT_BYTES:,} bytes")
        return super().write(data)
