"""Changes of size without a network: MATLAB's bicubic to the last bit, and Lanczos in bands."""
