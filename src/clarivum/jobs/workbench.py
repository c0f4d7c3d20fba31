"""What the parts of one worker share."""

from dataclasses import dataclass, field

from clarivum.database import Database
from clarivum.jobs.flights import Flights
from clarivum.jobs.ledger import Ledger
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.receipts import Receipts
from clarivum.jobs.transport import Transport
from clarivum.jobs.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class Workbench:
    """One per worker; belongs to its event loop."""

    database: Database
    transport: Transport
    ledger: Ledger
    receipts: Receipts
    options: WorkerOptions
    watchdog: Watchdog = field(default_factory=Watchdog)
    flights: Flights = field(default_factory=Flights)
