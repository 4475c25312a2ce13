"""Intervals over seeds, fits of the knee, growth per doubling, held-out laws, collapse, calibration of predictions."""

from almostnothing.stats.calibration import auroc, calibration_error, reliability
from almostnothing.stats.collapse import collapse_interval, collapse_rms
from almostnothing.stats.growth import growth, one_size, per_doubling
from almostnothing.stats.held_out import log_predictive
from almostnothing.stats.intervals import (
    Interval,
    absolute,
    from_columns,
    largest_mean,
    mean_interval,
    mean_over,
    paired,
    scaled,
    share_interval,
    widened,
    with_variance,
    worst,
)
from almostnothing.stats.knees import FORMS, crossing, fit_knees, form_gain, free_knees, halfway, halfways, sigmoid

__all__ = [
    "FORMS",
    "Interval",
    "absolute",
    "auroc",
    "calibration_error",
    "collapse_interval",
    "collapse_rms",
    "crossing",
    "fit_knees",
    "form_gain",
    "free_knees",
    "from_columns",
    "growth",
    "halfway",
    "halfways",
    "largest_mean",
    "log_predictive",
    "mean_interval",
    "mean_over",
    "one_size",
    "paired",
    "per_doubling",
    "reliability",
    "scaled",
    "share_interval",
    "sigmoid",
    "widened",
    "with_variance",
    "worst",
]
