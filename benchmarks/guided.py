"""Coverage-guided fuzzing of everything that reads a file: does any error come that is not ours?

    python benchmarks/guided.py [--seconds 60] [--only npy csv ...]

Runs atheris (libFuzzer for Python) in an environment of its own, made at first use. Good files are
the corpus to start from; what reaches new code in our readers is kept and damaged further. A
finding is an error that is not one of variata's, a crash, a minute in one file, or 2 GB of memory.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
TESTS = HERE.parents[1] / "tests"
SUFFIXES = {
    "npy": "a.npy",
    "npz": "plain.npz",
    "idx": "images-idx3-ubyte",
    "csv": "t.csv",
    "zip": "pictures.zip",
    "config": "config.yaml",
    "schema": "schema.json",
    "weights": "model.safetensors",
}
NEEDS = ("torch==2.13.0", "atheris", "pandas", "pyarrow", str(HERE.parents[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", nargs="+", choices=list(SUFFIXES), default=list(SUFFIXES))
    parser.add_argument("--worker", nargs=2, metavar=("TARGET", "CORPUS"))
    options = parser.parse_args()
    if options.worker:
        target, corpus = options.worker
        work(target, corpus, options.seconds)
        return
    from common import table, write
    from peer import Peer

    python = Peer("guided", needs=NEEDS).python()
    with tempfile.TemporaryDirectory() as folder:
        make_corpora(Path(folder))
        rows = [campaign(python, name, Path(folder), options.seconds) for name in options.only]
    table([{k: v for k, v in row.items() if k != "found"} for row in rows])
    for row in rows:
        print(row["found"], end="")
    print(write("guided", rows, {"seconds": options.seconds}))
    raise SystemExit(any(row["found"] for row in rows))


def make_corpora(folder: Path) -> None:
    """A folder of good files for every target."""
    import shutil

    sys.path.insert(0, str(TESTS))
    from targets import make_seeds

    seeds = make_seeds(folder / "seeds")
    config = json.loads((seeds / "saved" / "config.json").read_text())
    (seeds / "data" / "schema.json").write_text(json.dumps(config["schema"]))
    shutil.copy(seeds / "saved" / "model.safetensors", seeds / "data")
    shutil.copy(seeds / "config.yaml", seeds / "data")
    for name, file in SUFFIXES.items():
        corpus = folder / name
        corpus.mkdir()
        for source in {seeds / "data" / file, *(seeds / "data").glob(f"*{Path(file).suffix}")}:
            if source.suffix == Path(file).suffix:
                shutil.copy(source, corpus)


def campaign(python: Path, target: str, folder: Path, seconds: int) -> dict[str, Any]:
    """Fuzz one reader for some seconds."""
    command = [str(python), str(HERE), "--worker", target, str(folder / target)]
    done = subprocess.run(
        [*command, "--seconds", str(seconds)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        errors="replace",
    )
    told = done.stderr
    counts = [int(n) for n in re.findall(r"^#(\d+)", told, re.MULTILINE)]
    covered = [int(n) for n in re.findall(r"cov: (\d+)", told)]
    found = "" if done.returncode == 0 else f"{target}: exit {done.returncode}\n{told[-1500:]}\n"
    row = {"target": target, "cases": max(counts, default=0), "covered": max(covered, default=0)}
    return row | {"found": found, "flaws": int(bool(found))}


def work(target: str, corpus: str, seconds: int) -> None:
    """In the fuzzer's own environment: give bytes to a reader, without end."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(
        include=["variata.data", "variata.store", "variata.cli.config"]
    ):
        from variata.cli.config import read_config
        from variata.data import Schema, infer_schema, open_source
        from variata.errors import VariataError
        from variata.store.weights import sizes_in

    place = Path(tempfile.mkdtemp()) / SUFFIXES[target]

    def read(path: Path) -> None:
        if target == "config":
            read_config(path)
        elif target == "weights":
            sizes_in(path)
        elif target == "schema":
            Schema.from_json(parsed(path))
        else:
            infer_schema(open_source(path).values)

    def one(data: bytes) -> None:
        place.write_bytes(data)
        try:
            read(place)
        except VariataError:
            return

    limits = [f"-max_total_time={seconds}", "-timeout=60", "-rss_limit_mb=2048", "-max_len=65536"]
    atheris.Setup([sys.argv[0], *limits, corpus], one)
    atheris.Fuzz()


def parsed(path: Path) -> Any:
    """JSON, or nothing where a file is none: what is made of it is the matter here."""
    try:
        return json.loads(path.read_text(errors="replace"))
    except (ValueError, RecursionError):
        return None


if __name__ == "__main__":
    main()
