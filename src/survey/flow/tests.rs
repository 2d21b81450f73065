//! Tests of the flow: whole calls in virtual time with a customer who does what a script says, and the properties that hold for any input.

mod agent;
mod customer;
mod edges;
mod help;
mod personas;
mod properties;
mod recorded;
mod resumed;
mod sales;
