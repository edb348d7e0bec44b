"""Wire shapes of the authorization server. Absent members are left out, never null or empty: clients refuse those."""
