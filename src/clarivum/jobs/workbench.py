"""What the parts of one worker share."""

from dataclasses import dataclass

from clarivum.database import Database
from clarivum.jobs.ledger import Ledger
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.transports.interface import Transport
from clarivum.jobs.worker.controls import Controls
from clarivum.jobs.worker.flights import Flights
from clarivum.jobs.worker.receipts import Receipts
from clarivum.jobs.worker.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class Workbench:
    """One per worker; belongs to its event loop."""

    database: Database
    transport: Transport
    ledger: Ledger
    receipts: Receipts
    options: WorkerOptions
    watchdog: Watchdog
    flights: Flights
    controls: Controls
