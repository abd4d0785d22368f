//! The caller's trace, as W3C Trace Context has it in the header `traceparent`.

use std::fmt;

/// Where a drop belongs in a trace of whoever ordered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace, never 0.
    pub trace: u128,
    /// The caller's span, never 0.
    pub span: u64,
    /// Whether the caller sends its own part.
    pub is_sampled: bool,
    text: String,
}

impl TraceParent {
    /// Reads a header's value; `None` if it is none, which is as if there were no header. Of a later version the parts are read
    /// that this one has.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let parts: Vec<_> = text.split('-').collect();
        let [version, trace, span, flags, rest @ ..] = parts.as_slice() else {
            return None;
        };
        let is_hex = |part: &str, length| {
            let is_lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            part.len() == length && part.bytes().all(is_lower)
        };
        let fits = is_hex(version, 2)
            && is_hex(trace, 32)
            && is_hex(span, 16)
            && is_hex(flags, 2)
            && *version != "ff"
            && (*version != "00" || rest.is_empty());
        if !fits || text.len() > LONGEST {
            return None;
        }
        let read = Self {
            trace: u128::from_str_radix(trace, 16).ok()?,
            span: u64::from_str_radix(span, 16).ok()?,
            is_sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1,
            text: text.to_owned(),
        };
        (read.trace != 0 && read.span != 0).then_some(read)
    }

    /// The header's value, as it came.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Most bytes that are kept of one, of whichever version.
const LONGEST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_traceparent_is_read_and_what_is_none_is_as_if_it_were_not_there() {
        let read = |text: &str| TraceParent::parse(text);
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let one = read(&format!("00-{trace}-b7ad6b7169203331-01")).unwrap();
        assert_eq!(
            (format!("{:032x}", one.trace), one.span),
            (trace.to_owned(), 0xb7ad_6b71_6920_3331)
        );
        assert!(one.is_sampled);
        assert_eq!(one.to_string(), format!("00-{trace}-b7ad6b7169203331-01"));
        let other = read(&format!("00-{trace}-b7ad6b7169203331-02")).unwrap();
        assert!(!other.is_sampled);
        // Of a later version, with what that adds.
        assert!(
            read(&format!("01-{trace}-b7ad6b7169203331-01-what"))
                .unwrap()
                .is_sampled
        );
        for wrong in [
            String::new(),
            "00".to_owned(),
            format!("00-{trace}-b7ad6b7169203331"),
            format!("00-{trace}-b7ad6b7169203331-01-more"),
            format!("ff-{trace}-b7ad6b7169203331-01"),
            format!("00-{}-b7ad6b7169203331-01", trace.to_uppercase()),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{trace}-b7ad6b7169203331-1"),
            format!("00-{trace}-b7ad6b716920333g-01"),
            format!("01-{trace}-b7ad6b7169203331-01-{}", "x".repeat(200)),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }
}
