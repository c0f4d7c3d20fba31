"""The identity stand-in: issues tokens as Auth0 would, for development and tests, on this machine only."""

from clarivum.auth.standin.endpoints import stand_in_app
from clarivum.auth.standin.issuing import DEVELOPMENT_GRANT, StandIn
from clarivum.auth.standin.server import run, serve

__all__ = ["DEVELOPMENT_GRANT", "StandIn", "run", "serve", "stand_in_app"]
