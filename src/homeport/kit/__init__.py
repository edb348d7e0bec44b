"""The ground floor: clock, ids, crypto, errors and HTTP shapes. Knows no feature and imports nothing of ours."""
