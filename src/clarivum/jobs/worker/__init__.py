"""The long-running worker: what it fetches, runs, settles and watches."""
