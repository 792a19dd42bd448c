"""Machine unlearning: a model without some records, as an erasure request demands, and the proof of it."""

from secure_ai.core.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "charts": ("plot_erasure", "plot_sharding"),
        "counting": ("CountingTraining", "NaiveBayesCounts", "train_counting"),
        "erasure": ("Erasure", "Receipt", "answers_digest"),
        "linear": ("LinearTraining", "train_linear"),
        "logistic": ("LogisticTraining", "train_logistic"),
        "measure": ("ErasureMeasure", "ShardingCurve", "measure_erasure", "sharding_curve"),
        "ngrams": ("NgramCounts", "NgramTraining", "train_ngrams"),
        "sharded": ("ShardedClassifier", "ShardedTraining", "train_sharded"),
    },
)
