"""What must not be seen: which mask set is in force, whether a picture may be shown, and the black-out itself."""
