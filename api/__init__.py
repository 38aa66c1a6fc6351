"""The doors: HTTP, command line, page."""
