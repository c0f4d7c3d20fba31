"""The embedded Postgres server: where its data lies, how it is launched, attended and stopped."""
