"""From the settings to what each webhook's signatures are checked with."""

from collections.abc import Iterable

from pydantic import SecretStr

from clarivum.api.route import Route
from clarivum.api.webhook import listed_secrets
from clarivum.errors import ConfigurationError, DeclarationError
from clarivum.settings import Environment, Settings, variables_of


def webhook_secrets(routes: Iterable[Route], settings: Settings) -> dict[str, tuple[str, ...]]:
    """The secrets by setting, for every route that is `signed`. Without one its webhook answers 503.

    Raises DeclarationError for a name that is no secret among the settings, ConfigurationError for one that is not set
    in production.
    """
    fields = {variable: field for field in Settings.model_fields for variable in variables_of(Settings, field)}
    found: dict[str, tuple[str, ...]] = {}
    for route in routes:
        signature = route.access.signature
        if signature is None:
            continue
        value = getattr(settings, fields[signature.variable]) if signature.variable in fields else ""
        if value is not None and not isinstance(value, SecretStr):
            raise DeclarationError(f"{route.where}: {signature.variable!r} is no secret among the settings")
        if value is None and settings.environment is Environment.PRODUCTION:
            raise ConfigurationError(
                f"{signature.variable} is missing: {route.method} {route.path} would refuse everything"
            )
        found[signature.variable] = () if value is None else listed_secrets(value.get_secret_value())
    return found
