"""Cell search on NATS-Bench's official files."""
