"""From targets to a list of trades: money and shares in whole numbers, exactly."""
