"""How a browser hears that something changed."""
