"""Data: where it comes from, what kind it is, and how it becomes batches."""

from variata.data import catalog
from variata.data.arrays import read_array
from variata.data.examples import Examples
from variata.data.factors import Factors
from variata.data.infer import infer_schema
from variata.data.schema import Schema
from variata.data.source import Source
from variata.data.sources import open_source
from variata.data.splits import Splits, split

__all__ = [
    "Examples",
    "Factors",
    "Schema",
    "Source",
    "Splits",
    "catalog",
    "infer_schema",
    "open_source",
    "read_array",
    "split",
]
