"""redun: the hash of the arguments by its registry of types, and the hash of a task: its full name and its source."""

from redun import task
from redun.hashing import hash_arguments
from redun.value import get_type_registry

from jumar.testing.conformance import answer


class Redun:
    def key_of_value(self, value):
        return hash_arguments(get_type_registry(), [value], {})

    def key_of_function(self, function, name):
        # The options are those that asynchronous tasks need in order to be cached; they are no part of the hash.
        return task(name=name, cache=True, check_valid="shallow")(function).hash


if __name__ == "__main__":
    answer(Redun())
