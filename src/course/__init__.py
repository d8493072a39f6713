"""Fine-Tuning You Can Run: the library that the lessons import."""
