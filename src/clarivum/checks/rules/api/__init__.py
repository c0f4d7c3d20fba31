"""Rules of the chapter api."""
