"""Settings that are well-formed one by one and cannot be used: what is missing, too weak, or contradicts another."""

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from clarivum.errors import ConfigurationError
from clarivum.settings.values import MIN_SECRET_CHARACTERS, Environment, JobsTransport, strong_secret

if TYPE_CHECKING:
    from clarivum.settings.declared import Settings

BASE_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:.]+\](:[0-9]{1,5})?")
SMTP_URL = re.compile(r"smtps?://([^\s/?#@]+@)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?")


def refuse_contradictions(settings: "Settings") -> None:
    """Raise ConfigurationError for the first setting that cannot be used, alone or beside the others."""
    production = settings.environment is Environment.PRODUCTION
    domain = settings.auth0_domain
    if domain is not None and not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", domain):
        raise ConfigurationError("AUTH0_DOMAIN must be a host name such as tenant.eu.auth0.com, without scheme or path")
    if production and domain is None:
        raise ConfigurationError("AUTH0_DOMAIN is missing: the identity stand-in does not run in production")
    if production and settings.database_url is None:
        raise ConfigurationError("DATABASE_URL is missing: production does not use the embedded database")
    for variable, secret in (
        ("DATABASE_URL", settings.database_url),
        ("CLARIVUM_MIGRATION_URL", settings.migration_url),
    ):
        if secret is not None and urlsplit(secret.get_secret_value()).scheme not in {
            "postgres",
            "postgresql",
        }:
            raise ConfigurationError(f"{variable} must be a postgresql:// URL")
    _refuse_unusable_login(settings, production)
    _refuse_contradicting_queues(settings)
    if settings.smtp_url is not None and not SMTP_URL.fullmatch(settings.smtp_url.get_secret_value()):
        raise ConfigurationError("SMTP_URL must be like smtp://user:password@mail.example.org or smtps://…")
    if not settings.identity_url.endswith("/"):
        raise ConfigurationError("CLARIVUM_IDENTITY_URL must end with a slash, as Auth0 issuers do")


def _refuse_unusable_login(settings: "Settings", production: bool) -> None:
    for field in ("auth_secret", "auth_secret_1", "auth_secret_2", "auth_secret_3", "nextauth_secret"):
        secret = getattr(settings, field)
        if secret is not None and not strong_secret(secret.get_secret_value()):
            raise ConfigurationError(
                f"{field.upper()} is shorter than {MIN_SECRET_CHARACTERS} characters or a placeholder: make one with "
                "`openssl rand -base64 32`"
            )
    webhooks = settings.stripe_webhook_secret
    for secret in () if webhooks is None else webhooks.get_secret_value().split(","):
        if not strong_secret(secret.strip()):
            raise ConfigurationError(
                f"STRIPE_WEBHOOK_SECRET holds one that is shorter than {MIN_SECRET_CHARACTERS} characters or a "
                "placeholder: copy the endpoint's, whsec_…"
            )
    client_secret = settings.login_client_secret
    if production and client_secret is not None and not strong_secret(client_secret.get_secret_value()):
        raise ConfigurationError(
            f"AUTH_AUTH0_SECRET is shorter than {MIN_SECRET_CHARACTERS} characters or a placeholder: copy the client's"
        )
    if settings.base_url is not None:
        parts = urlsplit(settings.base_url)
        if parts.scheme not in ({"https"} if production else {"http", "https"}) or not BASE_URL.fullmatch(
            settings.base_url
        ):
            raise ConfigurationError(
                "CLARIVUM_BASE_URL must be scheme, host, port only, like https://api.example.org, in production https"
            )


def _refuse_contradicting_queues(settings: "Settings") -> None:
    on_sqs = settings.jobs_transport is JobsTransport.SQS
    if on_sqs and settings.aws_region is None:
        raise ConfigurationError("AWS_REGION is missing: CLARIVUM_JOBS_TRANSPORT is sqs")
    if not on_sqs and settings.sqs_queue_prefix:
        raise ConfigurationError("CLARIVUM_SQS_QUEUE_PREFIX is set, but CLARIVUM_JOBS_TRANSPORT is pgmq")
    if on_sqs and settings.aws_endpoint_url is not None:
        endpoint = urlsplit(settings.aws_endpoint_url)
        if endpoint.scheme not in {"http", "https"} or not endpoint.hostname:
            raise ConfigurationError("AWS_ENDPOINT_URL must be an http:// or https:// URL")
        if settings.environment is Environment.PRODUCTION and endpoint.scheme != "https":
            raise ConfigurationError("AWS_ENDPOINT_URL must be https:// in production")
