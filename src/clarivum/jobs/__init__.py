"""clarivum.jobs"""
