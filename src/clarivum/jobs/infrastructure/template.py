"""The template: parameters, what all functions share, each job's resources, schedules.

A function for each job rather than one for all: each has its own time limit, concurrency, log group and alarms, and may
receive from its own queue only.
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from clarivum.errors import DeclarationError
from clarivum.jobs.declaration import Job, by_name
from clarivum.jobs.infrastructure.alarms import function_alarms, queue_alarms
from clarivum.jobs.infrastructure.handed_settings import parameters
from clarivum.jobs.infrastructure.resources import (
    Resource,
    arn,
    function_resources,
    id_of,
    policy,
    queue_id,
    queue_resources,
    trust,
)
from clarivum.jobs.infrastructure.schedules import schedule_resource
from clarivum.jobs.infrastructure.sizing import (
    LONGEST_TIMEOUT_S,
    fits_function,
    queue_visibility_s,
    refuse_long_name,
    sizing,
)
from clarivum.jobs.infrastructure.yaml_text import yaml_text
from clarivum.jobs.transports.sqs.names import MAX_PREFIX_CHARACTERS

PATH = "infra/template.yaml"
COMMAND = "./clarivum jobs template"
HANDLER = "clarivum.jobs.lambda_handler.handler"
MAX_RESOURCES = 500
"""CloudFormation's own. The transform makes one more of each function: its event source mapping."""
TOO_LONG = f"timeout_s is above {LONGEST_TIMEOUT_S}, too long for a Lambda function; keep `clarivum jobs work` running"
SCHEDULER_ROLE = "SchedulerRole"
HEAD = f"""\
# Made by {COMMAND} from the declarations of the jobs; do not edit. docs/guide/jobs.md tells how to deploy it.
"""


def template_text(jobs: Mapping[str, Job[Any]], application: str) -> str:
    """The template as a file. The same declarations give the same text. Raises what `template` raises."""
    left = left_to_workers(jobs)
    remark = f"# No function runs {', '.join(left)}: {TOO_LONG}.\n" if left else ""
    return HEAD + remark + yaml_text(template(jobs, application))


def left_to_workers(jobs: Mapping[str, Job[Any]]) -> list[str]:
    """The jobs that get queues and no function, because a run may take longer than a function lives."""
    return sorted(name for name, job in jobs.items() if not fits_function(job))


def template(jobs: Mapping[str, Job[Any]], application: str) -> dict[str, Any]:
    """`application`: module:attribute, which the functions load.

    Raises DeclarationError naming the job whose declaration asks for more than AWS gives.
    """
    ordered = [job for _, job in sorted(by_name(jobs.values()).items())]
    if not ordered:
        raise DeclarationError(f"{application} declares no jobs: there is nothing to deploy")
    queues = [queue_id(job) for job in ordered]
    resources: dict[str, Resource] = {}
    for job in ordered:
        if queue_id(job) in resources:
            raise DeclarationError(
                f"{job.file}:{job.line}: job {job.name}: another job's resources are {id_of(job)}… too: rename one"
            )
        refuse_long_name(job)
        resources |= queue_resources(job, queue_visibility_s(job)) | queue_alarms(job)
        if fits_function(job):
            resources |= function_resources(job, sizing(job), queues) | function_alarms(job)
    resources |= _schedules(ordered)
    with_function = [job for job in ordered if fits_function(job)]
    expanded = len(resources) + len(with_function)
    if expanded > MAX_RESOURCES:
        raise DeclarationError(
            f"{len(ordered)} jobs are {expanded} resources, CloudFormation takes {MAX_RESOURCES} in one stack:"
            " deploy the application as two"
        )
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": f"The jobs of {application}: queues, functions, schedules, alarms",
        "Parameters": parameters(with_function) | PARAMETERS,
        "Conditions": {
            "InVpc": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "SubnetIds"}]}, ""]}]},
            "HasAlarmTopic": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopicArn"}, ""]}]},
            "HasOtlpHeaders": {"Fn::Not": [{"Fn::Equals": [{"Ref": "OtlpHeadersSecret"}, ""]}]},
        },
        "Globals": {"Function": _function_globals(application)},
        "Resources": resources,
        "Outputs": {f"{queue}Url": {"Value": {"Ref": queue}} for queue in queues} | _worker_output(jobs),
    }


def _worker_output(jobs: Mapping[str, Job[Any]]) -> dict[str, Any]:
    left = left_to_workers(jobs)
    return {"LeftToWorkers": {"Description": TOO_LONG, "Value": ", ".join(left)}} if left else {}


def _schedules(jobs: Sequence[Job[Any]]) -> dict[str, Resource]:
    """The schedules, and the role that may send to the queues of scheduled jobs."""
    scheduled = [job for job in jobs if job.schedule is not None]
    if not scheduled:
        return {}
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": [arn(queue_id(job)) for job in scheduled]}
    ours_only = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": trust("scheduler.amazonaws.com", ours_only),
            "Policies": [policy("schedules", [send])],
        },
    }
    made = {f"{id_of(job)}Schedule": schedule_resource(job, queue_id(job), SCHEDULER_ROLE) for job in scheduled}
    return {SCHEDULER_ROLE: role, **made}


def _function_globals(application: str) -> Resource:
    in_vpc = {"SecurityGroupIds": {"Ref": "SecurityGroupIds"}, "SubnetIds": {"Ref": "SubnetIds"}}
    no_value = {"Ref": "AWS::NoValue"}
    return {
        "Runtime": {"Ref": "Runtime"},
        "Architectures": [{"Ref": "Architecture"}],
        "MemorySize": {"Ref": "MemorySizeMiB"},
        "Handler": HANDLER,
        "CodeUri": {"Bucket": {"Ref": "CodeBucket"}, "Key": {"Ref": "CodeKey"}},
        "VpcConfig": {"Fn::If": ["InVpc", in_vpc, no_value]},
        "Environment": {
            "Variables": {
                "CLARIVUM_APPLICATION": application,
                "CLARIVUM_ENVIRONMENT": {"Ref": "Environment"},
                "CLARIVUM_JOBS_TRANSPORT": "sqs",
                "CLARIVUM_LOG_FORMAT": "json",
                "CLARIVUM_SQS_QUEUE_PREFIX": {"Ref": "QueuePrefix"},
                "DATABASE_URL": {"Fn::Sub": "{{resolve:secretsmanager:${DatabaseUrlSecret}}}"},
                "AUTH0_DOMAIN": {"Ref": "Auth0Domain"},
                "OTEL_SERVICE_NAME": {"Ref": "ServiceName"},
                "OTEL_EXPORTER_OTLP_ENDPOINT": {"Ref": "OtlpEndpoint"},
                "OTEL_EXPORTER_OTLP_HEADERS": {
                    "Fn::If": [
                        "HasOtlpHeaders",
                        {"Fn::Sub": "{{resolve:secretsmanager:${OtlpHeadersSecret}}}"},
                        no_value,
                    ]
                },
            }
        },
    }


def _parameter(description: str, default: object = None, *, kind: str = "String", **bounds: object) -> Resource:
    made: Resource = {"Type": kind, "Description": description}
    if default is not None:
        made["Default"] = default
    return made | bounds


PARAMETERS: dict[str, Resource] = {
    "CodeBucket": _parameter("The bucket that holds the deployment package"),
    "CodeKey": _parameter("The package's key; a new one for each version"),
    "DatabaseUrlSecret": _parameter(
        "Secrets Manager's name or ARN of a secret whose text is DATABASE_URL: the login clarivum_api, in session mode"
    ),
    "Environment": _parameter(
        "What the functions run as", "production", AllowedValues=["development", "test", "production"]
    ),
    "Auth0Domain": _parameter("The tenant's domain, as the API has it; production does not start without", ""),
    "QueuePrefix": _parameter(
        "Put before each queue's name, as in staging-leads_enrich; the API's CLARIVUM_SQS_QUEUE_PREFIX", "",
        AllowedPattern=f"[A-Za-z0-9_-]{{0,{MAX_PREFIX_CHARACTERS}}}",
    ),
    "MaximumConcurrency": _parameter(
        "Functions at once of each job that declares no concurrency; each takes a few database connections", 5,
        kind="Number", MinValue=2, MaxValue=1000,
    ),
    "MemorySizeMiB": _parameter("1769 is one whole CPU", 1024, kind="Number", MinValue=256, MaxValue=10240),
    "Runtime": _parameter(
        "What the package was built for", "python3.13", AllowedValues=["python3.11", "python3.12", "python3.13"]
    ),
    "Architecture": _parameter("What the package was built for", "arm64", AllowedValues=["arm64", "x86_64"]),
    "SubnetIds": _parameter("Subnets from which the database can be reached; none: outside any VPC", "",
                            kind="CommaDelimitedList"),
    "SecurityGroupIds": _parameter("Security groups of the functions in those subnets", "", kind="CommaDelimitedList"),
    "SchedulesState": _parameter(
        "DISABLED where a worker's scheduler is to enqueue the ticks", "ENABLED", AllowedValues=["ENABLED", "DISABLED"]
    ),
    "AlarmTopicArn": _parameter("The SNS topic that alarms go to; none: they are only shown", ""),
    "OldestMessageAlarmS": _parameter("Alarm when a queue's oldest message is older", 900, kind="Number", MinValue=60),
    "DepthAlarm": _parameter(
        "Alarm when more messages wait for a quarter of an hour", 1000, kind="Number", MinValue=1
    ),
    "ServiceName": _parameter("service.name of all telemetry", "clarivum"),
    "OtlpEndpoint": _parameter("OTLP/HTTP collector; none: nothing is exported", ""),
    "OtlpHeadersSecret": _parameter(
        "Secrets Manager's name or ARN of a secret whose text is OTEL_EXPORTER_OTLP_HEADERS; none: no headers", ""
    ),
}  # fmt: skip
