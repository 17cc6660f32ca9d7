"""The narrow waist: kernels as loops over regions with stencil offsets, and the semi-discrete systems made of them."""
