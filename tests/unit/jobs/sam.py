"""A SAM template as CloudFormation would get it: AWS's own transform, on this machine."""

import os
from typing import Any
from unittest.mock import patch

import yaml
from samtranslator.translator.transform import transform


class Policies:
    """Names of AWS's managed policies: none, the template uses ARNs."""

    def load(self) -> dict[str, str]:
        return {}


def expand(text: str) -> dict[str, Any]:
    """The template after the transform AWS::Serverless-2016-10-31. Raises what the translator says of a bad one."""
    with patch.dict(os.environ, AWS_DEFAULT_REGION="eu-central-1"):
        expanded: dict[str, Any] = transform(yaml.safe_load(text), {}, Policies())
    return expanded
