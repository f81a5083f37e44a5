//! Settings: how an organization looks, its typed options, and its connections to other systems.
