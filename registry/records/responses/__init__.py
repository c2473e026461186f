"""What others say about a record, each as a record of their own, and what it amounts to."""
