"""Jobs: draining a queue, one transaction a job, single enqueues, and the time from enqueue to start."""
