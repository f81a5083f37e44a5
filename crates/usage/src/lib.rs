//! Usage: what organizations consume, and the quotas it is held against.
