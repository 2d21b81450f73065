//! The endpoint in virtual time: against a scripted peer (acceptance cases of docs, RFC rules), and against itself over a lossy network.

mod called;
mod caller;
mod challenge;
mod errands;
mod ghosts;
mod network;
mod places;
mod refer;
mod register;
mod registered;
mod reliable;
mod requests;
mod routes;
mod scripted;
mod storm;
mod strangers;
mod streams;
mod timers;
mod told;
mod torture;
