"""Process plumbing that every service shares; knows nothing of cameras beyond the frame ring."""
