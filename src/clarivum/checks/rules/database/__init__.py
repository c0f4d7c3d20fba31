"""Rules of the chapter database."""
