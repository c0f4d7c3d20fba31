"""Rules of the chapter docs."""
