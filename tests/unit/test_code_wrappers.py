"""Tasks and other wrappers: which are looked through, and which are code of their own."""

import contextlib
import functools

from jumar.keys.code import fingerprint_code, stand_for_function
from jumar.keys.value import token


class Declared:
    """What a task is to fingerprints: something of jumar's with the function in ``__wrapped__``."""

    __module__ = "jumar.task"

    def __init__(self, fn, version=None):
        self.__wrapped__ = fn
        self.__jumar_version__ = version


stand_for_function(Declared)


def plain(x):
    return x + 1


def edited(x):
    return x + 2


def caller(helper):
    """A function whose global ``helper`` is ``helper``."""
    namespace = {"helper": helper}
    exec("def f(x): return helper(x)", namespace)
    return namespace["f"]


def digest(fn):
    return fingerprint_code(fn).digest


def test_a_task_is_its_function():
    assert digest(Declared(plain)) == digest(plain)
    assert digest(Declared(edited)) != digest(plain)


def test_a_task_that_is_reached_is_its_function():
    assert digest(caller(Declared(plain))) == digest(caller(plain))
    assert digest(caller(Declared(edited))) != digest(caller(Declared(plain)))


def test_the_version_of_a_task_that_is_reached_joins_the_digest():
    versions = [digest(caller(Declared(plain, version))) for version in (None, "1", "2")]
    assert len(set(versions)) == 3


def test_a_task_as_an_argument_is_its_function_with_its_version():
    assert token(Declared(plain)) == token(plain)
    assert len({token(Declared(plain, version)) for version in (None, "1", "2")}) == 3
    assert token({"a": Declared(edited)}) != token({"a": Declared(plain)})


def test_a_wrapper_class_of_the_project_is_not_looked_through():
    class Doubling:
        def __init__(self, fn):
            functools.update_wrapper(self, fn)

        def __call__(self, x):
            return 2 * self.__wrapped__(x)

    assert digest(Doubling(plain)) != digest(plain)
    assert digest(Doubling(plain)) != digest(Doubling(edited))


def test_a_librarys_wrapper_counts_what_it_holds():
    def one(x):
        yield x

    def two(x):
        yield x + 1

    assert digest(contextlib.contextmanager(one)) != digest(contextlib.contextmanager(two))


def test_a_dispatching_function_counts_all_its_implementations():
    def dispatching(second):
        shown = functools.singledispatch(plain)
        shown.register(int, second)
        return shown

    before = dispatching(plain)
    once = digest(before)
    before(3)  # fills its cache
    assert digest(before) == once == digest(dispatching(plain))
    assert digest(dispatching(edited)) != once


def test_a_numpy_ufunc_among_the_globals_goes_by_name():
    import numpy as np

    assert digest(caller(np.add)) == digest(caller(np.add)) != digest(caller(np.multiply))
