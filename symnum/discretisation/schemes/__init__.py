"""Schemes: one file each. A scheme says at which nodes a derivative is taken, and with which weights."""
