"""Keeping people in the organizations, groups and roles that their provider says, and the settings that say how."""
