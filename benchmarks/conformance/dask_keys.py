"""Dask: ``tokenize``, which names the calls of ``delayed(..., pure=True)``, of an argument and of the function."""

from dask.base import tokenize

from jumar.testing.conformance import answer


class Dask:
    def key_of_value(self, value):
        return tokenize(value)

    def key_of_function(self, function, name):  # noqa: ARG002  (tokens are made from the function alone)
        return tokenize(function)


if __name__ == "__main__":
    answer(Dask())
