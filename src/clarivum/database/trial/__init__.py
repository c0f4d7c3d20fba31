"""What each caller may do to each table, found by doing it and rolling it back.

For checks and commands only: no server imports this. A trial needs a superuser's connection to a scratch database: it
makes rows, becomes each caller in turn, and leaves nothing behind.
"""

from clarivum.database.trial.copying import copied
from clarivum.database.trial.outcome import NO_GRANT, NO_POLICY, VERBS, Cell, Reach, TableTrial, Verb
from clarivum.database.trial.samples import SAMPLES_FILE, Sample, parse_samples
from clarivum.database.trial.stage import Cast, Guise, Owner
from clarivum.database.trial.trial import try_tables

__all__ = [
    "NO_GRANT",
    "NO_POLICY",
    "SAMPLES_FILE",
    "VERBS",
    "Cast",
    "Cell",
    "Guise",
    "Owner",
    "Reach",
    "Sample",
    "TableTrial",
    "Verb",
    "copied",
    "parse_samples",
    "try_tables",
]
