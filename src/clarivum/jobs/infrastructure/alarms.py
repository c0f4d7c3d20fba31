"""What wakes somebody about one job: CloudWatch's alarms, and the metric of what its function says when it gives up.

A run that is given up is settled: the ledger has it and its message is deleted. Neither SQS nor Lambda counts it as
anything; the function's log does.
"""

from typing import Any

from clarivum.jobs.declaration import Job
from clarivum.jobs.infrastructure.resources import Resource, dead_letters_id, function_id, id_of, logs_id, queue_id

PERIOD_S = 300
GIVEN_UP = (
    "job gave up",
    "job message is unreadable",
    "SQS refused a job's message, it is a dead letter now",
)
"""What our log lines have as `event` when a dead letter is made: of a run, of a message, of what a handler enqueued."""

NAMESPACE = {"Fn::Sub": "Clarivum/${AWS::StackName}"}
"""A stack's own: an account may have several environments."""


def queue_alarms(job: Job[Any]) -> dict[str, Resource]:
    """Of its queues, whoever runs it. By logical id."""
    name = id_of(job)
    age, visible = "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"
    queue, dead = (
        _of("QueueName", {"Fn::GetAtt": [each, "QueueName"]}) for each in (queue_id(job), dead_letters_id(job))
    )
    return {
        f"{name}AgeAlarm": _alarm(
            job, "its oldest message has waited too long", queue | _sqs(age), "OldestMessageAlarmS"
        ),
        f"{name}DepthAlarm": _alarm(job, "too many messages wait", queue | _sqs(visible), "DepthAlarm", periods=3),
        f"{name}DeadLettersAlarm": _alarm(
            job, "SQS gave a message up; `jobs relay` and workers fetch it back", dead | _sqs(visible)
        ),
    }


def function_alarms(job: Job[Any]) -> dict[str, Resource]:
    """Of its function. By logical id."""
    name = id_of(job)
    given_up = {"Namespace": NAMESPACE, "MetricName": _metric_name(job), "Statistic": "Sum"}
    errors = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum"}
    function = _of("FunctionName", {"Ref": function_id(job)})
    return {
        f"{name}GivenUp": {
            "Type": "AWS::Logs::MetricFilter",
            "Properties": {
                "LogGroupName": {"Ref": logs_id(job)},
                "FilterPattern": given_up_pattern(),
                "MetricTransformations": [
                    {"MetricNamespace": NAMESPACE, "MetricName": _metric_name(job), "MetricValue": "1"}
                ],
            },
        },
        f"{name}GivenUpAlarm": _alarm(job, "a run was given up, `jobs dead` says why", given_up),
        f"{name}ErrorsAlarm": _alarm(
            job, "its function fails as a whole: a setting, a crash, or its time limit", function | errors
        ),
    }


def given_up_pattern() -> str:
    """CloudWatch's filter for log lines with one of GIVEN_UP.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html"""
    return "{ " + " || ".join(f'($.event = "{event}")' for event in GIVEN_UP) + " }"


def _metric_name(job: Job[Any]) -> str:
    return f"{job.name} given up"


def _of(dimension: str, value: Resource) -> Resource:
    return {"Dimensions": [{"Name": dimension, "Value": value}]}


def _sqs(metric: str) -> Resource:
    return {"Namespace": "AWS/SQS", "MetricName": metric, "Statistic": "Maximum"}


def _alarm(job: Job[Any], about: str, metric: Resource, above: str | None = None, *, periods: int = 1) -> Resource:
    """`above`: the parameter that holds the threshold; None: 0."""
    notify = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": f"{job.name}: {about}. Ask {job.owner or 'the platform'}.",
            **metric,
            "Period": PERIOD_S,
            "EvaluationPeriods": periods,
            "Threshold": 0 if above is None else {"Ref": above},
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": notify,
            "OKActions": notify,
        },
    }
