"""Time integration: problems, backends and the embedded methods with native drivers."""
