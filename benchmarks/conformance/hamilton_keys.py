"""Hamilton's cache: the version of data that comes into a node, and the name and source of the node's function."""

import inspect

from hamilton.caching.cache_key import create_cache_key
from hamilton.caching.fingerprinting import UNHASHABLE, hash_value
from hamilton.graph_types import hash_source_code

from jumar.testing.conformance import answer


class Hamilton:
    def key_of_value(self, value):
        version = hash_value(value)
        if version == UNHASHABLE:
            raise TypeError("unhashable: the cache gives it a random version, with a warning")
        return version

    def key_of_function(self, function, name):
        if not inspect.isfunction(function):
            raise TypeError("a node is made of a function, not of other callables")
        return create_cache_key(name, hash_source_code(function, strip=True), {})


if __name__ == "__main__":
    answer(Hamilton())
