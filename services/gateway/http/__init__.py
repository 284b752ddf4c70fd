"""HTTP and WHEP: the one folder that imports FastAPI and uvicorn."""
