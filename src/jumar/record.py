"""What is written down about a call that ended: its result or its failure, and what is said when that is impossible."""

from __future__ import annotations

import os
import random
import threading
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from jumar import project
from jumar.acceptance import accepted_keys
from jumar.clock import Clock
from jumar.continuation import Continuation, calls_in, described
from jumar.encoded import Encoded
from jumar.errors import DamagedError, FingerprintError, StoreError
from jumar.graph.call import DONE, NOTHING, Call
from jumar.graph.call_info import call_info
from jumar.graph.sketch import Sketch
from jumar.hooked import is_wanted, restored, saved
from jumar.keys.call import call_key
from jumar.keys.value import token
from jumar.recall import recalled
from jumar.result import Kept, KeptError, Result, kept_result, unkept_result
from jumar.store.lineage import EXPIRED, REFRESHED, SUSPICION
from jumar.store.records import ERROR, GRAPH, NEED_BYTES, Entry, Failure, Payload, role
from jumar.store.store import Store
from jumar.store.trouble import Trouble
from jumar.unkept import Unkept
from jumar.worker import Ran

if TYPE_CHECKING:
    from jumar.memory.pool import Pool

_NEEDS_RECORDED = 1000
"""Calls among the arguments that are recorded with a result; more would make rows large that explain no better."""


class Recorder:
    """Writes ended calls into the store.

    Args:
        store: Where.
        clock: When.
        tell: Hears of trouble.
        audit: The share of kept results that are computed again and compared, from 0 to 1.
    """

    def __init__(self, store: Store, clock: Clock, tell: Callable[[Trouble], None], audit: float = 0.0) -> None:
        self._audit = audit
        self.store = self._store = store
        self._now_s = clock.now_s
        self._tell = tell
        self._run = 0
        self._recorded: set[bytes] = set()
        """The codes of calls that were recorded here."""
        self._asked: set[bytes] = set()
        """The codes of calls that were looked for or computed."""
        self._process = os.getpid()
        self._beginning = threading.Lock()
        self.pool: Pool | None = None
        """Looks after results in memory, where that is bounded or some are to stay there."""

    def result(self, call: Call, ran: Ran) -> tuple[Result, StoreError | None]:
        """The call's result, recorded if it is to be and can be; and why it could not.

        Guarantees:
            It is encoded, and a large one is in its blob, before this returns: what its readers do to the value
            cannot reach the store.
        """
        value, task = ran.value, call.task
        key = call.content if call.unrepeatable else call.key
        if not call.keep or key is None:
            return self._held(call, value), None
        if call.fragile and (trouble := self._mutation(call)):
            return self._held(call, value), trouble
        if task.saves is not None:
            return self._held(call, value), saved(call, call_info(call, ran.seconds), value, task.saves, self.complain)
        payload, trouble = self._payload(call, ran)
        if payload is None:
            return self._held(call, value), trouble
        if call.suspect is not None and not self._same(call, call.suspect, payload, value, _KEPT_STANDS):
            return self._standing(call), None
        if not call.look and (earlier := self._store.find(key)) is not None:
            self._store.note_loss(key, REFRESHED)
            if self._audit and not role(earlier.codec)[0]:
                self._same(call, earlier, payload, value, _NEW_COUNTS)
        entry = self._entry(call, key, payload, ran.seconds)
        self._store.record(entry, flushes=call.journaled)
        return self._held(call, value, entry), self._committed(call) if call.journaled else None

    def _held(self, call: Call, value: Any, entry: Entry | None = None) -> Result:
        """What holds a result; ``entry`` is its row, where it was kept."""
        if self.pool is not None and (self.pool.is_bounded or call.task.retains):
            return self.pool.hold(call, value, entry)
        return unkept_result(value) if entry is None else kept_result(self._store, entry, value)

    def _mutation(self, call: Call) -> StoreError | None:
        """What is told of a call whose arguments are not what they were when it was made."""
        # What a step is was decided when it was asked for, whatever became of its arguments: its place.
        if call.journaled or b"".join(call.task.tokens(call.args, call.kwargs or {})) == call.arguments:
            return None
        return self.complain("mutated", call, _MUTATED)

    def _committed(self, call: Call) -> StoreError | None:
        """Nothing, once the result of a step is in the store; why it is not there, if it could not be written."""
        if not call.journaled or self._store.read_only:
            return None
        self._store.flush()
        return None if self._store.index.find(call.key) else self.complain("unsaved", call, _STEP_NOT_KEPT)

    def _entry(self, call: Call, key: bytes, payload: Payload, seconds: float) -> Entry:
        self._asked.add(call.info.code)
        self._recorded.add(call.info.code)
        return Entry(
            key,
            self._store.task(call.info, call.task.parts_of),
            self._now_s(),
            seconds,
            payload.size_bytes,
            payload.codec,
            payload.inline,
            payload.blob,
            call.arguments,
            None if call.content == key else call.content,
            needs_of(call) if call.needs else None,
            self._run or self._begin_run(),
        )

    def continued(self, call: Call, heirs: Sequence[Call], tail: Any) -> None:
        """Keep the graph that a call returned, for it and for those that end as it does, before any of it runs.

        Args:
            call: Whose function has run.
            heirs: Calls whose last known graph was this call.
            tail: What it returned, with calls in it.

        Guarantees:
            It is on its way to the disk before anything that a call of the graph records. The graph of a call that is not
            kept is written for nobody: who ends as it does keeps the last graph that it had.
        """
        if call.fragile and self._mutation(call):
            call.keep = False
        takers = (call, *heirs) if call.keep else ()
        wanted = [each for each in takers if each.keep and not each.unrepeatable and each.task.saves is None]
        call.fragile = False
        if not wanted:
            return
        try:
            payload = self._store.encode(described(tail, calls_in(tail)))
        except Exception as error:  # noqa: BLE001  (a task or an argument that cannot be pickled)
            self.complain("unsaved", call, _GRAPH_NOT_KEPT, error)
            return
        payload = payload._replace(codec=f"{GRAPH}:{payload.codec}")
        for each in wanted:
            self._store.record(self._entry(each, each.key, payload, each.seconds), flushes=call.journaled)
        self._committed(call)

    def error(self, call: Call, error: Exception, seconds: float) -> None:
        """Keep the error that a call ended with, to be raised again in later sessions."""
        try:
            payload = self._store.encode(error.with_traceback(None))
        except Exception as trouble:  # noqa: BLE001  (pickling runs user code)
            self.complain("unsaved", call, _NOT_KEPT, trouble)
            return
        self._store.record(
            self._entry(call, call.key, payload._replace(codec=f"{ERROR}:{payload.codec}"), seconds),
            flushes=call.journaled,
        )
        self._committed(call)

    def inherited(self, call: Call, result: Result) -> tuple[Result, StoreError | None]:
        """The result of a call that ended as another one did; a kept one is kept for it too, and not written again."""
        key = call.recorded_key
        if type(result) is Unkept and not call.keep and call.task.retains is None:
            return result, None  # it is theirs together: a chain of calls does not write it at each link
        row: Entry | None = getattr(result, "entry", None)
        if row is None or not call.keep or key is None or call.task.saves is not None:
            return self.result(call, Ran(result.take(), None, call.seconds))
        payload = Payload(row.codec, row.size_bytes, row.inline, row.blob)
        entry = self._entry(call, key, payload, call.seconds)
        self._store.record(entry, flushes=call.journaled)
        return Kept(self._store, entry), self._committed(call)

    def _payload(self, call: Call, ran: Ran) -> tuple[Payload | None, StoreError | None]:
        """The encoded result; None where it is not to be kept or cannot be, and why not."""
        value, task = ran.value, call.task
        if task.decides is not None and not is_wanted(call, value, ran.seconds, self.complain):
            return None, None
        try:
            rule = task.keeps
            admits = None if rule is None else partial(rule.admits, ran.seconds)
            if type(value) is Encoded:
                return value.payload_in(self._store, admits), None
            return self._store.encode(value, admits), None
        except Exception as error:  # noqa: BLE001  (pickling runs user code: anything can come out of it)
            return None, self.complain("unsaved", call, _NOT_KEPT, error)

    def known(self, key: bytes) -> Call | None:
        """An ended call of which only the key is known, with its kept result; None where there is none."""
        entry = self._store.find(key)
        if entry is None or role(entry.codec)[0]:
            return None
        call = Call(key)
        call.outcome, call.state, call.entered = Kept(self._store, entry), DONE, True
        return call

    def kept(self, call: Call) -> Result | Continuation | KeptError | None:
        """The call's kept result, if there is one: a small one is read at once, a large one when it is asked for.

        Of a call that was continued and has not ended it is the graph that it returned.
        """
        if call.task.retains and self.pool is not None and (held := self.pool.found(call, call.key, self._now_s())):
            return held
        if call.task.hooks is not None:
            found = restored(call, call.task.hooks, self.complain)
            if found is not None or call.task.saves is not None:
                return found
        self._asked.add(call.info.code)
        # A call with the values in place of the calls, recorded before, has this key as its content key.
        entry = self._found(call.key) or self._accepted(call, call.arguments)
        return self._usable(call, entry)

    def holds(self, sketch: Sketch) -> Literal["kept", "continued"] | None:
        """What the store would give a call: its result, or the graph that it returned. Nothing is run, read or noted."""
        store, info = self._store, sketch.info
        is_new = info is not None and not sketch.journaled and store.is_new(info.code)
        if info is None or (is_new and not store.has_recorded(sketch.key)):
            return None
        entry = self._found(sketch.key)
        if entry is None and store.accepted.by(info.code):
            older = [call_key(*each) for each in accepted_keys(store.accepted.by, info, sketch.arguments)]
            entry = next(filter(None, map(self._found, older)), None)
        ttl_s = sketch.task.ttl_s
        if entry is None or (ttl_s is not None and self._now_s() - entry.created_s > ttl_s):
            return None
        return "continued" if role(entry.codec)[0] == GRAPH else "kept"

    def _found(self, key: bytes) -> Entry | None:
        return self._store.find(key) or self._store.find_content(key)

    def _accepted(self, call: Call, arguments: bytes) -> Entry | None:
        """What an older code computed, where the edit since then was declared to change no result."""
        if call.journaled or not self._store.accepted.by(call.info.code):
            return None
        for code, older in accepted_keys(self._store.accepted.by, call.info, arguments):
            entry = self._found(call_key(code, older, call.salt))
            if entry is not None:
                number = self._store.task(call.info, call.task.parts_of)
                entry = entry._replace(key=call.key, task=number, arguments=call.arguments, content=call.content)
                if call.keep and not call.unrepeatable:
                    self._store.record(entry)
                return entry
        return None

    def kept_for_values(
        self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any] | None
    ) -> Result | Continuation | KeptError | None:
        """The kept result of an equal call with equal values, whichever calls they come from (early cutoff).

        It is recorded under this call's key too, so that next time it is found before its inputs are looked at.
        """
        if call.task.saves is not None or call.journaled or not (call.keep or (call.look and self._may_be_there(call))):
            return None
        if all(need.given is not None for need in call.needs):
            return None  # the values stand in its key already
        arguments = call.task.value_tokens(args, kwargs or {})
        if arguments is None:
            return None
        call.content = call_key(call.info.code, arguments, call.salt)
        if not call.look:
            return None
        if call.task.retains and self.pool is not None and (held := self.pool.found(call, call.content, self._now_s())):
            return held
        entry = self._found(call.content) or self._accepted(call, arguments)
        needs = needs_of(call)
        result = self._usable(call, entry)
        if result is not None and entry is not None and call.keep and not call.unrepeatable:
            self._store.record(entry._replace(key=call.key, content=call.content, needs=needs))
        return result

    def _may_be_there(self, call: Call) -> bool:
        """Whether something of the call's code was ever kept; else its values need not be identified to be looked for."""
        code = call.info.code
        return code in self._recorded or call.task.retains or not self._store.is_new(code)

    def _usable(self, call: Call, entry: Entry | None) -> Result | Continuation | KeptError | None:
        may_pass = self._audit or call.task.ttl_s is not None
        if entry is None or (may_pass and self._is_passed_over(call, entry)):
            return None
        kept, _ = role(entry.codec)
        if entry.inline is None and not kept:
            return Kept(self._store, entry)
        try:
            value = self._store.load(entry)
        except DamagedError:  # reported by the store
            return None
        if kept == GRAPH:
            return cast("Continuation", value)
        if kept == ERROR:
            return KeptError(value)
        call.drop_inputs()
        return kept_result(self._store, entry, value)

    def _is_passed_over(self, call: Call, entry: Entry) -> bool:
        """Whether the call is to run although this is kept."""
        if (
            self._audit
            and not call.journaled
            and call.suspect is None
            and not role(entry.codec)[0]
            and random.random() < self._audit
        ):
            call.suspect = entry
            return True
        ttl_s = call.task.ttl_s
        # A result from the future was recorded while a clock was wrong: trusting it until then could take for ever.
        if ttl_s is not None and abs(self._now_s() - entry.created_s) > ttl_s:
            self._store.note_loss(call.key, EXPIRED)
            return True
        return False

    def _begin_run(self) -> int:
        """This session's number among the runs, taken when there is something to record."""
        with self._beginning:
            if not self._run:
                self._run = self._store.begin_run(project.script())
        return self._run

    @property
    def asked(self) -> frozenset[bytes]:
        """The codes of calls that were looked for or computed."""
        return frozenset(self._asked)

    def note_asked(self) -> None:
        """Note what was asked for so far, in a run that computed something: it tells which tasks are gone."""
        if self._run:
            self._store.note_codes(self._run, self.asked)

    def close(self) -> None:
        """Note what was asked for: results that every run finds are in use, however long ago they were computed."""
        # A forked child leaves the block of its parent's session, too: that is no end of it.
        if self._store.is_closed or self._process != os.getpid():
            return
        self._store.end_notes()
        if self._asked and self._run:
            self.note_asked()
        elif self._asked:
            self._store.note_idle_run(project.script(), self.asked)

    def _same(self, call: Call, entry: Entry, payload: Payload, value: Any, which: str) -> bool:
        """Whether a call that was run again gave what is kept; if not, that is told, and which of the two counts."""
        if (payload.inline, payload.blob) == (entry.inline, entry.blob):
            return True
        try:
            now = token_or_none(value.value() if type(value) is Encoded else value)
            then = token_or_none(self._store.load(entry))
        except DamagedError:  # reported by the store; what was computed just now takes its place
            return True
        if then == now:  # equal values may be written in different bytes; of two without identity nothing can be said
            return True
        self.complain("unsteady", call, f"{_UNSTEADY} {which}")
        self._store.note_loss(entry.key, SUSPICION)
        return False

    def _standing(self, call: Call) -> Result:
        """What is kept stays what it is: nobody sees two values of one call."""
        return kept_result(self._store, call.suspect, self._store.load(call.suspect))

    def failure(self, call: Call, error: Exception, seconds: float) -> None:
        """Note a failed attempt with its traceback."""
        self._store.record_failure(
            Failure(
                call.key,
                self._store.task(call.info, call.task.parts_of),
                self._now_s(),
                seconds,
                1,
                f"{type(error).__name__}: {error}".partition("\n")[0],
                "".join(traceback.format_exception(error)),
                call.arguments,
                recalled(call),
                self._run or self._begin_run(),
                needs_of(call),
            )
        )

    def complain(self, kind: str, call: Call, text: str, error: Exception | None = None) -> StoreError:
        """Tell trouble with a call; the error for its future."""
        reason = f"{type(error).__name__}: {error}" if error else ""
        message = text.format(task=call.task.name, key=call.key.hex()[:12], reason=reason)
        self._tell(Trouble(kind, message, call.key, error))
        if kind == "unsaved":
            self._store.note_unkept(call.key, reason)
        trouble = StoreError(message)
        trouble.__cause__ = error
        return trouble


def token_or_none(value: Any) -> bytes | None:
    """The token of a value; None where it has no identity."""
    try:
        return token(value)
    except FingerprintError:
        return None


def needs_of(call: Call) -> bytes | None:
    """The beginnings of the keys of the calls among the arguments, for the record; None where there are none."""
    if not call.needs:
        return None
    needs = call.needs if call.tail is NOTHING else calls_in((call.args, call.kwargs))
    needs = needs[:_NEEDS_RECORDED]
    return b"".join([need.key[:NEED_BYTES] for need in needs if need.given is None]) or None


_NOT_KEPT = (
    "the result of task {task!r} (key {key}) could not be kept: {reason}. Its value goes on to whoever needs it; "
    "after a restart the call runs again. Return something that pickle can handle, or say checkpoint=False."
)
_STEP_NOT_KEPT = (
    "the result of step {task!r} (key {key}) did not reach the disk. Its value goes on to whoever needs it; a run that is "
    "resumed does it again, with the same idempotency key. The trouble that was told before this says why."
)
_GRAPH_NOT_KEPT = (
    "the graph that task {task!r} (key {key}) returned could not be kept: {reason}. It is computed all the same; after a "
    "restart before its end the task runs again. Use tasks that can be imported, and arguments that pickle can handle."
)
_UNSTEADY = (
    "task {task!r} (key {key}) gave another result when it was run again with the same arguments: it depends on "
    "something that its key does not see, such as the time, random numbers, a file, or a global that it reads by name. "
    "Make what it depends on an argument (a seed, jumar.File), or say reuse='never'."
)
_KEPT_STANDS = "The kept result stands."
_NEW_COUNTS = "The new result takes the place of the kept one, as a refresh was asked for."
_MUTATED = (
    "the result of task {task!r} (key {key}) was not kept: an argument was changed between the making of the call and "
    "its end, so the result may not belong to the arguments that the key names. Let the task work on a copy."
)
