"""Explorers: a session, controls and panes put together, one file each."""
