"""Code generation: kernels to LLVM IR, C, NumPy and other targets."""
