"""The one slice."""

from clarivum.application import Feature
from seeded_backend.notes.jobs import with_queue, without_queue
from seeded_backend.notes.queries import queries
from seeded_backend.notes.routes import add_fine, list_fine

feature = Feature(
    "notes", owner="growth", routes=[list_fine, add_fine], jobs=[with_queue, without_queue], queries=queries
)
