"""jumar: the token of an argument, and the fingerprint of a task's code."""

import jumar
from jumar.keys.value import token
from jumar.testing.conformance import answer


class Jumar:
    def key_of_value(self, value):
        return token(value)

    def key_of_function(self, function, name):
        return jumar.task(name=name)(function).info.code


if __name__ == "__main__":
    answer(Jumar())
