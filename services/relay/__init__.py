"""The relay: takes masked access units from the bus and sends them on over WebRTC, never decoding or encoding."""
