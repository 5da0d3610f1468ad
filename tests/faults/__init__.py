"""What breaks around the application, and what must hold afterwards."""
