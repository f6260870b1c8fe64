"""Makes the export that stays in the repository for ever: ``python tests/data/make_export.py tests/data``.

Run once for each format of exports, when it is released. It holds what the kept store of the first format holds, so that
``expected.json`` there says what is in it; ``tests/unit/test_archive_formats.py`` reads it with every version to come.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from jumar.store.archive import export
from jumar.store.packed_blobs import FORMAT_VERSION
from jumar.store.store import Store


def main(data):
    path = Path(data) / f"export-format-{FORMAT_VERSION}.jumar"
    if path.exists():
        sys.exit(f"{path} is there, and is never made anew")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(Path(data) / "store-format-1" / "store", Path(folder) / "store")
        with Store.open(Path(folder) / "store") as store:
            print(export(store, path))


if __name__ == "__main__":
    main(sys.argv[1])
