"""Almost Nothing: how much can an image be corrupted before a classifier fails, and why so late?"""

__version__ = "0.1.0"
