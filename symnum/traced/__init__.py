"""What a traced function can do: be called, differentiated, written out, and solved as du/dt = f(u, t)."""
