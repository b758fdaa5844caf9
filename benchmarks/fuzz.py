"""Does any damaged file crash, hang, execute or take memory that it only claims to need?

    python benchmarks/fuzz.py [--cases 12000]

Good files of every kind are damaged, with checksums made to agree where there are any, and read as
a training, `load` or `--resume` would. Workers are processes of their own, with a limit of time;
each notes what its cases did to its address space, and an audit hook notes what was executed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "tests"))

CHUNK, SECONDS = 250, 300.0  # cases of one worker, and its limit of time
SLOW = 5.0  # seconds that a case may take
WARM = 60  # cases before the first that counts, at most
ROOM = 96 << 20  # bytes of address space that a case may add: pools, threads and lazy imports
LIMIT = 6 << 30  # bytes of address space of a worker
EXECUTES = (
    "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "pickle.find_class",
    "socket.connect", "ctypes.dlopen",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cases", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--worker", nargs=4, metavar=("SEEDS", "TARGET", "FIRST", "COUNT"))
    options = parser.parse_args()
    if options.worker:
        seeds, target, first, count = options.worker
        work(Path(seeds), target, int(first), int(count))
        return
    from common import table, write

    from targets import make_seeds, targets

    with tempfile.TemporaryDirectory() as folder:
        seeds = make_seeds(Path(folder) / "seeds")
        names = options.only or list(targets(seeds))
        each = -(-options.cases // len(names))
        rows = [campaign(seeds, name, each, options.seed) for name in names]
    table([{k: v for k, v in row.items() if k != "found"} for row in rows])
    for found in (found for row in rows for found in row["found"]):
        print(found)
    total = sum(row["cases"] for row in rows)
    print(write("fuzz", rows, {"cases": total, "seed": options.seed}))
    raise SystemExit(any(row["found"] for row in rows))


def campaign(seeds: Path, target: str, cases: int, seed: int) -> dict[str, Any]:
    """All cases of one target; where a worker dies or hangs, another goes on behind that case."""
    begun, outcomes, found = time.monotonic(), Counter[str](), list[str]()
    at, end = seed * 10**6, seed * 10**6 + cases
    while at < end:
        told, ended = worker(seeds, target, at, min(CHUNK, end - at))
        outcomes.update(case["outcome"] for case in told)
        found += [f"{target} {case['case']}: {case['flaw']}" for case in told if case.get("flaw")]
        at += len(told)
        if ended:
            found.append(f"{target} {at}: {ended}")
            outcomes["died"] += 1
            at += 1
    row = {"target": target, "cases": cases, "refused": outcomes.pop("refused", 0)}
    row |= {"flaws": len(found), "others": dict(outcomes), "found": found[:20]}
    return row | {"seconds": round(time.monotonic() - begun, 1)}


def worker(seeds: Path, target: str, first: int, count: int) -> tuple[list[dict[str, Any]], str]:
    """What one process tells of its cases, and how it ended, if before its last."""
    few = os.environ | {"OMP_STACKSIZE": "128k", "MALLOC_ARENA_MAX": "2"}  # threads take room too
    command = [sys.executable, __file__, "--worker", str(seeds), target, str(first), str(count)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=few)
        out, ended = done.stdout, f"exit {done.returncode}" if done.returncode else ""
    except subprocess.TimeoutExpired as error:
        out, ended = (error.stdout or b"").decode(), f"no end within {SECONDS} s"
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")], ended


def work(seeds: Path, target: str, first: int, count: int) -> None:
    """Run cases and tell each on standard output."""
    import resource
    import shutil
    import warnings

    import torch

    from targets import targets

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    executed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        own = Path(shutil.copytree(seeds, Path(folder) / "seeds"))
        check = targets(own)[target]
        for warm in range(WARM):  # libraries are loaded where a file is taken for the first time
            if case(check, own, -1 - warm)["outcome"] == "same" and warm > 1:
                break
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
        sys.addaudithook(lambda event, _: executed.append(event) if event in EXECUTES else None)
        for number in range(first, first + count):
            before, peak = status("VmSize"), status("VmPeak")
            begun = time.monotonic()
            told = case(check, own, number)
            grown = status("VmPeak") - max(peak, before + ROOM)
            if executed:
                told["flaw"] = f"executed {executed}"
                executed.clear()
            elif grown > 0 and not told.get("flaw"):
                told["flaw"] = f"took {(grown + ROOM) >> 20} MiB"
            elif time.monotonic() - begun > SLOW and not told.get("flaw"):
                told["flaw"] = f"took {time.monotonic() - begun:.1f} s"
            print(json.dumps(told), flush=True)


def case(check: Any, seeds: Path, number: int) -> dict[str, Any]:
    """What came of one case."""
    try:
        return {"case": number, "outcome": check(seeds, Random(number))}
    except Exception as error:
        flaw = f"{type(error).__name__}: {error}"[:200] + traced(error)
        return {"case": number, "outcome": "flaw", "flaw": flaw}


def traced(error: BaseException) -> str:
    """The innermost place of ours that an error came through."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if f"{os.sep}variata{os.sep}" in name:
            frames.append(f"{Path(name).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return f" ({' > '.join(frames[-3:])})"


def status(name: str) -> int:
    """Bytes of the address space, now (VmSize) or at most so far (VmPeak)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {name} in /proc/self/status")


if __name__ == "__main__":
    main()
