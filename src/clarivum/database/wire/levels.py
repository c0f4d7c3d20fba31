"""What /metrics says about connections. Names with `db.client.` are OpenTelemetry's (database metrics, development)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from clarivum.telemetry import counter, gauge

POOL = "db.client.connection.pool.name"
SHARED, OWN = "pipelines", "connections"
"""The two pools, as label values: connections that short reads share, and those a transaction has for itself."""

OPEN = gauge("db.client.connection.count", "Open connections.", "{connection}", (POOL, "db.client.connection.state"))
MOST = gauge("db.client.connection.max", "The most connections there may be.", "{connection}", (POOL,))
WAITING = gauge("db.client.connection.pending_requests", "Callers that wait for a connection.", "{request}", (POOL,))
IN_FLIGHT = gauge("clarivum.database.reads_in_flight", "Reads sent and not yet answered.", "{read}")
REROUTED = counter(
    "clarivum.database.reads_rerouted",
    "Reads sent a second way: lost (their connection ended), stalled (held up by a slow one ahead), stale_plan, slow"
    " (past the short time-out, now on a connection of its own).",
    "{read}",
    ("clarivum.reason",),
)


@dataclass(frozen=True, slots=True)
class DatabaseStats:
    """Levels of one moment, for /readyz and gauges. `reads_*` are of the shared connections."""

    pipelines: int
    pipelines_open: int
    reads_in_flight: int
    reads_waiting: int
    connections: int
    connections_open: int
    connections_in_use: int
    connections_waiting: int


def observe(stats: Callable[[], DatabaseStats]) -> Callable[[], None]:
    """Read the gauges from `stats` whenever somebody looks. Returns what ends that."""

    def open_connections() -> Iterable[tuple[float, tuple[str, ...]]]:
        now = stats()
        yield now.pipelines_open, (SHARED, "used")
        yield now.connections_in_use, (OWN, "used")
        yield now.connections_open - now.connections_in_use, (OWN, "idle")

    ends = [
        OPEN.observe(open_connections),
        MOST.observe(lambda: ((stats().pipelines, (SHARED,)), (stats().connections, (OWN,)))),
        WAITING.observe(lambda: ((stats().reads_waiting, (SHARED,)), (stats().connections_waiting, (OWN,)))),
        IN_FLIGHT.observe(lambda: ((stats().reads_in_flight, ()),)),
    ]

    def end() -> None:
        for each in ends:
            each()

    return end
