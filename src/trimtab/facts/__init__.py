"""Facts: every number of an outcome with its text, in one frozen object. Screens, charts and templates only place them."""
