"""FAM and SimpleFAM."""
