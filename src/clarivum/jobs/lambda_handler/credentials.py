"""Where SQS is and who we are, as a Lambda function's environment says it: boto3 would take 0.2 s to find the same.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from clarivum.jobs.transports.sqs.signature import Credentials

CHINA = "cn-"


@dataclass(frozen=True, slots=True)
class EnvironmentCredentials:
    """In botocore's form: `get_frozen_credentials`."""

    environ: Mapping[str, str]

    def get_frozen_credentials(self) -> Credentials:
        return Credentials(
            self.environ["AWS_ACCESS_KEY_ID"],
            self.environ["AWS_SECRET_ACCESS_KEY"],
            self.environ.get("AWS_SESSION_TOKEN") or None,
        )


def find(region: str, endpoint_url: str | None) -> tuple[str, object]:
    """The endpoint and the credentials of this process; boto3 looks for them where the environment holds none, such as
    after a restore by SnapStart."""
    if not (os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY")):
        from clarivum.jobs.transports.sqs.calls import find_with_boto3  # noqa: PLC0415 - loads boto3

        return find_with_boto3(region, endpoint_url)
    suffix = "amazonaws.com.cn" if region.startswith(CHINA) else "amazonaws.com"
    return endpoint_url or f"https://sqs.{region}.{suffix}", EnvironmentCredentials(os.environ)
