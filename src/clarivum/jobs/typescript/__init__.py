"""What a Next.js server enqueues with, made from the declarations of the jobs. Pure: no I/O but its own sources."""

from clarivum.jobs.typescript.client import COMMAND, FOLDER, client_files, notes

__all__ = ["COMMAND", "FOLDER", "client_files", "notes"]
