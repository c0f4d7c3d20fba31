"""The application model: features and what they declare, the source of everything generated or checked."""

from clarivum.application.application import Application, load_application
from clarivum.application.feature import Feature

__all__ = ["Application", "Feature", "load_application"]
