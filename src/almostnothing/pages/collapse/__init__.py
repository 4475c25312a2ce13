"""Do curves of all sizes fall on one?"""
