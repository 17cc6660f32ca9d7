"""One file a method: a module with ``METHOD`` is found by its file name; nothing else is to be edited."""
