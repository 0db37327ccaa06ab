"""Whether the appliance lives and works, its figures, the seed's internal doors: this machine's only."""

from __future__ import annotations

from quart import Response
from quart_trio import QuartTrio

from appliance import metrics
from appliance.http.admin.dispatch import Dispatch
from appliance.http.admin.rest import asked, json
from appliance.operations.context import System, local_administrator
from appliance.operations.routing import routing_stats
from appliance.operations.system import producers

ROUTES = (
    ("GET", "/healthz", "this process lives"),
    ("GET", "/readyz", "whether the appliance does its work, and if not why"),
    ("GET", "/metrics", "Prometheus figures"),
    ("POST", "/internal/cache/reload", "read the catalog again and push it to every edge"),
    ("GET", "/internal/cache/stats", "revision and age of the routing table per edge"),
    ("POST", "/internal/outbound/retry", "attempt outbound deliveries again: deliveries.retry"),
    ("POST", "/internal/postbacks/test", "what would become of a postback: postbacks.test"),
    ("GET", "/internal/event-producer/stats", "how events get into the journals, per edge and topic"),
)


def mount(app: QuartTrio, dispatch: Dispatch, system: System) -> None:
    @app.get("/healthz")
    async def healthz() -> Response:
        return json({"status": "ok"})

    @app.get("/readyz")
    async def readyz() -> Response:
        status = system.status()
        answer = {"ready": status.ready, "reasons": status.problems, "degraded": status.degraded}
        return json(answer, 200 if status.ready else 503)

    @app.get("/metrics")
    async def figures() -> Response:
        return Response(metrics.exposition(system.status()), content_type=metrics.CONTENT_TYPE)

    @app.post("/internal/cache/reload")
    async def reload() -> Response:
        return json(await dispatch.call("routing.reload", {}, local_administrator("rest")))

    @app.get("/internal/cache/stats")
    async def cache_stats() -> Response:
        return json(routing_stats(system.status()))

    @app.post("/internal/outbound/retry")
    async def outbound_retry() -> Response:
        return json(await dispatch.call("deliveries.retry", await asked(), local_administrator("rest")))

    @app.post("/internal/postbacks/test")
    async def postbacks_test() -> Response:
        return json(await dispatch.call("postbacks.test", await asked(), local_administrator("rest")))

    @app.get("/internal/event-producer/stats")
    async def event_producer_stats() -> Response:
        return json(producers(system.status()))
