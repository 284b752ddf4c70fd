"""What `make run` starts beside the services."""
