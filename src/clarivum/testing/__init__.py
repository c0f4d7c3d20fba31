"""clarivum.testing"""
