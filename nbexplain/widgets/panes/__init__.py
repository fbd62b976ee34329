"""What the browser shows: anywidgets, each with a twin of its name in `js/src/`."""
