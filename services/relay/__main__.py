"""Runs the relay: `python -m services.relay`."""

from services.relay.service import make
from services.relay.settings import RelaySettings
from services.runtime import process

if __name__ == "__main__":
    process.run("relay", RelaySettings, make)
