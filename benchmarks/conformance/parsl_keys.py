"""Parsl's memoizer: a hash of the arguments together with the name of the app's function and of its module."""

from parsl import python_app
from parsl.dataflow.memoization import make_hash

from jumar.testing.conformance import answer


@python_app(cache=True)
def argument(value):
    return value


class Parsl:
    def key_of_value(self, value):
        return make_hash(_record(argument, (value,)))

    def key_of_function(self, function, name):  # noqa: ARG002  (an app is named by its function)
        return make_hash(_record(python_app(cache=True)(function), ()))


def _record(app, arguments):
    """As much of the record of a task as the hash is made from."""
    return {"func": app.func, "args": arguments, "kwargs": {}, "ignore_for_cache": []}


if __name__ == "__main__":
    answer(Parsl())
