"""Profiles: what a member tells us about themselves."""

from bff.profiles.queries import queries
from bff.profiles.routes import change_profile, read_profile
from clarivum.application import Feature

feature = Feature("profiles", owner="membership", routes=[read_profile, change_profile], queries=queries)
