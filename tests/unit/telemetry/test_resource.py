"""What the process says it is; the environment has the last word."""

import pytest

from clarivum import __version__
from clarivum.errors import ConfigurationError
from clarivum.settings import Settings
from clarivum.telemetry.resource import parse_attributes, resource_attributes


def test_the_resource_by_default():
    attributes = resource_attributes(Settings.load({}), "worker")
    assert attributes["service.name"] == "clarivum"
    assert attributes["service.version"] == __version__
    assert attributes["deployment.environment.name"] == "development"
    assert attributes["clarivum.role"] == "worker"
    other = resource_attributes(Settings.load({}), "worker")
    assert attributes["service.instance.id"] != other["service.instance.id"]


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=theirs"}, "theirs"),
        ({"OTEL_SERVICE_NAME": "mine", "OTEL_RESOURCE_ATTRIBUTES": "service.name=theirs"}, "mine"),
    ],
)
def test_who_names_the_service(environment: dict[str, str], name: str):
    assert resource_attributes(Settings.load(environment), "api")["service.name"] == name


def test_attributes_from_the_environment_join_and_override():
    text = "deployment.environment.name=staging, team=gr%20owth,,contact=a@b.co,api_key=x"
    attributes = resource_attributes(Settings.load({"OTEL_RESOURCE_ATTRIBUTES": text}), "api")
    assert attributes["deployment.environment.name"] == "staging"
    assert attributes["team"] == "gr owth"
    assert (attributes["contact"], attributes["api_key"]) == ("***", "***")


@pytest.mark.parametrize("text", ["novalue", "=x", "a=1,b"])
def test_a_malformed_list_is_refused_without_its_value(text: str):
    with pytest.raises(ConfigurationError, match="OTEL_RESOURCE_ATTRIBUTES must be a list") as caught:
        parse_attributes("OTEL_RESOURCE_ATTRIBUTES", text)
    assert text not in str(caught.value)
