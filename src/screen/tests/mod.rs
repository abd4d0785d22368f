mod calls;
mod properties;
mod signal;
mod tones;
