"""The application."""

from pathlib import Path

from clarivum.application import Application
from planted_backend import notes

application = Application("planted", root=Path(__file__).resolve().parent.parent, features=[notes.feature])
