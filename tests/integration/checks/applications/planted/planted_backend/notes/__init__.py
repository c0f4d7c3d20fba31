"""The one slice: it only reads."""

from clarivum.application import Feature
from planted_backend.notes.queries import queries
from planted_backend.notes.routes import count_setting, list_events, list_notes

feature = Feature("notes", owner="growth", routes=[list_notes, list_events, count_setting], queries=queries)
