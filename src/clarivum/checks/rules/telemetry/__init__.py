"""Rules of the chapter telemetry."""
