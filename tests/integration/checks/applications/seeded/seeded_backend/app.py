"""The application."""

from pathlib import Path

from clarivum.application import Application
from seeded_backend import notes

application = Application("seeded", root=Path(__file__).resolve().parent.parent, features=[notes.feature])
