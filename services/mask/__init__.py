"""Mask: blacks out approved polygons in the ring's frames and encodes; shows a slate where it may not."""
