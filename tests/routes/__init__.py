"""What the application answers: pages, fragments, JSON and streams, asked over HTTP."""
