"""Array objectives in numbers: generated NumPy kernels, exact fractions, certified balls."""
