"""The handler of a Lambda function that an SQS queue feeds: ledger, retries and dead letters as in the worker.

`clarivum.jobs.lambda_handler.handler` runs the jobs of the application that CLARIVUM_APPLICATION names; one of your own
is `handler = lambda_handler(application)`. Importing this connects to nothing and reads no setting; asking for
`handler` reads the settings and loads the application, which the Lambda runtime does while it initialises.
"""

from typing import Any

from clarivum.heap import permanent

with permanent():
    from clarivum.jobs.lambda_handler.event import EventError
    from clarivum.jobs.lambda_handler.function import LambdaHandler, handler_of_settings, lambda_handler

__all__ = ["EventError", "LambdaHandler", "lambda_handler"]


def __getattr__(name: str) -> Any:
    if name == "handler":
        made = globals()["handler"] = handler_of_settings()
        return made
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
