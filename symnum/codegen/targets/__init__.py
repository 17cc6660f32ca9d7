"""Target languages: one file each."""
