mod arbitrary_input;
mod book;
mod calls;
mod hints;
mod properties;
mod signal;
mod tones;
