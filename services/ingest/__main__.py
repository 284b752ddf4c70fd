"""Runs ingest: `python -m services.ingest`, settings from the environment."""

from services.ingest.service import make
from services.ingest.settings import IngestSettings
from services.runtime.process import run

if __name__ == "__main__":
    run("ingest", IngestSettings, make)
