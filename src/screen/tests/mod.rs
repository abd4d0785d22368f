mod arbitrary_input;
mod calls;
mod hints;
mod play;
mod properties;
mod rings;
mod signal;
mod tones;
