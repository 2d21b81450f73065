//! What a complaint is and how it is worked: classification, steps in order, deadlines. Pure; the store and the pages come after it.
