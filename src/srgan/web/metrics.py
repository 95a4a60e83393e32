"""What a server counts, in Prometheus' format."""

from __future__ import annotations

import functools
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from srgan.web.problems import CLIENT_CLOSED
from srgan.web.queue import State, WorkQueue

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """The figures of one app, in a registry of its own."""

    def __init__(self, queue: WorkQueue) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "srgan_requests", "Requests answered, by route and status", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "srgan_upscale_seconds",
            "Seconds from a request for a picture to its answer",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.pixels = Counter("srgan_pixels", "Input pixels of the pictures answered", registry=self.registry)
        places = Gauge("srgan_queue", "Requests in the queue, by what they do", ("state",), registry=self.registry)
        states: tuple[State, ...] = ("receiving", "waiting", "computing")
        for state in states:
            places.labels(state).set_function(functools.partial(queue.count, state))
        Gauge("srgan_queue_capacity", "Requests that the queue takes", registry=self.registry).set(queue.capacity)

    def text(self) -> bytes:
        """Return all figures."""
        return generate_latest(self.registry)


class Counting:
    """ASGI middleware that counts requests; only known routes become labels, so that a scanner cannot fill memory."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = CLIENT_CLOSED  # unless an answer begins
        started = time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            status = 500
            raise
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, status).inc()
            if route == "/v1/upscale" and status == 200:
                self._metrics.seconds.observe(time.perf_counter() - started)
