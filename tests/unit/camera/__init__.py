"""Tests of the simulated camera that need neither a socket nor a process."""
