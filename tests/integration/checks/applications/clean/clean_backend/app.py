"""The application."""

from pathlib import Path

from clarivum.application import Application
from clean_backend import notes

application = Application("clean", root=Path(__file__).resolve().parent.parent, features=[notes.feature])
