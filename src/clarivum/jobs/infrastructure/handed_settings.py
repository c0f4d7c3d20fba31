"""The settings that a job's handler reads, as parameters of the template: a function gets those of its job alone."""

from collections.abc import Iterable
from typing import Any

from clarivum.jobs.declaration import Job
from clarivum.jobs.needed_settings import default_of, is_secret

PREFIX = "CLARIVUM_"


def handed_settings(job: Job[Any]) -> dict[str, Any]:
    """The variables of its function. A secret is a name in Secrets Manager, read when the stack is deployed."""
    return {variable: _value(variable) for variable in job.settings}


def parameters(jobs: Iterable[Job[Any]]) -> dict[str, dict[str, Any]]:
    """What whoever deploys is asked for. One without a default has to be given: the function would fail without."""
    told: dict[str, list[str]] = {}
    for job in jobs:
        for variable in job.settings:
            told.setdefault(variable, []).append(job.name)
    return {parameter_of(variable): _parameter(variable, names) for variable, names in sorted(told.items())}


def parameter_of(variable: str) -> str:
    """`SMTP_URL` gives `SmtpUrlSecret`, `CLARIVUM_MAIL_FROM` gives `MailFrom`."""
    words = variable.removeprefix(PREFIX).split("_")
    return "".join(word.capitalize() for word in words) + ("Secret" if is_secret(variable) else "")


def _value(variable: str) -> dict[str, Any]:
    name = parameter_of(variable)
    if is_secret(variable):
        return {"Fn::Sub": f"{{{{resolve:secretsmanager:${{{name}}}}}}}"}
    return {"Ref": name}


def _parameter(variable: str, names: list[str]) -> dict[str, Any]:
    readers = ", ".join(names)
    if is_secret(variable):
        text = f"Secrets Manager's name or ARN of a secret whose text is {variable}, for {readers}"
        return {"Type": "String", "Description": text}
    default = default_of(variable)
    given = {} if default is None else {"Default": str(default)}
    return {"Type": "String", "Description": f"{variable}, for {readers}", **given}
