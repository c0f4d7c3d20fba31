"""What the report says about the machine and its load."""

import os
import platform
from pathlib import Path

import psutil


def machine_facts() -> dict[str, str]:
    """Cores, processor, memory, system and the load average before the run."""
    return {
        "machine": f"{os.cpu_count()} cores, {_processor()}, {psutil.virtual_memory().total / 2**30:.0f} GiB,"
        f" {platform.system()} {platform.release().partition('-')[0]}, Python {platform.python_version()}",
        "load before the run": f"{os.getloadavg()[0]:.2f}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
