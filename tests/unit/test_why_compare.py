"""What is said of two codes, and of two lists of arguments."""

from blake3 import blake3

from jumar.keys.code import CodePart
from jumar.keys.value import token
from jumar.why.compare import argument_reasons, code_reasons


def part(name, source, kind="function", file="/p/model.py", line=1):
    return CodePart(name, kind, file, line, blake3(source.encode()).digest(), source)


def texts(reasons):
    return [reason.text for reason in reasons]


def arguments(names, then, now, **options):
    return texts(argument_reasons(names, [token(value) for value in then], [token(value) for value in now], **options))


def test_equal_codes_have_no_reasons():
    code = [part("model.f", "def f(): pass"), part("numpy", "2.3", "library", "")]
    assert code_reasons(code, code) == []


def test_an_edited_function_comes_with_a_diff():
    [reason] = code_reasons([part("model.f", "def f():\n    return 1")], [part("model.f", "def f():\n    return 2")])
    assert reason.text == "'f' in model.py: edited"
    assert reason.diff.splitlines() == [
        "--- then",
        "+++ now",
        "@@ -1,2 +1,2 @@",
        " def f():",
        "-    return 1",
        "+    return 2",
    ]


def test_what_is_reached_now_and_what_is_not_any_more_is_told():
    then, now = [part("model.old", "def old(): 1")], [part("model.new", "class new: 2", "class")]
    assert texts(code_reasons(then, now)) == ["'new' in model.py: now reached", "'old' in model.py: no longer reached"]


def test_a_function_that_only_moved_is_no_reason_and_neither_are_its_globals():
    def code(module):
        constant = part(f"{module}.f: ALPHA", "0.1", "global")
        return [part(f"{module}.f", "def f(): return ALPHA"), constant]

    assert code_reasons(code("model"), code("other")) == []


def test_a_constant_that_takes_the_value_of_another_one_is_told():
    then = [part("model.f: A", "1", "global"), part("model.f: B", "2", "global")]
    now = [part("model.f: A", "2", "global"), part("model.f: B", "2", "global")]
    assert texts(code_reasons(then, now)) == ["global 'A' of 'f' in model.py: 1 -> 2"]


def test_of_two_lambdas_of_one_name_the_edited_one_is_shown():
    then = [part("model.<lambda>", "lambda x: x + 1", line=1), part("model.<lambda>", "lambda x: x * 2", line=2)]
    now = [part("model.<lambda>", "lambda x: x + 3", line=1), part("model.<lambda>", "lambda x: x * 2", line=2)]
    [reason] = code_reasons(then, now)
    assert "-lambda x: x + 1" in reason.diff
    assert "+lambda x: x + 3" in reason.diff


def test_a_library_is_told_once_and_last_however_many_functions_use_it():
    then = [part("numpy", "2.3", "library", ""), part("numpy", "2.3", "library", ""), part("model.f", "1")]
    now = [part("numpy", "2.4", "library", ""), part("numpy", "2.4", "library", ""), part("model.f", "2")]
    assert texts(code_reasons(then, now)) == ["'f' in model.py: edited", "numpy 2.3 -> 2.4 (not part of the key)"]


def test_what_is_not_in_the_key_is_no_reason():
    assert code_reasons([part("f: log", "1", "opaque")], [part("f: log", "2", "opaque")]) == []


def test_a_version_is_told_apart_from_the_libraries_that_env_names():
    def versions(then, now):
        return texts(code_reasons([part("version", then, "version", "")], [part("version", now, "version", "")]))

    assert versions("1", "2") == ["version: 1 -> 2"]
    assert versions("1; numpy 2.3", "1; numpy 2.4") == ["numpy 2.3 -> 2.4 (in env=)"]
    assert versions("; numpy 2.3", "2; numpy 2.3; scipy 1.1") == [
        "version: nothing -> 2",
        "scipy nothing -> 1.1 (in env=)",
    ]
    assert versions("a; b", "a; c") == ["version: a; b -> a; c"]


def test_a_version_that_was_given_for_the_first_time_came_from_nothing():
    assert texts(code_reasons([], [part("version", "; numpy 2.3", "version", "")])) == [
        "numpy nothing -> 2.3 (in env=)"
    ]


def test_an_argument_is_named_with_the_place_inside_it():
    assert arguments(["a", "b"], [1, {"k": [1, 2]}], [1, {"k": [1, 3]}]) == ["argument 'b'['k'][1]: 2 -> 3"]


def test_of_many_places_five_are_shown():
    [*shown, last] = arguments(["a"], [list(range(8))], [list(range(10, 18))])
    assert len(shown) == 5
    assert last == "argument 'a': and 3 more places"


def test_arguments_that_came_or_went_are_told():
    assert arguments(["a", "b"], [1], [1, "x"]) == ["argument 'b': added, 'x'"]
    assert arguments(["a"], [1, 2], [1]) == ["an argument: removed, 2"]


def test_calls_among_the_arguments_are_left_to_others():
    then, now = b"@" + bytes(32), b"@" + bytes(31) + b"1"
    assert argument_reasons(["a"], [then], [now]) == []
    assert argument_reasons(["a"], [b"[" + then + b"]"], [b"[" + now + b"]"]) == []


def test_a_value_in_the_place_of_a_call_inside_a_container_is_told():
    [reason] = argument_reasons(["a"], [b"[@" + bytes(32) + b"]"], [token([7])])
    assert reason.text == "argument 'a'[0]: @000000… -> 7"


def test_only_containers_can_hide_calls():
    then, now = [list(range(99)), "x" * 99], [list(range(100)), "y" * 99]
    assert len(arguments(["a", "b"], then, now)) == 2
    [text] = arguments(["a", "b"], then, now, calls_in_containers=True)
    assert text.startswith("argument 'b': str 99 #")
