"""Tables of exposures from what people have: columns of candidates, holdings of funds, lists of members."""
