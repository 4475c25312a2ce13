"""Do networks choose as the nearest class mean does?"""
