"""Long recordings and streams, window by window."""
