"""What the workers of a server have of the machine's memory, in MB."""

from pathlib import Path

from support.server import Server


def resident(server: Server) -> float:
    """All workers together, what they share counted for each."""
    return sum(_status(pid, "VmRSS") for pid in server.workers())


def largest(server: Server) -> float:
    """The largest worker."""
    return max(_status(pid, "VmRSS") for pid in server.workers())


def proportional(server: Server) -> float:
    """All workers together, what several share counted once."""
    found = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in server.workers()]
    return sum(_field(one, "Pss") for one in found)


def peak(server: Server) -> float:
    """The most that the workers had since `forget_peak`, together."""
    return sum(_status(pid, "VmHWM") for pid in server.workers())


def forget_peak(server: Server) -> None:
    """Let the peak begin at what is there now."""
    for pid in server.workers():
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, name: str) -> float:
    return _field(Path(f"/proc/{pid}/status").read_text(), name)


def _field(text: str, name: str) -> float:
    return int(text.partition(f"\n{name}:")[2].split()[0]) / 1000
