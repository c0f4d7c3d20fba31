"""Rules of the chapter application."""
