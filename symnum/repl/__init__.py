"""The interactive session: mathematics as typed, commands, pictures in the terminal."""
