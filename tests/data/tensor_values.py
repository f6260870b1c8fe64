"""What each file in ``tensors/`` must decode to, for ever. ``python tests/data/tensor_values.py NAME`` writes one.

A file is named by its codec, and by a word after ``~`` where there are several. One that is there is never written anew.
"""

import sys
from collections import OrderedDict
from pathlib import Path

import torch

from jumar.codecs.registry import Codecs

FOLDER = Path(__file__).parent / "tensors"
LARGE = torch.arange(5_000, dtype=torch.int32)
VALUES = {
    "safetensors": torch.tensor([[1.5, -0.0], [float("inf"), 3.0]], dtype=torch.bfloat16),
    "safetensors~parameter": torch.nn.Parameter(torch.tensor([1.0 + 2.0j]), requires_grad=True),
    "safetensors-dict": {"é": torch.tensor([True, False]), "b": torch.tensor(2.5), "c": torch.zeros(0, 3)},
    "safetensors-dict~ordered": OrderedDict(weight=torch.tensor([1, 2]), bias=torch.ones(2, requires_grad=True)),
    "pickle~strided": torch.arange(6.0).reshape(2, 3).T,
    "pickle~shared": [LARGE, LARGE[10:20]],
    "cloudpickle": (LARGE.reshape(50, 100).T,),
}


def main(name):
    with (FOLDER / name).open("xb") as file:
        value = VALUES[name]
        codec = Codecs().named(name.partition("~")[0])
        file.writelines(codec.encode(value))


if __name__ == "__main__":
    main(sys.argv[1])
