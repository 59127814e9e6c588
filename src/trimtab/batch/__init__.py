"""Many accounts: from Parquet to Parquet, block by block, with the rules of one account."""
