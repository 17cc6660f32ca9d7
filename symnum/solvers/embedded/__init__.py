"""The embedded backend: methods written once in a small step language and run as native code (see ``language``)."""
