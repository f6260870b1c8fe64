"""The last resort: identity and names of a function whose source cannot be had, from its byte code.

Functions made by ``exec``, typed into a plain REPL, or loaded before their file was edited have no text that is known
to be theirs. Their byte code is exact, but it belongs to one version of Python: the version stands in the label, so
results of such functions are not found again after an upgrade of Python. That is a miss, and never a wrong hit.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterable, Iterator
from types import CodeType

from jumar.keys.code_names import Chain, Import
from jumar.keys.value import token
from jumar.keys.value_form import record

_LOADS = frozenset(
    {
        "LOAD_GLOBAL",
        "LOAD_NAME",
        "LOAD_DEREF",
        "LOAD_CLASSDEREF",
        "LOAD_FROM_DICT_OR_GLOBALS",
        "LOAD_FROM_DICT_OR_DEREF",
    }
)
_CONSTANTS = frozenset({"LOAD_CONST", "LOAD_SMALL_INT"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_VERSION = f"{sys.implementation.cache_tag}"


def code_label(code: CodeType) -> str:
    """A text that is equal for two code objects only if they do the same; the same in every process of one Python.

    Example:
        >>> code_label((lambda x: x + 1).__code__) == code_label((lambda x: x + 1).__code__)
        True
    """
    return f"bytecode {_VERSION} {_token(code).hex()}"


def same_code(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects do the same, wherever they stand in their files."""
    return (
        one.co_code == other.co_code
        and one.co_names == other.co_names
        and one.co_varnames == other.co_varnames
        and one.co_freevars == other.co_freevars
        and one.co_cellvars == other.co_cellvars
        and one.co_flags == other.co_flags
        and one.co_argcount == other.co_argcount
        and one.co_posonlyargcount == other.co_posonlyargcount
        and one.co_kwonlyargcount == other.co_kwonlyargcount
        and one.co_exceptiontable == other.co_exceptiontable
        and len(one.co_consts) == len(other.co_consts)
        and all(map(_same_constant, one.co_consts, other.co_consts))
    )


def code_reads(code: CodeType) -> tuple[set[Chain], set[Import]]:
    """The names of globals and closures that byte code reads, with the attributes read from them; what it imports.

    Example:
        >>> code_reads((lambda x: sys.maxsize + x).__code__)[0]
        {('sys', 'maxsize')}
    """
    reads: set[Chain] = set()
    imports: set[Import] = set()
    inner = set(code.co_cellvars)
    for each in _nested(code):
        chain: Chain = ()
        constants: list[object] = []
        for instruction in dis.get_instructions(each):
            name = str(instruction.argval)
            if instruction.opname in _ATTRIBUTES and chain:
                chain = (*chain, name)
                continue
            if chain:
                reads.add(chain)
                chain = ()
            if instruction.opname in _LOADS and name not in inner:
                chain = (name,)
            elif instruction.opname in _CONSTANTS:
                constants.append(instruction.argval)
            elif instruction.opname == "IMPORT_NAME":
                imports.add(_import(name, constants))
            if instruction.opname not in _CONSTANTS:
                constants.clear()
        inner |= set(each.co_cellvars)
    return reads, imports


def _import(name: str, constants: Iterable[object]) -> Import:
    """``IMPORT_NAME`` takes the level and the names from the two constants loaded before it."""
    *_, level, names = (0, None, *constants)
    listed = names if isinstance(names, tuple) else ()
    return Import(name, level if isinstance(level, int) else 0, tuple(map(str, listed)))


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _same_constant(one: object, other: object) -> bool:
    if isinstance(one, CodeType):
        return isinstance(other, CodeType) and same_code(one, other)
    # repr tells 1 from True and 0.0 from -0.0, also inside tuples; frozensets are equal or not whatever their order.
    return type(one) is type(other) and one == other and (isinstance(one, frozenset) or repr(one) == repr(other))


def _token(code: CodeType) -> bytes:
    fields = (
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_flags,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        code.co_exceptiontable,
    )
    constants = [_token(each) if isinstance(each, CodeType) else token(each) for each in code.co_consts]
    return record("code", [token(fields), *constants])
