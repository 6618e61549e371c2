"""HTML: markup, pages, pictures, style."""
