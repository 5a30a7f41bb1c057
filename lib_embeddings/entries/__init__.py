"""Files and folders become entries: what each file is, and what lies beside it."""
