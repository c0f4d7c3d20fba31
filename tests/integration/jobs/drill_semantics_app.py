"""The drill's jobs with limits, windows and results as an application, for the command line."""

from pathlib import Path

from clarivum.application import Application, Feature
from tests.integration.jobs.drill_semantics import JOBS

application = Application(
    "drill", root=Path(__file__).parents[3], features=[Feature("drill", owner="platform", jobs=JOBS)]
)
