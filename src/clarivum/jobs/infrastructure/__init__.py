"""What an application's jobs need on AWS, as an AWS SAM template made from their declarations. Pure: no I/O."""

from clarivum.jobs.infrastructure.template import COMMAND, PATH, template, template_text

__all__ = ["COMMAND", "PATH", "template", "template_text"]
