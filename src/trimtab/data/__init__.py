"""Files in, tables out; and the sample that ships."""
