"""Data: where it comes from, what kind it is, and how it becomes batches."""

from variata.data import catalog
from variata.data.arrays import read_array
from variata.data.aside import column_values
from variata.data.binarise import binarised, draw, redrawn
from variata.data.condition import Condition, infer_condition, parsed_condition
from variata.data.context import Context, columns_of, context_of, require_context
from variata.data.corruptions import View, Viewed, corruption
from variata.data.examples import Examples
from variata.data.factors import Factors
from variata.data.infer import infer_schema
from variata.data.schema import Schema
from variata.data.source import Source
from variata.data.sources import open_source
from variata.data.splits import Splits, split

__all__ = [
    "Condition",
    "Context",
    "Examples",
    "Factors",
    "Schema",
    "Source",
    "Splits",
    "View",
    "Viewed",
    "binarised",
    "catalog",
    "column_values",
    "columns_of",
    "context_of",
    "corruption",
    "draw",
    "infer_condition",
    "infer_schema",
    "open_source",
    "parsed_condition",
    "read_array",
    "redrawn",
    "require_context",
    "split",
]
