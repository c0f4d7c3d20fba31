"""Which queue this process uses, as CLARIVUM_JOBS_TRANSPORT says."""

from clarivum.database import Database
from clarivum.errors import ConfigurationError
from clarivum.jobs.transports.interface import Transport
from clarivum.jobs.transports.pgmq import PgmqTransport
from clarivum.settings import JobsTransport, Settings


def transport_for(settings: Settings, database: Database | None = None) -> Transport:
    """The transport of the settings; without a database it can only send. A process has one and closes it."""
    if settings.jobs_transport is JobsTransport.PGMQ:
        return PgmqTransport(database)
    from clarivum.jobs.transports.sqs.calls import SqsOptions  # noqa: PLC0415 - only where SQS is used
    from clarivum.jobs.transports.sqs.transport import SqsTransport  # noqa: PLC0415

    if settings.aws_region is None:
        raise ConfigurationError("AWS_REGION is missing: CLARIVUM_JOBS_TRANSPORT is sqs")
    options = SqsOptions(settings.aws_region, settings.aws_endpoint_url, settings.sqs_queue_prefix)
    return SqsTransport(options, database)
