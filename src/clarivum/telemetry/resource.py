"""What this process is, on everything it exports: https://opentelemetry.io/docs/specs/semconv/resource/."""

import os
import uuid
from urllib.parse import unquote

from clarivum import __version__
from clarivum.errors import ConfigurationError
from clarivum.settings import Settings
from clarivum.telemetry.aggregation import AttributeValue
from clarivum.telemetry.scrubbing import scrub_attribute

DEFAULT_SERVICE = "clarivum"


def resource_attributes(settings: Settings, role: str) -> dict[str, AttributeValue]:
    """The resource's attributes: ours, overridden by OTEL_RESOURCE_ATTRIBUTES, overridden by OTEL_SERVICE_NAME."""
    given = parse_attributes("OTEL_RESOURCE_ATTRIBUTES", settings.resource_attributes)
    attributes: dict[str, AttributeValue] = {
        "service.name": settings.service_name,
        "service.version": __version__,
        "service.instance.id": str(uuid.uuid4()),
        "deployment.environment.name": settings.environment.value,
        "clarivum.role": role,
        "process.pid": os.getpid(),
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
    }
    attributes.update(given)
    if settings.service_name != DEFAULT_SERVICE:
        attributes["service.name"] = settings.service_name
    return {name: scrub_attribute(name, value) for name, value in attributes.items()}


def parse_attributes(variable: str, text: str | None) -> dict[str, str]:
    """`key=value,key=value`, percent-encoded. Raises ConfigurationError naming the variable, never its value."""
    attributes: dict[str, str] = {}
    for part in (text or "").split(","):
        if not part.strip():
            continue
        key, separator, value = part.partition("=")
        if not separator or not key.strip():
            raise ConfigurationError(f"{variable} must be a list key=value,key=value with percent-encoded values")
        attributes[unquote(key.strip())] = unquote(value.strip())
    return attributes
