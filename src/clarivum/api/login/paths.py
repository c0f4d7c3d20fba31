"""Where the login is. Whoever registers a client at the issuer, or links to one of these, writes them out."""

LOGIN = "/auth/login"
CALLBACK = "/auth/callback"
LOGOUT = "/auth/logout"
STEP_UP = f"{LOGIN}?mfa=1"
"""Where to sign in again with a second factor."""
