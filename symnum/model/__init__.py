"""Models: fields on a domain, their equations, boundary and initial conditions, checked and described in the user's own terms."""
