"""What only notebooks have: ``sol.explore()``. How objects show themselves there is said by their classes (``symnum.display``)."""
