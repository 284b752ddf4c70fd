"""Adapters to PyAV, the only ones of this service: the RTSP reader and the decoder."""
