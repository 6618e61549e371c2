"""What several seeds of one configuration show, and what they show about two configurations."""
