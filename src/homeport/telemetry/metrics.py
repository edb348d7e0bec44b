"""The Prometheus registry.

A room declares a metric once, at module level, through `counter`, `gauge` or `histogram`.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

PREFIX = "homeport"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

registry = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)
GCCollector(registry=registry)

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


def counter(name: str, words: str, labels: Sequence[str] = ()) -> Counter:
    """Declare a counter `homeport_<name>_total`."""
    return Counter(name, words, labels, namespace=PREFIX, registry=registry)


def gauge(name: str, words: str, labels: Sequence[str] = ()) -> Gauge:
    """Declare a gauge `homeport_<name>`."""
    return Gauge(name, words, labels, namespace=PREFIX, registry=registry)


def histogram(name: str, words: str, labels: Sequence[str] = (), buckets: Sequence[float] = SECONDS) -> Histogram:
    """Declare a histogram `homeport_<name>`; buckets are seconds unless the name says otherwise."""
    return Histogram(name, words, labels, namespace=PREFIX, registry=registry, buckets=buckets)


def exposition() -> bytes:
    """Return all metrics in Prometheus' text format."""
    return generate_latest(registry)
