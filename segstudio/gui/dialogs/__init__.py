"""Windows that ask or explain; opened only when the user must choose."""
