"""Rules of the chapter jobs."""
