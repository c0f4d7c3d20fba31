"""The connection to Postgres: libpq pipelines on the event loop, parameters and rows, pools."""
