mod arbitrary_input;
mod calls;
mod hints;
mod properties;
mod signal;
mod tones;
