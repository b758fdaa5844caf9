"""Lossless compression of rows to a `.vrt` file, by a trained model."""
