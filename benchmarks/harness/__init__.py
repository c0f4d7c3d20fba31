"""What every measurement shares: rounds, spread, load, CPU, the scratch database, the peers, the report."""
