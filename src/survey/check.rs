//! The survey compiler: looks at a definition together with the prompts that exist.
