"""Whether anything of one tenant ever reaches another: a storm of requests on few connections, and its record."""
