"""The page that is published: counts, and for each system every line that it does not get right."""

from collections import Counter

from jumar.testing.conformance import Found

TABLES = {
    "must differ": "values that must differ",
    "must be equal": "values that must be equal",
    "found again": "the same values in a later process",
    "functions": "functions of one project",
    "edits": "edits to the project",
}
COLUMNS = (Found.WRONG_HIT, Found.NEEDLESS_MISS, Found.REFUSED)
HEADINGS = {
    Found.WRONG_HIT: "Wrong hits: the result of something else is given",
    Found.NEEDLESS_MISS: "Needless misses: what is known is computed again",
    Found.REFUSED: "Refused: no key is made",
}


def page(judged, command, day):
    """The page in Markdown.

    Args:
        judged: Pairs of a system with its version and its verdicts: ``(system, version, verdicts)``.
        command: What made the page, as a list of lines.
        day: The date, in words or figures.
    """
    first = judged[0][2]
    sizes = Counter(verdict.table for verdict in first)  # jumar refuses no value: its tables are the longest
    return (
        "\n".join(
            [
                "# Conformance: keys of jumar and its peers",
                "",
                *_INTRODUCTION,
                "",
                f"Measured on {day}, by",
                "",
                "```sh",
                *command,
                "```",
                "",
                "with an environment for each peer in `peers/`, made as `python -m benchmarks.conformance --help` says. This",
                "page is written by that command. What the results mean is in [Keys](../explanation/keys.md).",
                "",
                "## How each is asked",
                "",
                "| system | version | the code of a task is | an argument is |",
                "|---|---|---|---|",
                *(f"| {system.name} | {version} | {system.code} | {system.values} |" for system, version, _ in judged),
                "",
                "## Counts",
                "",
                "Each cell has *wrong hits · needless misses · refused*. In brackets: how many of them are on lines where",
                "another answer than the expected one can be defended. Values that a system refuses have no line in the table",
                "of later processes.",
                "",
                f"| table (lines) | {' | '.join(system.name for system, _, _ in judged)} |",
                f"|---|{'---|' * len(judged)}",
                *(
                    f"| {TABLES[table]} ({sizes[table]}) | "
                    + " | ".join(
                        _cell([verdict for verdict in verdicts if verdict.table == table]) for *_, verdicts in judged
                    )
                    + " |"
                    for table in TABLES
                ),
                f"| all ({sizes.total()}) | {' | '.join(f'**{_cell(verdicts)}**' for *_, verdicts in judged)} |",
                "",
                *(line for system, version, verdicts in judged for line in _of_system(system, version, verdicts)),
            ]
        ).rstrip("\n")
        + "\n"
    )


_INTRODUCTION = (
    "The suite `jumar.testing.conformance` puts the same questions to every system, each in a new process with another",
    "hash seed: are these two values told apart, are these two taken for one, is a value found again by a later process,",
    "which functions of a small project are known again after an edit to its files. It makes the tasks and arguments of",
    "each system in the system's own way and compares what the system would look results up by. A *wrong hit* gives the",
    "result of something else. A *needless miss* computes what is known. Systems that say that they cannot tell *refuse*.",
    "",
    "jumar's authors wrote the tables, and jumar is built to pass them: that it does says less than what the others do on",
    "lines that anybody would write down. Lines marked *defensible* can be answered in another way, for the reason given.",
)


def _cell(verdicts):
    counts = Counter(verdict.found for verdict in verdicts)
    choices = Counter(verdict.found for verdict in verdicts if verdict.choice)
    texts = [
        f"{counts[found]} ({choices[found]})" if found is not Found.REFUSED and choices[found] else str(counts[found])
        for found in COLUMNS
    ]
    return " · ".join(texts)


def _of_system(system, version, verdicts):
    yield f"## {system.name} {version}"
    yield ""
    if all(verdict.found is Found.RIGHT for verdict in verdicts):
        yield f"Right on all {len(verdicts)} lines."
        yield ""
        return
    for found in COLUMNS:
        of_kind = [verdict for verdict in verdicts if verdict.found is found]
        if not of_kind:
            continue
        yield f"**{HEADINGS[found]}** ({len(of_kind)})"
        yield ""
        for table, title in TABLES.items():
            lines = [_line(verdict) for verdict in of_kind if verdict.table == table]
            if lines:
                yield f"- {title} ({len(lines)}): {'; '.join(lines)}"
        yield ""


def _line(verdict):
    detail = verdict.detail if verdict.table in {"functions", "edits"} else ""
    notes = [note for note in (detail, verdict.choice and f"*defensible: {verdict.choice}*") if note]
    name = verdict.name.replace("*", r"\*").replace("_", r"\_")
    return f"{name} ({'; '.join(notes)})" if notes else name
