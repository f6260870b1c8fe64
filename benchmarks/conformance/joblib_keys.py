"""joblib.Memory: a hash of the arguments; a folder named after the function, and the text of the code kept in it.

Where the text differs from the one that is kept, the folder is emptied: the two together are the identity of the code.
"""

import tempfile

import joblib

from jumar.testing.conformance import answer


def argument(value):
    return value


class Joblib:
    def __init__(self, folder):
        self.memory = joblib.Memory(folder, verbose=0)
        self.argument = self.memory.cache(argument)

    def key_of_value(self, value):
        return self.argument._get_args_id(value)  # noqa: SLF001  (what Memory names the folder of a call by)

    def key_of_function(self, function, name):  # noqa: ARG002  (Memory takes the name from the function)
        memorized = self.memory.cache(function)
        text, _, _ = memorized.func_code_info
        return f"{memorized.func_id}\n{text}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        answer(Joblib(folder))
