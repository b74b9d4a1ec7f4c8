"""Prometheus metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from nitakao.server.service import Service

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Metrics of one app, so that several apps can run in one process."""

    def __init__(self, service: Service) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter("nitakao_requests", "Completed requests", labels, registry=self.registry)
        self._seconds = Histogram(
            "nitakao_request_seconds",
            "Time until the response is complete",
            ("route",),
            registry=self.registry,
            buckets=SECONDS,
        )
        active = Gauge("nitakao_requests_at_work", "Requests in progress", registry=self.registry)
        active.set_function(lambda: service.active_requests + service.abandoned_requests)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)
