"""clarivum.api"""
