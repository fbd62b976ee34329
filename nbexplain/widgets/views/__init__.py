"""Who asks what, and which panes are filled with it."""
