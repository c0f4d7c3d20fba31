"""clarivum.checks"""
