//! Where an agent stands, and who is taken first. Pure.
