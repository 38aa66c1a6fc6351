"""The doors: HTTP, command line, page.

Everything from outside is checked here, and nothing but this package reads the environment
or speaks a protocol; inside, values are trusted.
"""
