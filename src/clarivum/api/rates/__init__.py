"""At most so many requests per caller: decided in memory, made known to the other processes afterwards."""
