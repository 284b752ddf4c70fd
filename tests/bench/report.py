"""Writes a benchmark's figures: `build/bench/<name>.json`, and a table for people."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

FOLDER = Path("build/bench")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie (nearest rank). Raises ValueError for none."""
    if not values:
        raise ValueError("no values were measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def write(name: str, figures: Mapping[str, float], targets: Mapping[str, float], notes: Mapping[str, object]) -> Path:
    """Write and print figures beside their targets; a figure above its target is marked, never hidden."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    body = {**{k: round(v, 1) for k, v in figures.items()}, "targets": dict(targets), "notes": {**machine, **notes}}
    path.write_text(json.dumps(body, indent=2) + "\n")
    print(f"\n{name}\n" + "-" * 64)
    for key, value in figures.items():
        target = targets.get(key)
        verdict = "" if target is None else f"target {target:g}  " + ("met" if value <= target else "MISSED")
        print(f"{key:34}{value:10.1f}   {verdict}")
    print(f"-> {path}")
    return path
