"""Every setting, read once from the environment, validated before anything listens.

`Settings.load(os.environ)` is the only reader.
"""

from clarivum.settings.declared import PROCESS_VARIABLES, Settings, sources, variables_of
from clarivum.settings.values import Environment, JobsTransport, mask, strong_secret

__all__ = [
    "PROCESS_VARIABLES",
    "Environment",
    "JobsTransport",
    "Settings",
    "mask",
    "sources",
    "strong_secret",
    "variables_of",
]
