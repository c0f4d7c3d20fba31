"""The AWS template: what follows from a declaration, what is refused, and that SAM and cfn-lint agree with it."""

import json
from typing import Any

import pytest
import yaml
from cfnlint.api import ManualArgs
from cfnlint.api import lint as cfn_lint

from clarivum.errors import DeclarationError, Exit
from clarivum.jobs import Job
from clarivum.jobs.infrastructure import template, template_text
from clarivum.jobs.infrastructure.sizing import sizing
from clarivum.jobs.transports.sqs.names import MAX_RECEIVE_COUNT
from tests.unit.jobs.sam import expand
from tests.unit.jobs.template_jobs import JOBS, TARGET, changed, long, many, plain, tick


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return template(JOBS, TARGET)


def lint(text: str) -> list[str]:
    """Rules of cfn-lint that the expanded template breaks. W3037: its list of actions is older than Scheduler's."""
    configuration = ManualArgs(ignore_checks=["W3037"], regions=["eu-central-1"])
    return [match.rule.id for match in cfn_lint(json.dumps(expand(text)), config=configuration)]


def properties(made: dict[str, Any], resource: str) -> dict[str, Any]:
    found: dict[str, Any] = made["Resources"][resource]["Properties"]
    return found


def test_the_text_says_what_the_data_say_and_is_the_same_each_time(made: dict[str, Any]) -> None:
    text = template_text(JOBS, TARGET)
    assert text.startswith("# Made by ./clarivum jobs template")
    assert yaml.safe_load(text) == made
    assert template_text(dict(reversed(JOBS.items())), TARGET) == text


def test_a_queue_hides_a_message_for_six_times_the_functions_time(made: dict[str, Any]) -> None:
    for job in JOBS.values():
        name = "".join(part.capitalize() for part in job.queue.split("_"))
        queue, function = properties(made, f"{name}Queue"), properties(made, f"{name}Function")
        assert queue["VisibilityTimeout"] >= max(job.visibility_s, 6 * function["Timeout"])
        assert function["Timeout"] >= job.timeout_s + 5
        assert queue["MessageRetentionPeriod"] == 14 * 86_400
        assert queue["SqsManagedSseEnabled"] is True
        assert queue["RedrivePolicy"]["maxReceiveCount"] == MAX_RECEIVE_COUNT
        mapping = function["Events"]["Jobs"]["Properties"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        places = int(function["Environment"]["Variables"]["CLARIVUM_JOB_CONCURRENCY"])
        if job.batch == 1:
            rounds = -(-mapping["BatchSize"] // places)
            assert function["Timeout"] >= rounds * job.timeout_s, "a whole batch of slow runs fits"


@pytest.mark.parametrize(
    ("job", "concurrency", "reserved", "functions"),
    [(plain, None, None, None), (many, 1, 1, 2), (long, 7, 2, 2), (plain, 2, 2, 2), (plain, 500, 100, 100)],
)
def test_concurrency_is_bounded_by_the_declaration(
    job: Job[Any], concurrency: int | None, reserved: int | None, functions: int | None
) -> None:
    size = sizing(changed(job, concurrency=concurrency))
    assert (size.reserved, size.functions) == (reserved, functions)
    if concurrency is not None and reserved is not None:
        assert reserved * size.places <= concurrency


def test_a_limit_over_all_processes_counts_before_the_one_of_each() -> None:
    size = sizing(changed(plain, concurrency=4, limit=40))
    assert (size.places, size.functions, size.reserved) == (4, 10, 10)


def test_a_role_may_use_its_own_queue_and_send(made: dict[str, Any]) -> None:
    [policy] = properties(made, "NotesPlainRole")["Policies"]
    consume, produce, log = policy["PolicyDocument"]["Statement"]
    assert consume["Resource"] == [{"Fn::GetAtt": ["NotesPlainQueue", "Arn"]}]
    assert "sqs:SendMessage" not in consume["Action"]
    assert produce["Action"] == ["sqs:SendMessage", "sqs:GetQueueUrl"]
    assert log["Resource"] == [{"Fn::GetAtt": ["NotesPlainLogs", "Arn"]}]
    assert '"*"' not in json.dumps(made["Resources"])


def test_secrets_are_references(made: dict[str, Any]) -> None:
    variables = made["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["DATABASE_URL"] == {"Fn::Sub": "{{resolve:secretsmanager:${DatabaseUrlSecret}}}"}
    assert "postgres" not in json.dumps(made)


def test_a_function_gets_the_settings_that_its_job_declares() -> None:
    mailing = changed(plain, settings=("SMTP_URL", "CLARIVUM_MAIL_FROM"))
    jobs = {**JOBS, plain.name: mailing}
    with_mail = template(jobs, TARGET)
    variables = {
        name: resource["Properties"]["Environment"]["Variables"]
        for name, resource in with_mail["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert variables["NotesPlainFunction"]["SMTP_URL"] == {"Fn::Sub": "{{resolve:secretsmanager:${SmtpUrlSecret}}}"}
    assert variables["NotesPlainFunction"]["CLARIVUM_MAIL_FROM"] == {"Ref": "MailFrom"}
    assert [name for name, given in variables.items() if "SMTP_URL" in given] == ["NotesPlainFunction"]
    assert "Default" not in with_mail["Parameters"]["SmtpUrlSecret"], "a stack without it is not deployed"
    assert with_mail["Parameters"]["MailFrom"]["Default"] == "Clarivum <no-reply@clarivum.com>"
    assert lint(template_text(jobs, TARGET)) == []


def test_alarms_watch_age_depth_dead_letters_and_errors(made: dict[str, Any]) -> None:
    alarms = {
        name.removeprefix("NotesPlain"): properties(made, name)["MetricName"]
        for name in made["Resources"]
        if name.startswith("NotesPlain") and name.endswith("Alarm")
    }
    assert alarms == {
        "AgeAlarm": "ApproximateAgeOfOldestMessage",
        "DepthAlarm": "ApproximateNumberOfMessagesVisible",
        "DeadLettersAlarm": "ApproximateNumberOfMessagesVisible",
        "GivenUpAlarm": "notes.plain given up",
        "ErrorsAlarm": "Errors",
    }


def test_a_run_that_is_given_up_is_counted_in_the_functions_log(made: dict[str, Any]) -> None:
    counted, alarm = properties(made, "NotesPlainGivenUp"), properties(made, "NotesPlainGivenUpAlarm")
    assert counted["LogGroupName"] == {"Ref": "NotesPlainLogs"}
    assert counted["FilterPattern"].startswith('{ ($.event = "job gave up") || ($.event = ')
    [metric] = counted["MetricTransformations"]
    assert (metric["MetricNamespace"], metric["MetricName"]) == (alarm["Namespace"], alarm["MetricName"])
    assert made["Globals"]["Function"]["Environment"]["Variables"]["CLARIVUM_LOG_FORMAT"] == "json"


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (changed(plain, timeout_s=7_300.0), "its messages would be hidden for 43800 s, SQS takes at most 43200"),
        (changed(plain, name="notes." + "x" * 50), "the queue notes_"),
    ],
)
def test_what_aws_would_refuse_is_refused_naming_the_job(job: Job[Any], said: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        template({job.name: job}, TARGET)
    assert f"job {job.name}" in refused.value.detail
    assert said in refused.value.detail
    assert refused.value.code.exit is Exit.CONFIGURATION


@pytest.mark.parametrize("timeout_s", [895.5, 7_200.0])
def test_a_job_that_fits_into_no_function_gets_queues_and_is_left_to_a_worker(timeout_s: float) -> None:
    slow, slow_tick = (changed(job, timeout_s=timeout_s) for job in (long, tick))
    jobs = {**JOBS, slow.name: slow, slow_tick.name: slow_tick}
    made = template(jobs, TARGET)
    of_slow = {name.removeprefix("NotesLong") for name in made["Resources"] if name.startswith("NotesLong")}
    assert of_slow == {"Queue", "DeadLetters", "AgeAlarm", "DepthAlarm", "DeadLettersAlarm"}
    assert properties(made, "NotesLongQueue")["VisibilityTimeout"] == slow.visibility_s
    assert "NotesTickSchedule" in made["Resources"]
    assert made["Outputs"]["LeftToWorkers"]["Value"] == "notes.long, notes.tick"
    text = template_text(jobs, TARGET)
    assert text.splitlines()[1].startswith("# No function runs notes.long, notes.tick: timeout_s is above 895")
    assert lint(text) == []


def test_the_longest_time_limit_that_fits(made: dict[str, Any]) -> None:
    size = sizing(changed(plain, timeout_s=895.0))
    assert (size.function_timeout_s, size.visibility_s, size.batch_size) == (900, 5_400, size.places)


def test_more_resources_than_a_stack_takes() -> None:
    jobs = [
        changed(plain, name=f"notes.n{number}", payload=type(f"P{number}", (plain.payload,), {}))
        for number in range(60)
    ]
    with pytest.raises(DeclarationError, match="CloudFormation takes 500"):
        template({job.name: job for job in jobs}, TARGET)


def test_names_that_give_the_same_resources() -> None:
    jobs = [changed(plain, name=name, payload=type(name, (plain.payload,), {})) for name in ("notes.a1", "notes.a_1")]
    with pytest.raises(DeclarationError, match=r"job notes\.a_1"):
        template({job.name: job for job in jobs}, TARGET)


def test_sam_expands_it_and_cfn_lint_finds_nothing() -> None:
    expanded = expand(template_text(JOBS, TARGET))
    kinds = [resource["Type"] for resource in expanded["Resources"].values()]
    assert kinds.count("AWS::Lambda::Function") == kinds.count("AWS::Lambda::EventSourceMapping") == len(JOBS)
    assert kinds.count("AWS::IAM::Role") == len(JOBS) + 1, "no role but ours"
    assert lint(template_text(JOBS, TARGET)) == []


def test_cfn_lint_would_find_a_queue_that_is_shorter_than_its_function() -> None:
    text = template_text(JOBS, TARGET)
    assert "E3505" in lint(text.replace("VisibilityTimeout: 150", "VisibilityTimeout: 20", 1))
