"""The template deployed, and jobs run by what it deploys: outbox, relay, SQS, event source mapping, function, ledger.

ministack's CloudFormation, SQS, Lambda and secrets are real servers of the same API; its functions are real processes.
"""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from clarivum.database import Database
from clarivum.jobs.infrastructure import template_text
from clarivum.jobs.infrastructure.alarms import GIVEN_UP, given_up_pattern
from clarivum.jobs.transports.sqs.relay import Relay
from clarivum.testing.aws import AwsServer
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.jobs.conftest import ROOT
from tests.integration.jobs.drill_jobs import WORLD, Act, Fragile, Quick, act, fragile, quick
from tests.integration.jobs.lambda_app import TARGET, application, night, rebuild
from tests.integration.jobs.lambda_drill import LambdaDrill

STACK = "drill"
NUMBER_AS_TEXT = "MaximumConcurrency: {Ref: MaximumConcurrency}", "MaximumConcurrency: 2"
"""ministack hands a Number parameter on as text, and its poller then fails; CloudFormation makes it a number."""
PACKAGED = ("src/clarivum", "tests/integration/jobs")


def package() -> bytes:
    """The deployment package: platform, application, owners.toml. The dependencies are the interpreter's own."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in PACKAGED:
            for path in sorted((ROOT / folder).rglob("*")):
                if path.suffix in {".py", ".sql"}:
                    archive.write(path, path.relative_to(ROOT / "src" if folder.startswith("src") else ROOT))
        archive.write(ROOT / "owners.toml", "owners.toml")
    return held.getvalue()


@pytest.fixture
def server() -> Iterator[AwsServer]:
    """One of its own: functions are processes, which end with it."""
    server = AwsServer("ministack")
    server.start()
    yield server
    server.close()


@pytest.fixture
def drill(server: AwsServer, database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[LambdaDrill]:
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute(WORLD)
    drill = LambdaDrill(database_urls, tmp_path, server=server)
    yield drill
    drill.end()


@pytest.fixture
def cloud_formation(drill: LambdaDrill, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The stack, deployed."""
    for name, value in drill.server.environ.items():
        monkeypatch.setenv(name, value)
    bucket, key = "packages", "drill.zip"
    storage = drill.server.client("s3")
    storage.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    storage.put_object(Bucket=bucket, Key=key, Body=package())
    drill.server.client("secretsmanager").create_secret(Name="drill/database", SecretString=drill.urls.app)
    parameters = {
        "CodeBucket": bucket, "CodeKey": key, "DatabaseUrlSecret": "drill/database", "Environment": "development",
        "QueuePrefix": drill.prefix, "Runtime": "python3.11", "Architecture": "x86_64",
    }  # fmt: skip
    client = drill.server.client("cloudformation")
    client.create_stack(
        StackName=STACK,
        TemplateBody=template_text(application.jobs, TARGET).replace(*NUMBER_AS_TEXT),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )

    def status() -> str:
        return str(client.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])

    drill.until(lambda: not status().endswith("IN_PROGRESS"), "the stack is deployed")
    reasons = [
        each.get("ResourceStatusReason") for each in client.describe_stack_events(StackName=STACK)["StackEvents"]
    ]
    assert status() == "CREATE_COMPLETE", reasons
    return client


async def relay(drill: LambdaDrill) -> None:
    async with Database(drill.urls.app, pipelines=1, connections=2) as database:
        transport: Any = drill.transport(database)
        await Relay(transport, database, list(application.jobs.values())).drain()
        await transport.close()


def test_the_command_names_what_is_left_to_a_worker(tmp_path: Path) -> None:
    written = tmp_path / "template.yaml"
    done = subprocess.run(
        [sys.executable, "-m", "clarivum", "jobs", "template", "--application", TARGET, "--output", written],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "no function for drill.rebuild: timeout_s is above 895" in done.stdout
    assert "drill.quick" not in done.stdout
    assert "# No function runs drill.rebuild: " in written.read_text()


@pytest.mark.timeout(300)
async def test_jobs_run_through_everything_that_was_deployed(drill: LambdaDrill, cloud_formation: Any) -> None:
    """One deployment for all of it: it takes seconds."""
    await drill.enqueue(Fragile(key="bad", do="kill"))
    await relay(drill)
    await drill.eventually(lambda: drill.state("bad") == "running", "a function was killed in it", 60.0)
    await drill.enqueue(*(Fragile(key=f"f{n}") for n in range(5)), *(Quick(key=f"q{n}") for n in range(25)))
    await drill.enqueue(Act(key="again", do="fail", up_to_attempt=1), Act(key="closed", do="give_up"), Act(key="fine"))
    await drill.enqueue(Act(key="hangs", do="spin", up_to_attempt=1))
    await relay(drill)
    for _ in range(3):
        drill.send_raw(quick, '{"key": "q0"}')
    drill.send_raw(quick, "not a job")
    await drill.eventually(lambda: drill.depth(quick) + drill.depth(act) == 0, "both queues are empty", 60.0)
    await drill.eventually(lambda: drill.depth(fragile) == 1, "the next function went on", 60.0)
    keys = [effect["key"] for effect in drill.effects()]
    assert sorted(keys) == sorted(
        [*(f"f{n}" for n in range(5)), *(f"q{n}" for n in range(25)), "again", "fine", "hangs"]
    )
    assert {effect["attempt"] for effect in drill.effects() if effect["key"] in {"again", "hangs"}} == {2}
    assert sorted(letter["error"] for letter in drill.letters()) == ["PayloadError", "TerminalError"]
    assert (drill.run("q0") or {})["replays"] == 3
    assert (drill.run("bad") or {})["attempt"] == 1
    assert drill.counts(fragile)["hidden"] == 1, "the one that kills waits for its visibility to end"
    what_was_deployed_is_what_was_declared(drill)
    what_was_given_up_is_what_the_alarm_counts(drill)


def what_was_deployed_is_what_was_declared(drill: LambdaDrill) -> None:
    """But for the schedule's time zone, which ministack's CloudFormation drops."""
    sqs, scheduler = drill.sqs, drill.server.client("scheduler")
    url = drill.url(quick)
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert int(attributes["VisibilityTimeout"]) == 150
    assert f"{drill.prefix}drill_quick-dead" in attributes["RedrivePolicy"]
    mappings = drill.server.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    functions = len(application.jobs) - 1
    assert len(mappings) == functions
    assert all(each["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for each in mappings)
    [schedule] = scheduler.list_schedules()["Schedules"]
    found = scheduler.get_schedule(Name=schedule["Name"])
    assert found["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert f"{drill.prefix}{night.queue}" in found["Target"]["Input"]
    assert len(drill.server.client("cloudwatch").describe_alarms()["MetricAlarms"]) == 5 * functions + 3
    assert drill.counts(rebuild)["ready"] == 0, "its queue is there, for a worker"


def what_was_given_up_is_what_the_alarm_counts(drill: LambdaDrill) -> None:
    """ministack keeps metric filters and does not apply them: the lines are looked for as the filter would."""
    logs = drill.server.client("logs")
    filters = logs.describe_metric_filters()["metricFilters"]
    assert {each["filterPattern"] for each in filters} == {given_up_pattern()}
    assert len(filters) == len(application.jobs) - 1
    said = {
        json.loads(line["message"])["event"]
        for each in filters
        for line in logs.filter_log_events(logGroupName=each["logGroupName"])["events"]
        if line["message"].startswith("{")
    }
    assert said & set(GIVEN_UP) == {"job gave up", "job message is unreadable"}
