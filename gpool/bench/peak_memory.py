"""The most memory that a piece of work had at once."""

from __future__ import annotations

from pathlib import Path

import torch

__all__ = ["PeakMemory"]

CLEAR, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")  # of Linux


class PeakMemory:
    """Measures from its construction on; one at a time per process."""

    def __init__(self) -> None:
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        try:
            CLEAR.write_text("5")  # makes the highest size ever the size now
            self._known = True
        except OSError:
            self._known = False

    def read(self, device: torch.device) -> int | None:
        """Bytes: of tensors on a GPU, of the whole process on a CPU; None where the system does not say."""
        if device.type == "cuda":
            return torch.cuda.max_memory_allocated(device)
        lines = STATUS.read_text().splitlines() if self._known else []
        found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
        return found[0] if found else None
