"""Do balls of different norms overlap?"""
