"""The drill as a function of one's own: handler `tests.integration.jobs.lambda_function.handler`, with short leases."""

from clarivum.jobs.backoff import Backoff
from clarivum.jobs.lambda_handler import lambda_handler
from clarivum.jobs.options import WorkerOptions
from tests.integration.jobs.drill_app import application

handler = lambda_handler(application, options=WorkerOptions(concurrency=2, visibility_s=1, backoff=Backoff(base_s=0)))
