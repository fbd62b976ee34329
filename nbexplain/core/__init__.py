"""torch and numpy only: no widget is imported here."""
