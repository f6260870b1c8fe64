"""Why a call ran: part by part, what changed since the nearest earlier call. Reads a store, decides nothing."""

from jumar.why.call import explain
from jumar.why.explanation import Explanation, Reason
from jumar.why.summary import Group, Summary, summarise

__all__ = ["Explanation", "Group", "Reason", "Summary", "explain", "summarise"]
