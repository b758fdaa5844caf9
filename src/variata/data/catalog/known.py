"""Looking sets of the catalogue up, and loading them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from variata.data.catalog.entries import ENTRIES
from variata.data.catalog.entry import Entry
from variata.data.catalog.fetch import fetch
from variata.data.catalog.sprites import FACTORS, SHAPES, render_sprites, sprites_factors
from variata.data.factors import Factors
from variata.data.idx import from_idx_parts
from variata.data.images import from_zip
from variata.data.npy import read_npz
from variata.data.source import Source
from variata.errors import UsageError, did_you_mean

HELD_OUT = 10_000
CLOTHES = (
    "t-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip


def names() -> list[str]:
    """Return the names of the catalogue.

    >>> "mnist" in names()
    True
    """
    return [known.name for known in ENTRIES]


def entry(name: str) -> Entry:
    """Return what is known of a set.

    Raises:
        UsageError: an unknown name.

    >>> entry("digits").counts
    '1,797'
    """
    for known in ENTRIES:
        if known.name == name:
            return known
    hint = did_you_mean(name, names()) or f" Choose among {', '.join(names())}."
    raise UsageError(f"The catalogue has no data set '{name}'.{hint}")


def load(name: str) -> Source:
    """Load a set, from the data folder, the cache, or the network once.

    Raises:
        UsageError: an unknown name.
        DataError: its files are not to be had; says where to put them.
    """
    known = entry(name)
    return _LOADERS[name](known, [fetch(known, file) for file in known.files])


def _digits(known: Entry, paths: list[Path]) -> Source:
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return _source(known, bunch.images, bunch.target, tuple("0123456789"))


def _idx_set(known: Entry, paths: list[Path]) -> Source:
    found = from_idx_parts(known.name, {"train": paths[0], "test": paths[2]}, HELD_OUT)
    label_names = CLOTHES if known.name == "fashion_mnist" else found.label_names
    return _source(known, found.values, found.labels, label_names, found.published)


def _binarized(known: Entry, paths: list[Path]) -> Source:
    packed = read_npz(paths[0])
    parts = [np.unpackbits(packed[p], axis=1, count=784) for p in ("train", "valid", "test")]
    ends = np.cumsum([0, *map(len, parts)]).tolist()
    published = tuple(range(a, b) for a, b in itertools.pairwise(ends))
    return _source(known, np.concatenate(parts).reshape(-1, 28, 28), published=published)


def _omniglot(known: Entry, paths: list[Path]) -> Source:
    arrays = read_npz(paths[0])
    alphabets = tuple(str(a) for a in arrays["alphabet_names"])
    return _source(known, arrays["images"], arrays["alphabet"].astype(np.int64), alphabets)


def _frey(known: Entry, paths: list[Path]) -> Source:
    return _source(known, read_npz(paths[0])["images"])


def _cats(known: Entry, paths: list[Path]) -> Source:
    found = from_zip(paths[0])
    return _source(known, found.values, published=found.published, lossy=True)


def _sprites(known: Entry, paths: list[Path]) -> Source:
    points = sprites_factors()
    source = _source(known, render_sprites(points), points[:, 0], SHAPES)
    return replace(source, factors=Factors(FACTORS, points))


def _source(
    known: Entry,
    values: np.ndarray,
    labels: np.ndarray | None = None,
    label_names: tuple[str, ...] | None = None,
    published: tuple[range | np.ndarray, ...] | None = None,
    lossy: bool = False,
) -> Source:
    return Source(
        known.name, values, labels, label_names, None, "image", published, lossy, known.note
    )


_LOADERS: dict[str, Callable[[Entry, list[Path]], Source]] = {
    "digits": _digits,
    "mnist": _idx_set,
    "fashion_mnist": _idx_set,
    "binarized_mnist": _binarized,
    "omniglot_small": _omniglot,
    "frey_faces": _frey,
    "cifar10_cats": _cats,
    "sprites": _sprites,
}
