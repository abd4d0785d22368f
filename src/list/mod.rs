//! Lists as people have them: contacts and do-not-call numbers coming in as CSV, results going out.
