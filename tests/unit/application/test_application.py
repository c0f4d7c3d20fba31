"""What must hold for all features of an application together."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest

from clarivum.api import Contract, Route, anyone, get
from clarivum.application import Application, Feature, load_application
from clarivum.errors import ConfigurationError, DeclarationError
from clarivum.jobs import Payload, Run, job


class Greeting(Contract):
    text: str


class Greet(Payload):
    greeting_id: UUID


def _route(path: str) -> Route:
    @get(path, access=anyone(rate="10/minute"))
    async def greet() -> Greeting:
        """Greet."""
        return Greeting(text="hello")

    return greet


@job(Greet, name="greetings.greet", key="greeting_id")
async def greet_later(payload: Greet, run: Run) -> None:
    """Greet later."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "owners.toml").write_text('[teams.a]\nchannel = "#a"\nperson = "a"\ndata_champion = "a"\n')
    return tmp_path


def _application(root: Path, features: Sequence[Feature]) -> Application:
    return Application("test", root=root, features=features)


def test_routes_and_jobs_are_those_of_all_features_and_jobs_get_the_owner(root: Path) -> None:
    first = Feature("first", owner="a", routes=[_route("/one")])
    second = Feature("second", owner="a", routes=[_route("/two")], jobs=[greet_later])
    application = _application(root, [first, second])
    assert [route.path for route in application.routes] == ["/one", "/two"]
    assert application.jobs["greetings.greet"].owner == "a"


def test_two_routes_of_one_path_and_method_are_refused(root: Path) -> None:
    features = [Feature(name, owner="a", routes=[_route("/same")]) for name in ("first", "second")]
    with pytest.raises(DeclarationError, match="GET /same is declared twice"):
        _application(root, features)


def test_two_features_of_one_name_and_two_jobs_of_one_name_are_refused(root: Path) -> None:
    with pytest.raises(DeclarationError, match="feature twin is declared twice"):
        _application(root, [Feature("twin", owner="a"), Feature("twin", owner="a")])
    with pytest.raises(DeclarationError, match=r"greetings\.greet is declared twice"):
        _application(root, [Feature(name, owner="a", jobs=[greet_later]) for name in ("one", "two")])


def test_an_owner_that_nobody_is_is_refused_with_those_there_are(root: Path) -> None:
    with pytest.raises(DeclarationError, match=r"owner 'b' is not a team of owners\.toml; its teams are a"):
        _application(root, [Feature("first", owner="b")])


def test_a_plain_function_is_no_route_and_a_feature_needs_name_and_owner() -> None:
    with pytest.raises(DeclarationError, match="declare it with a verb"):
        Feature("first", owner="a", routes=[lambda: None])  # type: ignore[list-item]
    with pytest.raises(DeclarationError, match="'First'"):
        Feature("First", owner="a")
    with pytest.raises(DeclarationError, match="has no owner"):
        Feature("first", owner="")


def test_an_application_without_owners_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"owners\.toml is missing"):
        _application(tmp_path, [Feature("first", owner="a")])


def test_loading_says_what_is_not_there() -> None:
    assert load_application("bff.app:application").name == "clarivum"
    for target, message in {
        "no_such_module:application": "no module 'no_such_module'",
        "bff.app:nothing": "has no 'nothing'",
        "bff.app:Path": "is not an Application",
    }.items():
        with pytest.raises(ConfigurationError, match=message):
            load_application(target)
