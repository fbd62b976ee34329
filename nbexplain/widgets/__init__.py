"""What the browser shows. No maths here: panes get raw numbers and colour them themselves."""
