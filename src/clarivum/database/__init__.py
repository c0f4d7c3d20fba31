"""clarivum.database"""
