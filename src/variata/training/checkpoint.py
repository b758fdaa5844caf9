"""The state of a training on disk: two slots, so that one is always whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from variata.atomic import make_folder, sha256, write_atomic, write_text
from variata.errors import StoreError

SLOTS = ("a", "b")


@dataclass(frozen=True)
class State:
    """All that a training needs to go on: tensors by name, and plain numbers."""

    tensors: dict[str, Tensor]
    numbers: dict[str, Any]


class Checkpoint:
    """Keeps the newest two states of a training in a folder.

    A state counts only once its manifest, written last, names its SHA-256; a damaged newer state
    is passed over for the older one, and is the first to be written over.

    Args:
        folder: of the states.
        owner: whose they are, where that is known: those of another are refused.
    """

    def __init__(self, folder: Path, owner: str = "") -> None:
        self.folder, self.owner = folder, owner
        self._damaged: set[str] = set()

    def save(self, state: State) -> None:
        """Write the state over the older slot.

        Raises:
            StoreError: when it cannot be written; the newest earlier state is untouched.
        """
        make_folder(self.folder)
        slot = self._older_slot()
        weights, manifest = self._weights(slot), self._manifest(slot)
        tensors = {name: value.detach().cpu().contiguous() for name, value in state.tensors.items()}
        write_atomic(weights, lambda part: save_file(tensors, part))
        numbers = json.dumps(state.numbers)
        record = {"sha256": sha256(weights), "numbers": numbers, "numbers_sha256": _digest(numbers)}
        record["owner"] = self.owner
        write_text(manifest, json.dumps(record))
        self._damaged.discard(slot)

    def load(self) -> State | None:
        """The newest whole state, or None when there is none.

        Raises:
            StoreError: when there are states and all are damaged, or it is another owner's.
        """
        slots = sorted(SLOTS, key=self._step, reverse=True)
        present = [slot for slot in slots if self._manifest(slot).exists()]
        for slot in present:
            record = self._read(slot)
            tensors = None if record is None else self._tensors(slot, record["sha256"])
            if record is not None and tensors is not None:
                if self.owner and record.get("owner", self.owner) != self.owner:
                    raise StoreError(
                        f"The checkpoint in {self.folder} is that of another run: put back what "
                        "belongs there, or train anew into another folder."
                    )
                return State(tensors, record["numbers"])
            self._damaged.add(slot)
        if present:
            raise StoreError(
                f"Every checkpoint in {self.folder} is damaged. Train anew into another folder."
            )
        return None

    def step(self) -> int:
        """The step of the newest state, by its manifest; -1 where there is none."""
        return max(map(self._step, SLOTS))

    def _tensors(self, slot: str, digest: str) -> dict[str, Tensor] | None:
        try:
            whole = sha256(self._weights(slot)) == digest
            return load_file(self._weights(slot)) if whole else None
        except (OSError, SafetensorError, RuntimeError):
            return None

    def _older_slot(self) -> str:
        return min(SLOTS, key=lambda slot: (slot not in self._damaged, self._step(slot)))

    def _step(self, slot: str) -> int:
        record = self._read(slot)
        return -1 if record is None else record["numbers"]["step"]

    def _read(self, slot: str) -> dict[str, Any] | None:
        try:
            record = json.loads(self._manifest(slot).read_text())
            if _digest(record["numbers"]) != record["numbers_sha256"]:
                return None
            numbers = json.loads(record["numbers"])
            whole = self._weights(slot).exists() and isinstance(numbers["step"], int)
            return record | {"numbers": numbers} if whole else None
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None

    def _weights(self, slot: str) -> Path:
        return self.folder / f"state-{slot}.safetensors"

    def _manifest(self, slot: str) -> Path:
        return self.folder / f"state-{slot}.json"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
