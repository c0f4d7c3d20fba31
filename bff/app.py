"""The only place where features meet the platform."""

from pathlib import Path

from bff import entitlements, leads, privacy, profiles, purchases
from clarivum.application import Application

application = Application(
    "clarivum",
    root=Path(__file__).resolve().parent.parent,
    features=[leads.feature, profiles.feature, entitlements.feature, purchases.feature, privacy.feature],
)
