"""Measures as a table, for a terminal or as Markdown."""

HEADS = ("work", "", "median", "min", "max", "unit", "ratio", "syncs a message", "expected")
RIGHT = {2, 3, 4, 6, 7}


def number(value):
    """Three digits, and no more of them than were measured."""
    if value is None:
        return ""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"


def expectation(measure):
    words = {True: "met", False: "SHORT", None: "not compared"}
    return "; ".join(f"{e.text()}: {words[measure.met(e)]}" for e in measure.expected)


def lines(measures):
    for measure in measures:
        for place, subject in enumerate(measure.subjects):
            yield (
                measure.title if place == 0 else "",
                subject.title,
                *(number(v) for v in (subject.median, min(subject.values), max(subject.values))),
                measure.unit,
                number(measure.ratio(subject)) if place else "",
                number(subject.syncs),
                expectation(measure) if place == 0 else "",
            )


def text(measures):
    rows = [HEADS, *lines(measures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS))]

    def put(row):
        return "  ".join(cell.rjust(w) if i in RIGHT else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip()

    return "\n".join([put(HEADS), "-" * sum(widths, 2 * len(widths) - 2), *map(put, rows[1:])])


def markdown(measures):
    rule = ["---:" if i in RIGHT else "---" for i in range(len(HEADS))]
    return "\n".join("| " + " | ".join(row) + " |" for row in [HEADS, rule, *lines(measures)])
