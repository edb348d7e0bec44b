"""What is counted of every HTTP request, in plain numbers.

Every request passes here, and a metric of the library costs as much as a decision does: labels are looked up, checked
and locked. One list per method, route and status holds all; it becomes Prometheus' shapes when somebody asks.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from homeport.telemetry.metrics import PREFIX, SECONDS, registry

Bucket = list[float]


class RequestMetrics(Collector):
    """Requests answered, their seconds, and how many are being served. Written by one thread, read by any."""

    def __init__(self) -> None:
        self.open = 0
        # By method, route and status: the sum of seconds, then how many took at most SECONDS[n - 1], then the rest.
        self._answers: dict[tuple[str, str, int], Bucket] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer, `seconds` after its request."""
        key = (method, route, status)
        found = self._answers.get(key)
        if found is None:
            found = self._answers[key] = [0.0] * (len(SECONDS) + 2)
        found[0] += seconds
        found[1 + bisect_left(SECONDS, seconds)] += 1

    def collect(self) -> Iterator[Metric]:
        """Return the figures as the registry shows them."""
        answers = [(key, list(found)) for key, found in list(self._answers.items())]
        counts = CounterMetricFamily(
            f"{PREFIX}_http_requests",
            "Requests answered, by method, route and status.",
            labels=("method", "route", "status"),
        )
        for (method, route, status), found in answers:
            counts.add_metric((method, route, str(status)), sum(found[1:]))
        yield counts
        yield self._seconds(answers)
        yield GaugeMetricFamily(
            f"{PREFIX}_http_requests_open", "Requests being served, WebSockets and streams included.", self.open
        )

    @staticmethod
    def _seconds(answers: list[tuple[tuple[str, str, int], Bucket]]) -> HistogramMetricFamily:
        family = HistogramMetricFamily(
            f"{PREFIX}_http_request_seconds",
            "Seconds from the request's start to the answer's start.",
            labels=("method", "route"),
        )
        merged: dict[tuple[str, str], Bucket] = {}
        for (method, route, _), found in answers:
            known = merged.setdefault((method, route), [0.0] * len(found))
            merged[method, route] = [sum(pair) for pair in zip(known, found, strict=True)]
        names = [*map(floatToGoString, SECONDS), "+Inf"]
        for labels, (total, *buckets) in merged.items():
            family.add_metric(labels, list(zip(names, accumulate(buckets), strict=True)), total)
        return family


requests = RequestMetrics()
registry.register(requests)
