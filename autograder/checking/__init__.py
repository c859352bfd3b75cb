"""What checks a student's code and explains what is wrong: NumPy only, and any system."""
