"""Markdown, HTML and SVG of the site's generated pages; every text from a record is escaped."""
