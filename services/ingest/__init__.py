"""ingest: keeps each camera's RTSP session, and decodes into the frame ring only while somebody wants its pictures."""
