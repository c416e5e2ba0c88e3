"""What follows from an assessment: values in, verdict out. Pure."""
