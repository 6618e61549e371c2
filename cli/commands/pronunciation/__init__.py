"""What the command ``score`` does with annotated corpora and calibrations."""
