"""Recipes side by side on one's own data: trained alike, each in its own process, and measured."""
