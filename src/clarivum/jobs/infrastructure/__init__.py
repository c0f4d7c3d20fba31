"""What an application's jobs need on AWS, as an AWS SAM template made from their declarations. Pure: no I/O."""

from clarivum.jobs.infrastructure.sizing import fits_function
from clarivum.jobs.infrastructure.template import COMMAND, PATH, TOO_LONG, left_to_workers, template, template_text

__all__ = ["COMMAND", "PATH", "TOO_LONG", "fits_function", "left_to_workers", "template", "template_text"]
