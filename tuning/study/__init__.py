"""The Optuna study: storage, ownership of trials."""
