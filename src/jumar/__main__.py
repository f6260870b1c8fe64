"""``python -m jumar``: the command, where no entry point was installed."""

from jumar.cli import main

main()
