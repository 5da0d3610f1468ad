"""What people see and do in real browsers, against the real server."""
