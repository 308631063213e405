"""What was measured: values of several runs, for one or more subjects, and what is expected of the first of them."""

import statistics
from dataclasses import asdict, dataclass, field


@dataclass
class Subject:
    title: str
    values: list = field(default_factory=list)
    syncs: float = None  # a message; None: not counted

    @property
    def median(self):
        return statistics.median(self.values)


@dataclass
class Expected:
    """Of the first subject's median, or of its ratio to that of the subject with the title `of`."""

    at_least: float = None
    at_most: float = None
    of: str = None

    def text(self):
        bound, word = (self.at_least, "at least") if self.at_most is None else (self.at_most, "at most")
        return f"{word} {bound:,g}" + (f" times {self.of}" if self.of else "")


@dataclass
class Measure:
    name: str
    title: str
    unit: str
    subjects: list
    expected: list = field(default_factory=list)

    def ratio(self, subject):
        """Of the first one's median to this one's."""
        return self.subjects[0].median / subject.median if subject.median else None

    def met(self, expected):
        """None when what it is to be compared with was not measured."""
        value = self.subjects[0].median
        if expected.of:
            other = next((s for s in self.subjects if s.title == expected.of), None)
            if not other or not other.median:
                return None
            value = self.ratio(other)
        return value >= expected.at_least if expected.at_most is None else value <= expected.at_most

    def as_json(self):
        made = asdict(self)
        for subject, values in zip(self.subjects, made["subjects"]):
            values.update(median=subject.median, min=min(subject.values), max=max(subject.values), ratio=self.ratio(subject))
        for expected, values in zip(self.expected, made["expected"]):
            values.update(met=self.met(expected), text=expected.text())
        return made
