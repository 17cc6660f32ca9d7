"""``sn.kernel``: numeric Python functions of arrays as fused native code, called with the arrays themselves."""
