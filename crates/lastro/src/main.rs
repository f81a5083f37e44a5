//! The command line of Lastro: a thin shell around the library of the same name.

fn main() {}
