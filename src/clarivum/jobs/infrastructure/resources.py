"""The resources of one job: its queue and dead-letter queue, its function with a role of its own, its alarms."""

from collections.abc import Iterable, Sequence
from typing import Any

from clarivum.jobs.declaration import Job
from clarivum.jobs.infrastructure.sizing import Sizing
from clarivum.jobs.transports.sqs.names import DEAD_LETTER_SUFFIX, MAX_RECEIVE_COUNT, RETENTION_S

Resource = dict[str, Any]

LOG_RETENTION_DAYS = 30
CONSUME = (
    "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
)  # fmt: skip
PRODUCE = ("sqs:SendMessage", "sqs:GetQueueUrl")
ENI_POLICY = "arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"
PERIOD_S = 300


def id_of(job: Job[Any]) -> str:
    """`leads.enrich` gives `LeadsEnrich`: what the logical ids of its resources begin with."""
    return "".join(part.capitalize() for part in job.name.replace(".", "_").split("_"))


def queue_id(job: Job[Any]) -> str:
    return f"{id_of(job)}Queue"


def arn(resource_id: str) -> Resource:
    return {"Fn::GetAtt": [resource_id, "Arn"]}


def job_resources(job: Job[Any], size: Sizing, queues: Sequence[str]) -> dict[str, Resource]:
    """By logical id. `queues`: the logical ids of all queues, which a handler may send jobs to."""
    name = id_of(job)
    return {
        queue_id(job): _queue(job, size),
        f"{name}DeadLetters": _dead_letter_queue(job),
        f"{name}Logs": _log_group(job),
        f"{name}Role": _role(job, queues),
        f"{name}Function": _function(job, size),
        **_alarms(job),
    }


def _queue(job: Job[Any], size: Sizing) -> Resource:
    return {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "QueueName": {"Fn::Sub": f"${{QueuePrefix}}{job.queue}"},
            "VisibilityTimeout": size.visibility_s,
            "MessageRetentionPeriod": RETENTION_S,
            "SqsManagedSseEnabled": True,
            "RedrivePolicy": {
                "deadLetterTargetArn": arn(f"{id_of(job)}DeadLetters"),
                "maxReceiveCount": MAX_RECEIVE_COUNT,
            },
            "Tags": _tags(job),
        },
    }


def _dead_letter_queue(job: Job[Any]) -> Resource:
    source = f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:${{QueuePrefix}}{job.queue}"
    return {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "QueueName": {"Fn::Sub": f"${{QueuePrefix}}{job.queue}{DEAD_LETTER_SUFFIX}"},
            "MessageRetentionPeriod": RETENTION_S,
            "SqsManagedSseEnabled": True,
            "RedriveAllowPolicy": {"redrivePermission": "byQueue", "sourceQueueArns": [{"Fn::Sub": source}]},
            "Tags": _tags(job),
        },
    }


def _log_group(job: Job[Any]) -> Resource:
    return {
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"RetentionInDays": LOG_RETENTION_DAYS, "Tags": _tags(job)},
    }


def _role(job: Job[Any], queues: Iterable[str]) -> Resource:
    """Its own queue's messages, sending to the application's queues, its own log group; nothing else."""
    statements = [
        _allow(CONSUME, [arn(queue_id(job))]),
        _allow(PRODUCE, [arn(queue) for queue in queues]),
        _allow(("logs:CreateLogStream", "logs:PutLogEvents"), [arn(f"{id_of(job)}Logs")]),
    ]
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": trust("lambda.amazonaws.com"),
            "ManagedPolicyArns": {"Fn::If": ["InVpc", [{"Fn::Sub": ENI_POLICY}], {"Ref": "AWS::NoValue"}]},
            "Policies": [policy("jobs", statements)],
            "Tags": _tags(job),
        },
    }


def _function(job: Job[Any], size: Sizing) -> Resource:
    mapping: Resource = {
        "Queue": arn(queue_id(job)),
        "BatchSize": size.batch_size,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": size.functions or {"Ref": "MaximumConcurrency"}},
    }
    if size.window_s:
        mapping["MaximumBatchingWindowInSeconds"] = size.window_s
    properties: Resource = {
        "Description": f"{job.name}: {job.summary}"[:256] if job.summary else job.name,
        "Role": arn(f"{id_of(job)}Role"),
        "Timeout": size.function_timeout_s,
        "LoggingConfig": {"LogGroup": {"Ref": f"{id_of(job)}Logs"}},
        "Environment": {"Variables": {"CLARIVUM_JOB_CONCURRENCY": str(size.places)}},
        "Tags": {tag["Key"]: tag["Value"] for tag in _tags(job)},
        "Events": {"Jobs": {"Type": "SQS", "Properties": mapping}},
    }
    if size.reserved is not None:
        properties["ReservedConcurrentExecutions"] = size.reserved
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


def _alarms(job: Job[Any]) -> dict[str, Resource]:
    name = id_of(job)
    queue, dead = (
        _of("QueueName", {"Fn::GetAtt": [each, "QueueName"]}) for each in (queue_id(job), f"{name}DeadLetters")
    )
    age, visible = "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"
    function = _of("FunctionName", {"Ref": f"{name}Function"})
    gave_up = "SQS gave a message up; a worker takes it into the dead letters of the ledger, see `jobs dead`"
    failing = "its function fails as a whole: a setting, a crash, or its time limit"
    return {
        f"{name}AgeAlarm": _alarm(
            job, "its oldest message has waited too long", queue | _sqs(age), "OldestMessageAlarmS"
        ),
        f"{name}DepthAlarm": _alarm(job, "too many messages wait", queue | _sqs(visible), "DepthAlarm", periods=3),
        f"{name}DeadLettersAlarm": _alarm(job, gave_up, dead | _sqs(visible)),
        f"{name}ErrorsAlarm": _alarm(
            job, failing, function | {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum"}
        ),
    }


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


def policy(name: str, statements: Sequence[Resource]) -> Resource:
    return {"PolicyName": name, "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}


def trust(service: str, condition: Resource | None = None) -> Resource:
    """Who may take a role on."""
    statement: Resource = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    if condition is not None:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def _allow(actions: Iterable[str], resources: Sequence[object]) -> Resource:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _tags(job: Job[Any]) -> list[dict[str, str]]:
    return [{"Key": "clarivum:job", "Value": job.name}, {"Key": "clarivum:owner", "Value": job.owner or "platform"}]
