"""These tests need PyTorch, which `make test` does not install: `make test-torch` does."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") and find_spec("safetensors") else ["test_*.py"]
