"""Jobs of the drill as an application that is deployed to Lambda."""

from pathlib import Path

from pydantic import AwareDatetime

from clarivum.application import Application, Feature
from clarivum.jobs import Payload, Run, job
from tests.integration.jobs.drill_jobs import act, fragile, quick


class Night(Payload):
    due_at: AwareDatetime


@job(Night, name="drill.night", key="due_at", schedule="0 3 * * *", timezone="Europe/Warsaw", missed="once")
async def night(payload: Night, run: Run) -> None:
    """Wait for the night."""


class Rebuild(Payload):
    key: str


@job(Rebuild, name="drill.rebuild", key="key", timeout_s=1_200)
async def rebuild(payload: Rebuild, run: Run) -> None:
    """Take longer than a function lives."""


application = Application(
    "drill",
    root=Path(__file__).parents[3],
    features=[Feature("drill", owner="platform", jobs=[quick, act, fragile, night, rebuild])],
)
TARGET = "tests.integration.jobs.lambda_app:application"
