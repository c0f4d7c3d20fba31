"""Whether a trace is recorded: the samplers of OTEL_TRACES_SAMPLER, as a plain function of id and caller's flag.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration
"""

from collections.abc import Callable

from clarivum.errors import ConfigurationError

Sampler = Callable[[int, bool | None], bool]
"""(trace id, the parent's sampled flag or None for a root) → sampled."""

SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
_ID_SPACE = 1 << 64


def sampler(name: str, argument: str | None = None) -> Sampler:
    """The sampler of that name. Raises ConfigurationError for an unknown name or a ratio outside 0 to 1."""
    if name not in SAMPLERS:
        raise ConfigurationError(f"OTEL_TRACES_SAMPLER must be one of {', '.join(SAMPLERS)}")
    kind = name.removeprefix("parentbased_")
    if kind == "always_on":
        root: Callable[[int], bool] = _always
    elif kind == "always_off":
        root = _never
    else:
        root = _below(_ratio(argument))
    if name == kind:
        return lambda trace_id, parent: root(trace_id)
    return lambda trace_id, parent: root(trace_id) if parent is None else parent


def _always(_trace_id: int) -> bool:
    return True


def _never(_trace_id: int) -> bool:
    return False


def _below(ratio: float) -> Callable[[int], bool]:
    """Sampled when the lower 64 bits of the id fall below the ratio, the same everywhere along a trace."""
    bound = round(ratio * _ID_SPACE)
    return lambda trace_id: trace_id % _ID_SPACE < bound


def _ratio(argument: str | None) -> float:
    try:
        ratio = float(argument or "1")
    except ValueError:
        ratio = -1.0
    if not 0.0 <= ratio <= 1.0:
        raise ConfigurationError("OTEL_TRACES_SAMPLER_ARG must be a ratio from 0 to 1")
    return ratio
