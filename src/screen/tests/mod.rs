mod calls;
mod properties;
mod signal;
mod tones;
mod void;
