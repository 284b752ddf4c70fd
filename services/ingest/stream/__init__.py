"""Rules about one camera's stream: pure, without tasks, sockets, PyAV or NATS."""
