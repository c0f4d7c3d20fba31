"""The resources of one job: its queue and dead-letter queue, its function with a role of its own."""

from collections.abc import Iterable, Sequence
from typing import Any

from clarivum.jobs.declaration import Job
from clarivum.jobs.infrastructure.handed_settings import handed_settings
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


def id_of(job: Job[Any]) -> str:
    """`leads.enrich` gives `LeadsEnrich`: what the logical ids of its resources begin with."""
    return "".join(part.capitalize() for part in job.name.replace(".", "_").split("_"))


def queue_id(job: Job[Any]) -> str:
    return f"{id_of(job)}Queue"


def dead_letters_id(job: Job[Any]) -> str:
    return f"{id_of(job)}DeadLetters"


def logs_id(job: Job[Any]) -> str:
    return f"{id_of(job)}Logs"


def function_id(job: Job[Any]) -> str:
    return f"{id_of(job)}Function"


def arn(resource_id: str) -> Resource:
    return {"Fn::GetAtt": [resource_id, "Arn"]}


def queue_resources(job: Job[Any], visibility_s: int) -> dict[str, Resource]:
    """Its queues, whoever runs it. By logical id."""
    return {queue_id(job): _queue(job, visibility_s), dead_letters_id(job): _dead_letter_queue(job)}


def function_resources(job: Job[Any], size: Sizing, queues: Sequence[str]) -> dict[str, Resource]:
    """By logical id. `queues`: the logical ids of all queues, which a handler may send jobs to."""
    return {
        logs_id(job): _log_group(job),
        f"{id_of(job)}Role": _role(job, queues),
        function_id(job): _function(job, size),
    }


def _queue(job: Job[Any], visibility_s: int) -> Resource:
    return {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "QueueName": {"Fn::Sub": f"${{QueuePrefix}}{job.queue}"},
            "VisibilityTimeout": visibility_s,
            "MessageRetentionPeriod": RETENTION_S,
            "SqsManagedSseEnabled": True,
            "RedrivePolicy": {
                "deadLetterTargetArn": arn(dead_letters_id(job)),
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
        _allow(("logs:CreateLogStream", "logs:PutLogEvents"), [arn(logs_id(job))]),
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
        "LoggingConfig": {"LogGroup": {"Ref": logs_id(job)}},
        "Environment": {"Variables": {"CLARIVUM_JOB_CONCURRENCY": str(size.places), **handed_settings(job)}},
        "Tags": {tag["Key"]: tag["Value"] for tag in _tags(job)},
        "Events": {"Jobs": {"Type": "SQS", "Properties": mapping}},
    }
    if size.reserved is not None:
        properties["ReservedConcurrentExecutions"] = size.reserved
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


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
