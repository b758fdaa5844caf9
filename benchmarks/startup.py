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


def within(statement: str) -> float:
    """The median duration of a statement in fresh processes that have imported torch.

    Timed inside: the difference of two whole starts drowns in the noise of importing torch.
    """
    timed = (
        "import torch, time; begun = time.perf_counter(); "
        f"{statement}; print(time.perf_counter() - begun)"
    )
    outputs = [
        subprocess.run([sys.executable, "-c", timed], check=True, capture_output=True, text=True)
        for _ in range(REPEATS)
    ]
    return statistics.median(float(done.stdout) for done in outputs)


def main() -> None:
    python = (sys.executable, "-c")
    torch = seconds(*python, "import torch")
    above = within("import variata")
    loaded = within("import variata; variata.fit")
    bare = seconds(*python, "import variata")
    help_ = seconds(
        sys.executable.replace("python3", "python").rsplit("/", 1)[0] + "/variata", "--help"
    )
    rows = [
        {"what": "import torch", "seconds": torch},
        {"what": "import variata, once torch is imported", "seconds": above},
        {"what": "the same, and variata.fit loaded", "seconds": loaded},
        {"what": "import variata alone", "seconds": bare},
        {"what": "variata --help", "seconds": help_},
    ]
    table(rows)
    print(write("startup", rows, {"repeats": REPEATS, "statistic": "median"}))


if __name__ == "__main__":
    main()
