"""Clarivum's backend guide as software: every rule of the guide is done or enforced here."""

__version__ = "0.1.0"
