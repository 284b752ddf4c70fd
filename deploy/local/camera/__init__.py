"""A simulated RTSP camera device: drawn street scenes, encoded once and looped, with faults on command.

`python -m deploy.local.camera` serves several cameras; `SimulatedCamera` serves one within a test or a benchmark;
`stamp.read` reads the frame number out of a decoded picture.
"""
