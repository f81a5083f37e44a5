//! The binary as a process, on both engines: killed, out of disk, without its database, cut off from it, with a wrong clock,
//! replaced node by node, started wrongly, started twice, told to stop, and asked what no client should ask.
//!
//! Every wait in here has an end, every server is on a free port of the loopback interface, and every process is ended by its id
//! when its test ends, whatever the reason.

#[cfg(test)]
#[macro_use]
mod engines;
#[cfg(test)]
mod balancer;
#[cfg(test)]
mod client;
#[cfg(test)]
mod customer;
#[cfg(test)]
mod installation;
#[cfg(test)]
mod line;
#[cfg(test)]
mod process;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod time;
#[cfg(test)]
mod watch;

#[cfg(test)]
mod backups;
#[cfg(test)]
mod bad_starts;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod cut_off;
#[cfg(test)]
mod database_lost;
#[cfg(test)]
mod deliveries;
// What limits a process's files is Linux's own.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod full_disk;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod rolling;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod two_nodes;
