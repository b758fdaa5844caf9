"""Data: where it comes from, what kind it is, and how it becomes batches."""

from variata.data.examples import Examples
from variata.data.infer import infer_schema
from variata.data.schema import Schema
from variata.data.splits import Splits, split

__all__ = ["Examples", "Schema", "Splits", "infer_schema", "split"]
