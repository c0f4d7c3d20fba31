"""clarivum.telemetry"""
