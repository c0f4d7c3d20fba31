"""Rules of the chapter checks."""
