"""What the command ``transcribe`` reads and writes."""
