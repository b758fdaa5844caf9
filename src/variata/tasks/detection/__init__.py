"""Anomaly detection: what a model knows of rows, calibrated, combined and explained."""
