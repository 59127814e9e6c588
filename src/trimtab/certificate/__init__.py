"""Every limit, measured by code that shares nothing with the kernel."""
