"""The drill's jobs as an application, for the command line."""

from pathlib import Path

from clarivum.application import Application, Feature
from tests.integration.jobs.drill_jobs import JOBS

application = Application(
    "drill", root=Path(__file__).parents[3], features=[Feature("drill", owner="platform", jobs=JOBS)]
)
