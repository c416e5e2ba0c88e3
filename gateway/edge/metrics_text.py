"""Counters, gauges and histograms in Prometheus' text format 0.0.4; every label has a closed set of values."""

import itertools
import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"
"""What a value that isn't in its label's set is counted under: nothing that a mail says may become a label."""


class Metric:
    """What one metric is: its name, what it says, its labels with all their values."""

    kind = "gauge"

    def __init__(self, name: str, says: str, labels: Mapping[str, Sequence[str]] | None = None) -> None:
        self.name = name
        self.says = says
        self.labels = {label: tuple(dict.fromkeys((*values, OTHER))) for label, values in (labels or {}).items()}

    def _key(self, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(value if value in known else OTHER for value, known in zip(values, self.labels.values(), strict=True))

    def _combinations(self) -> Iterator[tuple[str, ...]]:
        # series that begin at zero, so that the first increase is seen as one; "other" only shows when it is needed
        return itertools.product(*([value for value in values if value != OTHER] for values in self.labels.values()))

    def samples(self) -> Iterator[str]:
        """The lines of the metric without its head."""
        raise NotImplementedError

    def lines(self) -> Iterator[str]:
        """All lines of the metric."""
        yield f"# HELP {self.name} {self.says}"
        yield f"# TYPE {self.name} {self.kind}"
        yield from self.samples()

    def _series(self, key: tuple[str, ...], *more: tuple[str, str], suffix: str = "") -> str:
        pairs = [*zip(self.labels, key, strict=True), *more]
        inside = ",".join(f'{label}="{_escape(value)}"' for label, value in pairs)
        return f"{self.name}{suffix}{{{inside}}}" if inside else f"{self.name}{suffix}"


class Gauge(Metric):
    """A value that goes up and down."""

    def __init__(self, name: str, says: str, labels: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(name, says, labels)
        self._values: dict[tuple[str, ...], float] = dict.fromkeys(self._combinations(), 0.0)

    def set(self, value: float, *labels: str) -> None:
        """Say what it is now."""
        self._values[self._key(labels)] = value

    def value(self, *labels: str) -> float:
        """What it is."""
        return self._values.get(labels, 0.0)

    def samples(self) -> Iterator[str]:
        """A line a series."""
        for key, value in self._values.items():
            yield f"{self._series(key)} {_number(value)}"


class Counter(Gauge):
    """A value that only goes up."""

    kind = "counter"

    def add(self, *labels: str, by: float = 1.0) -> None:
        """Count."""
        key = self._key(labels)
        self._values[key] = self._values.get(key, 0.0) + by


class Info(Metric):
    """A constant 1 whose labels say something in words; only the newest is shown."""

    def __init__(self, name: str, says: str, labels: Sequence[str]) -> None:
        super().__init__(name, says, dict.fromkeys(labels, ()))
        self._now: tuple[str, ...] | None = None

    def tell(self, *values: str) -> None:
        """Say it; our own words, never a mail's."""
        self._now = values

    def samples(self) -> Iterator[str]:
        """One line."""
        if self._now is not None:
            yield f"{self._series(self._now)} 1"


class Histogram(Metric):
    """How many observations were at most so big."""

    kind = "histogram"

    def __init__(self, name: str, says: str, bounds: Sequence[float]) -> None:
        super().__init__(name, says)
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    @property
    def count(self) -> int:
        """How many observations there were."""
        return sum(self._counts)

    def samples(self) -> Iterator[str]:
        """A line a bucket, the sum and the count."""
        total = 0
        for bound, number in zip((*self._bounds, math.inf), self._counts, strict=True):
            total += number
            yield f"{self._series((), ('le', _number(bound)), suffix='_bucket')} {total}"
        yield f"{self.name}_sum {_number(self._sum)}"
        yield f"{self.name}_count {total}"


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(value)


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def render(metrics: Sequence[Metric]) -> str:
    """The text that a monitor gets."""
    return "\n".join(itertools.chain.from_iterable(metric.lines() for metric in metrics)) + "\n"
