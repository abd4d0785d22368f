mod arbitrary_input;
mod calls;
mod properties;
mod signal;
mod tones;
