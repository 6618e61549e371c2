"""What training minimises: CTC, and what may be added to it for little data."""
