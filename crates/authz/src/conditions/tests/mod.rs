mod agreement;
mod cedar;
mod deciding;
mod reading;
mod reference;
mod sql;
