"""One module a format: each turns a document into entries, and none touches the world."""
