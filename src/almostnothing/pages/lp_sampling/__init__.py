"""Is noise of a given norm uniform in its ball?"""
