"""The settings of a process, one field each. Their order is the order of `clarivum doctor` and docs/settings.md."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from clarivum.errors import ConfigurationError
from clarivum.settings.refusals import refuse_contradictions
from clarivum.settings.values import Environment, JobsTransport

# Read by a single command or by the tests, not by every process.
PROCESS_VARIABLES = frozenset({"CLARIVUM_DATA", "CLARIVUM_VECTORS"})


def _from(*variables: str, about: str, default: Any = ..., **bounds: Any) -> Any:
    """A field read from the first of `variables` that is set."""
    return Field(default, description=about, json_schema_extra={"variables": list(variables)}, **bounds)


class Settings(BaseModel):
    """The settings of one process. Sizes in bytes, times in seconds; immutable after load."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # built by the first process that loads

    environment: Environment = _from(
        "CLARIVUM_ENVIRONMENT", default=Environment.DEVELOPMENT, about="development, test or production"
    )
    database_url: SecretStr | None = _from(
        "DATABASE_URL",
        "SUPABASE_DB_URL",
        default=None,
        about="the database; absent, `up` starts the embedded one",
    )
    migration_url: SecretStr | None = _from(
        "CLARIVUM_MIGRATION_URL",
        default=None,
        about="a login that may change the schema, if DATABASE_URL may not",
    )
    database_connections: int = _from(
        "CLARIVUM_DATABASE_CONNECTIONS",
        default=10,
        ge=1,
        le=500,
        about="connections for transactions, per process",
    )
    database_pipelines: int = _from(
        "CLARIVUM_DATABASE_PIPELINES",
        default=2,
        ge=1,
        le=32,
        about="shared connections for short reads, per process",
    )
    auth0_domain: str | None = _from("AUTH0_DOMAIN", default=None, about="tenant or custom domain, without a scheme")
    auth0_audience: str = _from(
        "AUTH0_AUDIENCE",
        default="https://api.clarivum.com",
        min_length=1,
        about="the API identifier that `aud` must name",
    )
    additional_issuers: str = _from(
        "CLARIVUM_ADDITIONAL_ISSUERS",
        default="",
        about="comma-separated domains or issuer URLs that are other names of the same tenant, such as its own domain "
        "during a move to a custom one; each is believed about every subject and role",
    )
    identity_url: str = _from(
        "CLARIVUM_IDENTITY_URL",
        default="http://127.0.0.1:8001/",
        about="the stand-in issuer; ignored when AUTH0_DOMAIN is set",
    )
    roles_claim: str = _from(
        "CLARIVUM_ROLES_CLAIM",
        default="https://clarivum.com/roles",
        about="the namespaced claim that carries roles",
    )
    role_map: str = _from(
        "CLARIVUM_ROLE_MAP",
        default="",
        about="the tenant's names of roles and ours, like Editors=editor,Administrators=admin; ours need no entry",
    )
    amr_claim: str = _from(
        "CLARIVUM_AMR_CLAIM",
        default="https://clarivum.com/amr",
        about="the namespaced claim that says how the person proved who they are; `amr` itself is read as well",
    )
    auth_secret: SecretStr | None = _from(
        "AUTH_SECRET", default=None, about="what session cookies are sealed with; absent, no session is read"
    )
    auth_secret_1: SecretStr | None = _from(
        "AUTH_SECRET_1", default=None, about="a newer secret: seals, while AUTH_SECRET still opens"
    )
    auth_secret_2: SecretStr | None = _from("AUTH_SECRET_2", default=None, about="a secret newer than AUTH_SECRET_1")
    auth_secret_3: SecretStr | None = _from("AUTH_SECRET_3", default=None, about="a secret newer than AUTH_SECRET_2")
    nextauth_secret: SecretStr | None = _from(
        "NEXTAUTH_SECRET",
        default=None,
        about="NextAuth v4's name for the secret; opens, and seals if it is the only one",
    )
    login_client_id: str | None = _from(
        "AUTH_AUTH0_ID",
        default=None,
        about="our client at the issuer; with its secret and AUTH_SECRET, /auth/login is on",
    )
    login_client_secret: SecretStr | None = _from("AUTH_AUTH0_SECRET", default=None, about="the secret of that client")
    base_url: str | None = _from(
        "CLARIVUM_BASE_URL",
        default=None,
        about="where browsers reach this API, such as https://api.clarivum.com; /auth/callback lies below it",
    )
    stripe_webhook_secret: SecretStr | None = _from(
        "STRIPE_WEBHOOK_SECRET",
        default=None,
        about="what Stripe signs its webhooks with (whsec_…); while it is rotated both, separated by a comma",
    )
    smtp_url: SecretStr | None = _from(
        "SMTP_URL",
        default=None,
        about="the mail server, like smtps://user:password@mail.example.org; absent, mail becomes files to open",
    )
    mail_from: str = _from(
        "CLARIVUM_MAIL_FROM",
        default="Clarivum <no-reply@clarivum.com>",
        min_length=3,
        max_length=320,
        about="the sender of outgoing mail",
    )
    session_max_age_s: int = _from(
        "CLARIVUM_SESSION_MAX_AGE_S",
        default=2_592_000,
        ge=43_200,
        le=2_592_000,
        about="seconds after the sign-in at which a session of our own login ends, however much it is used",
    )
    session_token_claim: str = _from(
        "CLARIVUM_SESSION_TOKEN_CLAIM",
        default="access_token,accessToken",
        min_length=1,
        about="comma-separated claims of a session that may hold its access token",
    )
    allowed_origins: str = _from(
        "CLARIVUM_ALLOWED_ORIGINS",
        default="",
        about="comma-separated origins, besides our own, whose pages may make changes with a session cookie",
    )
    cors_origins: str = _from(
        "CLARIVUM_CORS_ORIGINS",
        default="",
        about="comma-separated origins whose pages may read answers, with credentials; empty: no other origin's",
    )
    host: str = _from("CLARIVUM_HOST", default="127.0.0.1", about="address the API listens on")
    port: int = _from(
        "CLARIVUM_PORT", "PORT", default=8000, ge=0, le=65535, about="port the API listens on; 0 picks one"
    )
    trusted_proxies: str = _from(
        "CLARIVUM_TRUSTED_PROXIES",
        default="",
        about="comma-separated networks whose X-Forwarded-For is believed",
    )
    max_body_bytes: int = _from(
        "CLARIVUM_MAX_BODY_BYTES", default=1_048_576, ge=1_024, le=104_857_600, about="largest request body"
    )
    request_timeout_s: Annotated[float, Field(gt=0)] = _from(
        "CLARIVUM_REQUEST_TIMEOUT_S", default=10.0, le=300, about="time for a request's answer"
    )
    receive_timeout_s: Annotated[float, Field(gt=0)] = _from(
        "CLARIVUM_RECEIVE_TIMEOUT_S", default=8.0, le=300, about="time for a request to arrive"
    )
    rate_limits: bool = _from(
        "CLARIVUM_RATE_LIMITS", default=True, about="false turns the routes' rate limits off (load tests)"
    )
    job_concurrency: int = _from(
        "CLARIVUM_JOB_CONCURRENCY", default=8, ge=1, le=1_000, about="jobs that run at once in a worker"
    )
    jobs_transport: JobsTransport = _from(
        "CLARIVUM_JOBS_TRANSPORT", default=JobsTransport.PGMQ, about="where jobs are queued: pgmq or sqs"
    )
    application: str = _from(
        "CLARIVUM_APPLICATION",
        default="bff.app:application",
        pattern=r"^[A-Za-z_][\w.]*(:[A-Za-z_]\w*)?$",
        about="module:attribute of the application",
    )
    aws_region: str | None = _from(
        "AWS_REGION", "AWS_DEFAULT_REGION", default=None, about="the region of the SQS queues, such as eu-central-1"
    )
    aws_endpoint_url: str | None = _from(
        "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL", default=None, about="another SQS than AWS's own, such as ministack"
    )
    sqs_queue_prefix: str = _from(
        "CLARIVUM_SQS_QUEUE_PREFIX",
        default="",
        pattern="^[A-Za-z0-9_-]{0,28}$",
        about="put before each queue's name, as in staging-leads_enrich",
    )
    log_level: str = _from(
        "CLARIVUM_LOG_LEVEL", default="info", pattern="^(debug|info|warning|error)$", about="log level"
    )
    log_format: str = _from("CLARIVUM_LOG_FORMAT", default="json", pattern="^(json|console)$", about="json or console")
    service_name: str = _from("OTEL_SERVICE_NAME", default="clarivum", about="service.name of all telemetry")
    otlp_endpoint: str | None = _from(
        "OTEL_EXPORTER_OTLP_ENDPOINT", default=None, about="OTLP/HTTP collector; absent, nothing is exported"
    )
    otlp_protocol: str = _from(
        "OTEL_EXPORTER_OTLP_PROTOCOL", default="http/protobuf", about="how the collector is spoken to: http/protobuf"
    )
    otlp_headers: SecretStr | None = _from(
        "OTEL_EXPORTER_OTLP_HEADERS", default=None, about="key=value,… sent with every export, such as an API key"
    )
    resource_attributes: str | None = _from(
        "OTEL_RESOURCE_ATTRIBUTES", default=None, about="key=value,… added to what all telemetry says of its origin"
    )
    traces_sampler: str = _from(
        "OTEL_TRACES_SAMPLER", default="parentbased_always_on", about="which traces are recorded"
    )
    traces_sampler_argument: str | None = _from(
        "OTEL_TRACES_SAMPLER_ARG", default=None, about="the ratio of the traceidratio samplers, 0 to 1"
    )
    telemetry_disabled: bool = _from("OTEL_SDK_DISABLED", default=False, about="true turns spans and metrics off")

    @property
    def issuer(self) -> str:
        """`iss` that tokens must carry, with Auth0's trailing slash."""
        return f"https://{self.auth0_domain}/" if self.auth0_domain else self.identity_url

    @property
    def uses_stand_in(self) -> bool:
        return self.auth0_domain is None

    @property
    def auth_secrets(self) -> tuple[str, ...]:
        """The secrets of session cookies, the newest first, in the order in which Auth.js takes them."""
        newest_first = (
            self.auth_secret_3,
            self.auth_secret_2,
            self.auth_secret_1,
            self.auth_secret,
            self.nextauth_secret,
        )
        return tuple(secret.get_secret_value() for secret in newest_first if secret is not None)

    @property
    def is_served_over_tls(self) -> bool:
        """Whether browsers reach us by https alone, so that cookies can carry a prefix that plain HTTP cannot set."""
        return self.environment is Environment.PRODUCTION or (self.base_url or "").startswith("https://")

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check all settings. Raises ConfigurationError naming every bad variable, never a value."""
        _refuse_unknown(cls, environ)
        values = {name: environ[variable] for name, variable in sources(cls, environ).items() if variable}
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            raise ConfigurationError(_explain(cls, error, environ)) from None
        refuse_contradictions(settings)
        return settings


def variables_of(settings: type[Settings], field: str) -> list[str]:
    """The environment variables a field is read from, the first one set wins."""
    extra = settings.model_fields[field].json_schema_extra
    assert isinstance(extra, dict)
    names = extra["variables"]
    assert isinstance(names, list)
    return [str(name) for name in names]


def sources(settings: type[Settings], environ: Mapping[str, str]) -> dict[str, str | None]:
    """For each field the variable that sets it, or None when the default holds. An empty value counts as unset."""
    return {
        field: next((name for name in variables_of(settings, field) if environ.get(name, "") != ""), None)
        for field in settings.model_fields
    }


def _refuse_unknown(settings: type[Settings], environ: Mapping[str, str]) -> None:
    known = {name for field in settings.model_fields for name in variables_of(settings, field)} | PROCESS_VARIABLES
    for name in environ:
        if name.startswith("CLARIVUM_") and name not in known:
            nearest = difflib.get_close_matches(name, sorted(known), n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            raise ConfigurationError(f"{name} is not a setting{hint}")


def _explain(settings: type[Settings], error: ValidationError, environ: Mapping[str, str]) -> str:
    chosen = sources(settings, environ)
    parts = []
    for problem in error.errors(include_input=False, include_url=False):
        field = str(problem["loc"][0])
        parts.append(f"{chosen.get(field) or field}: {problem['msg']}")
    return "; ".join(parts)
