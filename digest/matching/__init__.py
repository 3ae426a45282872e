"""Paper × interest -> match: the query language, the percolation index, the explanation."""
