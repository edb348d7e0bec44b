"""Pure decisions of identity: tokens and passwords, the search for users, quiet hours."""

from homeport.identity.rules.accounts import (
    MalformedToken,
    Refresh,
    duration_nanoseconds,
    entropy_bits,
    fold_address,
    key_object,
    parse_token,
    password_problem,
    sliding_refresh,
    token_lifetime,
    unassignable_roles,
    user_object,
    validate_all,
    validate_password,
)
from homeport.identity.rules.quiet_hours import quiet_hours_of, quiet_hours_view
from homeport.identity.rules.searching import parse_search

__all__ = [
    "MalformedToken",
    "Refresh",
    "duration_nanoseconds",
    "entropy_bits",
    "fold_address",
    "key_object",
    "parse_search",
    "parse_token",
    "password_problem",
    "quiet_hours_of",
    "quiet_hours_view",
    "sliding_refresh",
    "token_lifetime",
    "unassignable_roles",
    "user_object",
    "validate_all",
    "validate_password",
]
