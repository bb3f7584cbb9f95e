"""The model: its client, what its failures mean, and the demo model. Without Django."""
