//! The commands: one file for each; parse, run, exit status.
