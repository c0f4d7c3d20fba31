"""Where messages lie: one interface, and the queues behind it."""
