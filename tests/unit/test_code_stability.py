"""Digests of code are pinned: a change of them, in jumar or between versions of Python, is a decision and no accident.

After a decision: ``python tests/unit/test_code_stability.py`` writes the pinned file anew, and
the domain in `jumar.keys.code` gets a new number.
"""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from jumar.keys.code import fingerprint_code

DATA = Path(__file__).parent.parent / "data"
PINNED = DATA / "code_digests.json"


def corpus_digests():
    spec = importlib.util.spec_from_file_location("jumar_test_corpus", DATA / "code_corpus.py")
    corpus = importlib.util.module_from_spec(spec)
    sys.modules["jumar_test_corpus"] = corpus
    try:
        spec.loader.exec_module(corpus)
        named = {name: value for name, value in vars(corpus).items() if callable(value)}
        return {name: fingerprint_code(value).digest.hex() for name, value in sorted(named.items())}
    finally:
        del sys.modules["jumar_test_corpus"]


PINNED_DIGESTS = json.loads(PINNED.read_text()) if PINNED.exists() else {}


@pytest.fixture(scope="module")
def digests():
    return corpus_digests()


def test_the_corpus_is_pinned_as_a_whole(digests):
    assert digests.keys() == PINNED_DIGESTS.keys()


@pytest.mark.parametrize("name", PINNED_DIGESTS)
def test_a_digest_is_what_it_was(name, digests):
    assert digests[name] == PINNED_DIGESTS[name]


if __name__ == "__main__":
    PINNED.write_text(json.dumps(corpus_digests(), indent=1) + "\n")
