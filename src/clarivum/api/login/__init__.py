"""A login of our own, at /auth/login, /auth/callback and /auth/logout. Loads Authlib only where it is configured."""
