"""The application, which cannot be put together."""

from pathlib import Path

from clarivum.application import Application
from refused_backend import notes

application = Application("refused", root=Path(__file__).resolve().parent.parent, features=[notes.feature])
