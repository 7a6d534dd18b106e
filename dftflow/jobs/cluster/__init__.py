"""Jobs of a scheduler: what is submitted once, what the queue says of it, and how it ended."""
