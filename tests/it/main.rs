//! Tests through the program's front doors, against a fake Asterisk on real sockets.

mod fake;
