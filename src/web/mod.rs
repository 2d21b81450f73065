//! Status API and pages (axum). Asks `db` and the engine's handle, decides nothing.
