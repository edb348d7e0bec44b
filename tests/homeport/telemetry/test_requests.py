"""Figures of requests, counted in plain numbers and shown in Prometheus' text format."""

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from homeport.telemetry.metrics import SECONDS, exposition
from homeport.telemetry.requests import RequestMetrics


def _lines(metrics: RequestMetrics) -> set[str]:
    registry = CollectorRegistry()
    registry.register(metrics)
    return set(generate_latest(registry).decode().splitlines())


def test_requests_are_counted_by_method_route_and_status() -> None:
    metrics = RequestMetrics()
    for status in (200, 200, 404):
        metrics.answered("GET", "/a", status, 0.01)
    metrics.answered("POST", "/a", 200, 0.01)
    metrics.open = 3
    assert {
        'homeport_http_requests_total{method="GET",route="/a",status="200"} 2.0',
        'homeport_http_requests_total{method="GET",route="/a",status="404"} 1.0',
        'homeport_http_requests_total{method="POST",route="/a",status="200"} 1.0',
        'homeport_http_request_seconds_count{method="GET",route="/a"} 3.0',
        "homeport_http_requests_open 3.0",
    } <= _lines(metrics)


def test_seconds_fall_into_the_buckets_of_the_librarys_own_histogram() -> None:
    # On a bound, below all, between, beyond all.
    times = [SECONDS[0], 0.0, 0.003, 0.3, 1.0, 400.0]
    metrics, registry = RequestMetrics(), CollectorRegistry()
    theirs = Histogram(
        "homeport_http_request_seconds", "x", ("method", "route"), registry=registry, buckets=SECONDS
    ).labels("GET", "/a")
    for number, seconds in enumerate(times):
        metrics.answered("GET", "/a", 200 + number % 2, seconds)
        theirs.observe(seconds)
    kept = ("homeport_http_request_seconds_bucket", "homeport_http_request_seconds_count")
    counted = {line for line in generate_latest(registry).decode().splitlines() if line.startswith(kept)}
    assert len(counted) == len(SECONDS) + 2
    assert counted <= _lines(metrics)
    (total,) = (line for line in _lines(metrics) if "_seconds_sum" in line)
    assert float(total.split()[-1]) == pytest.approx(sum(times))


def test_the_servers_own_figures_are_exposed_before_the_first_request() -> None:
    text = exposition().decode()
    assert "# TYPE homeport_http_requests_total counter" in text
    assert "# TYPE homeport_http_request_seconds histogram" in text
    assert "# TYPE homeport_http_requests_open gauge" in text
