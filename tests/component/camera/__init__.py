"""Tests of the simulated camera and of GStreamer as a camera, read by PyAV and by a plain RTSP client."""
