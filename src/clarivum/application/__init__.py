"""clarivum.application"""
