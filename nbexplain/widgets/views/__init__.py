"""Views: who asks what, and which panes show the answer."""
