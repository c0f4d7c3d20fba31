"""Notes, read and written by their owners, tidied by a job."""

from clarivum.application import Feature
from clean_backend.notes.jobs import tidy_note
from clean_backend.notes.queries import queries
from clean_backend.notes.routes import add_note, list_notes, list_topics

feature = Feature(
    "notes", owner="growth", routes=[list_notes, add_note, list_topics], jobs=[tidy_note], queries=queries
)
