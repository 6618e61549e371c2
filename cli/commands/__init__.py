"""Commands with arguments of their own."""
