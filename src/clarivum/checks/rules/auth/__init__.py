"""Rules of the chapter auth."""
