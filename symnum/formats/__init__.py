"""Systems written out: programs in other languages that stand on their own."""
