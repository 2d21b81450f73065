//! The endpoint in virtual time: against a scripted peer (acceptance cases of docs, RFC rules), and against itself over a lossy network.

mod called;
mod caller;
mod challenge;
mod ghosts;
mod network;
mod refer;
mod register;
mod registered;
mod requests;
mod routes;
mod scripted;
mod storm;
