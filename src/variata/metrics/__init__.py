"""What a trained model is worth: pure functions on tensors and arrays, with their errors."""

from variata.metrics.aggregate import AggregateGap, aggregate_gap
from variata.metrics.baselines import FactorisedBaseline
from variata.metrics.clusters import Agreement, cluster_agreement, matched_accuracy
from variata.metrics.collapse import active_mask, active_units, rate_per_dimension, unit_variance
from variata.metrics.disentangle import Disentanglement, disentanglement
from variata.metrics.estimate import Estimate
from variata.metrics.feature_training import train_features
from variata.metrics.features import FeatureNet, Features, VectorFeatures
from variata.metrics.fidelity import psnr, ssim
from variata.metrics.information import Information, mutual_information
from variata.metrics.known_prior import KnownPrior, prior_sd
from variata.metrics.likelihood import (
    LogMeanExp,
    bits_per_dim,
    importance_bound,
    streaming_logmeanexp,
)
from variata.metrics.linear import PCABaseline, mean_predictor, rms_error
from variata.metrics.mmd import mmd_imq
from variata.metrics.modes import Modes, mode_coverage
from variata.metrics.ranking import probability_less
from variata.metrics.read_out import read_out
from variata.metrics.samples import Copies, Coverage, frechet_distance, nearest_copies, prdc
from variata.metrics.two_sample import Verdict, classifier_test, likelihood_test, mmd_test
from variata.metrics.typicality import typicality
from variata.metrics.usage import Usage

__all__ = [
    "AggregateGap",
    "Agreement",
    "Copies",
    "Coverage",
    "Disentanglement",
    "Estimate",
    "FactorisedBaseline",
    "FeatureNet",
    "Features",
    "Information",
    "KnownPrior",
    "LogMeanExp",
    "Modes",
    "PCABaseline",
    "Usage",
    "VectorFeatures",
    "Verdict",
    "active_mask",
    "active_units",
    "aggregate_gap",
    "bits_per_dim",
    "classifier_test",
    "cluster_agreement",
    "disentanglement",
    "frechet_distance",
    "importance_bound",
    "likelihood_test",
    "matched_accuracy",
    "mean_predictor",
    "mmd_imq",
    "mmd_test",
    "mode_coverage",
    "mutual_information",
    "nearest_copies",
    "prdc",
    "prior_sd",
    "probability_less",
    "psnr",
    "rate_per_dimension",
    "read_out",
    "rms_error",
    "ssim",
    "streaming_logmeanexp",
    "train_features",
    "typicality",
    "unit_variance",
]
