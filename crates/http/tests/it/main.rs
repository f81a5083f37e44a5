//! The behaviour of the HTTP layer, driven through a small context of notes.

#[cfg(test)]
mod access;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod documentation;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod health;
#[cfg(test)]
mod queries;
#[cfg(test)]
mod server;
#[cfg(test)]
mod world;
#[cfg(test)]
mod writes;
