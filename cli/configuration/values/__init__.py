"""Values of a configuration: those that no run takes, those that stay texts, those that strangers wrote."""
