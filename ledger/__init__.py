"""What happened in a case, and the proof that it was not changed."""
