"""One module a method; each offers ``METHOD``."""
