//! What Aftertone hears, as a crate of its own: arithmetic over every frame of every call. Unoptimised it could not follow a hundred
//! calls at once, and all that is around it need not be optimised to be tested. The program has both modules as its own.

#[path = "../src/screen/mod.rs"]
pub mod screen;
#[path = "../src/words.rs"]
pub mod words;
