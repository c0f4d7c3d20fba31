"""clarivum.auth"""
