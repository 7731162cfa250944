"""Object detectors of torchvision as networks that paint what they find as maps; import them only when needed."""
