"""A slice of an unknown team."""

from clarivum.application import Feature
from refused_backend.notes.jobs import keyless
from refused_backend.notes.routes import open_to_whom

feature = Feature("notes", owner="nobody", routes=[open_to_whom], jobs=[keyless])
nameless = Feature("nameless", routes=[])
