"""Pure decisions about workspaces: status, schedules, quotas, searches. No I/O; moments are passed in."""
