"""A pipeline of commands: count words in books, merge the counts, report. Run it, delete a file, run it again.

Every command runs once. A file that is deleted or edited afterwards is put back from the store; a book that is edited
runs again for that book only, and the merge only if its counts came out differently.
"""

import shlex
import sys
from pathlib import Path

import jumar

BOOKS = {
    "ropes": "the rope holds the knot and the knot holds the climber",
    "knots": "a knot slips up the rope and never slips back",
    "walls": "the wall is high and the rope is long",
}


def write_books(folder):
    folder.mkdir(exist_ok=True)
    for name, text in BOOKS.items():
        if not (folder / f"{name}.txt").exists():
            (folder / f"{name}.txt").write_text(text + "\n")


@jumar.shell(outputs={"counts": "{book}.counts"}, folder="counted", timeout_s=60)
def count(book, text):
    return f"tr -s ' ' '\\n' < {shlex.quote(text.path)} | LC_ALL=C sort | uniq -c | LC_ALL=C sort -rn > {book}.counts"


@jumar.shell(outputs={"counts": "all.counts"}, folder="counted")
def merge(counted):
    program = "{ n[$2] += $1 } END { for (word in n) print n[word], word }"
    files = [each.outputs["counts"].path for each in counted]
    return f"awk {shlex.quote(program)} {shlex.join(files)} | LC_ALL=C sort -k1,1nr -k2 > all.counts"


@jumar.task
def most_frequent(merged, how_many):
    return Path(merged.outputs["counts"]).read_text().splitlines()[:how_many]


def main():
    texts = Path("books")
    write_books(texts)
    with jumar.Session() as session:
        counted = [count.spawn(book, jumar.File(texts / f"{book}.txt")) for book in BOOKS]
        merged = merge.spawn(counted)
        for line in most_frequent.spawn(merged, 3).result():
            print(line)
        merged.result()  # whoever is handed the result finds its files, deleted or not
        jumar.gather(counted)
    print(session.counts(), file=sys.stderr)


if __name__ == "__main__":
    main()
