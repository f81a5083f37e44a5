mod agreement;
mod amending;
mod deciding;
mod escalating;
mod explaining;
mod office;
mod reference;
mod world;
