"""Models: fields on a domain, equations, boundary and initial conditions, checked and explained in the user's terms."""
