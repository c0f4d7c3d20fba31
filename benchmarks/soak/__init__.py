"""Jobs under worker kills, freezes and database restarts, and the count of their effects afterwards."""
