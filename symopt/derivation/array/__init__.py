"""Gradients of array objectives in matrix form, by reverse differentiation."""
