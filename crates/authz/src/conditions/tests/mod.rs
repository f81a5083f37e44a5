mod agreement;
mod deciding;
mod reading;
mod reference;
mod sql;
