"""Processes of this machine: whether one runs, since when, and what this machine is."""

import socket
import subprocess
from functools import cache
from pathlib import Path

PROC = Path("/proc")
ENDED = "ZX"  # states of a process that nobody has taken note of yet


def began(pid: int) -> str | None:
    """Return when a process started, as a text to compare; None if there is no such process."""
    if not 0 < pid < 2**31:
        return None
    if (PROC / "self" / "stat").exists():
        return _began_by_proc(pid)
    found = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=10
    )
    state, _, start = found.stdout.strip().partition(" ")
    return start.strip() if state and state[0] not in ENDED else None


def _began_by_proc(pid: int) -> str | None:
    try:
        # The name stands in parentheses and may hold anything, so what follows the last one counts.
        fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ENDED else fields[19]


@cache
def this_machine() -> str:
    """Return what tells this boot of this system from any other; containers count as systems of their own."""
    parts = [socket.gethostname()]
    try:
        parts = [(PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip()]
        parts.append(str((PROC / "self" / "ns" / "pid").readlink()))
    except OSError:
        pass
    return " ".join(parts)
