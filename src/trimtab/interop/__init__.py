"""The rules inside other libraries; each is an extra, and loads with its own module."""
