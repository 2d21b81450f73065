//! Rates by AAPOR's definitions (RR1, COOP1, REF1, CON1) and completion: one table.
