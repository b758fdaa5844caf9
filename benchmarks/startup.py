"""What starting costs: `import variata` above `import torch`, and `variata --help`.

python benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from common import table, write

REPEATS = 7


def seconds(*arguments: str) -> float:
    """The median of several starts."""
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    times = []
    for _ in range(REPEATS):
        started = time.monotonic()
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - started)
    return statistics.median(times)


def main() -> None:
    python = (sys.executable, "-c")
    torch = seconds(*python, "import torch")
    variata = seconds(*python, "import torch, variata")
    bare = seconds(*python, "import variata")
    help_ = seconds(
        sys.executable.replace("python3", "python").rsplit("/", 1)[0] + "/variata", "--help"
    )
    rows = [
        {"what": "import torch", "seconds": torch},
        {"what": "import torch, variata: above import torch", "seconds": variata - torch},
        {"what": "import variata alone", "seconds": bare},
        {"what": "variata --help", "seconds": help_},
    ]
    table(rows)
    print(write("startup", rows, {"repeats": REPEATS, "statistic": "median"}))


if __name__ == "__main__":
    main()
