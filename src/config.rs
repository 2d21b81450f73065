//! Settings: built-in defaults, then the TOML file, then the environment. Unknown keys are refused.
