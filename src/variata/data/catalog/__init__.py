"""Data sets known by name: what they are, where they come from, and how to load them."""

from variata.data.catalog.entry import Entry, RemoteFile
from variata.data.catalog.known import entry, load, names
from variata.data.catalog.sprites import render_sprites, sprites_factors

__all__ = ["Entry", "RemoteFile", "entry", "load", "names", "render_sprites", "sprites_factors"]
