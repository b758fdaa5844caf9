"""What may train and load: fit, the trained model and its verbs, evaluation, diagnosis, reports."""
