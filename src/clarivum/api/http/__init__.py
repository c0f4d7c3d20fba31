"""HTTP/1.1 under the application: connections, deadlines, framing and limits."""
