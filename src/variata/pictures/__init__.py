"""Pictures of data, samples and latents, and the report that holds them."""

from variata.pictures.changes import column_changes
from variata.pictures.curves import latent_histograms, rate_bars, training_curves
from variata.pictures.film import gif_bytes
from variata.pictures.grid import grid
from variata.pictures.heat import surprises
from variata.pictures.maps import latent_map, manifold_grid, project
from variata.pictures.numbers import number, plus_minus
from variata.pictures.png import png_bytes
from variata.pictures.profiles import profile_grid, profile_paths, profile_traversal
from variata.pictures.rate_distortion import rate_distortion
from variata.pictures.reconstruct import interpolation, reconstructions, traversal
from variata.pictures.report import Card, Section, html_report, write_report
from variata.pictures.side_by_side import image_panels, point_panels
from variata.pictures.strips import labelled_rows
from variata.pictures.tables import column_histograms, column_paths, column_scatter
from variata.pictures.trade_off import TradeOff, trade_offs

__all__ = [
    "Card",
    "Section",
    "TradeOff",
    "column_changes",
    "column_histograms",
    "column_paths",
    "column_scatter",
    "gif_bytes",
    "grid",
    "html_report",
    "image_panels",
    "interpolation",
    "labelled_rows",
    "latent_histograms",
    "latent_map",
    "manifold_grid",
    "number",
    "plus_minus",
    "png_bytes",
    "point_panels",
    "profile_grid",
    "profile_paths",
    "profile_traversal",
    "project",
    "rate_bars",
    "rate_distortion",
    "reconstructions",
    "surprises",
    "trade_offs",
    "training_curves",
    "traversal",
    "write_report",
]
