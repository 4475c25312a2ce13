"""Parameter files: one validated model per page, read from YAML, checked before any compute starts.

Every mistake becomes a `UserError`: one sentence that names the file, the key and the remedy.
"""
