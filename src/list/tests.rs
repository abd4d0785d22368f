use std::io::{self, Cursor, Read};

use super::*;
use crate::phone::Rules;

/// All that comes of a list: its rows as text, its rejects by line and slug, and the error at which it ended.
fn taken(text: impl AsRef<[u8]>, maps: &[&str]) -> Vec<String> {
    let mut mapping = Mapping::default();
    for map in maps {
        mapping.add(map).unwrap();
    }
    let mut list = match List::open(text.as_ref(), &mapping) {
        Ok(list) => list,
        Err(error) => return vec![error.to_string()],
    };
    let mut out = Vec::new();
    loop {
        match list.batch(2) {
            Ok(Some(batch)) => {
                out.extend(
                    batch
                        .rows()
                        .map(|row| match list.columns().contact(row, &rules()) {
                            Ok(row) => shown(&row),
                            Err(reject) => format!("{} {}", reject.line, reject.reason.slug()),
                        }),
                )
            }
            Ok(None) => return out,
            Err(error) => {
                out.push(error.to_string());
                return out;
            }
        }
    }
}

fn shown(row: &NewRow) -> String {
    let mut text = format!("{} {}", row.line, row.number.full());
    for part in [
        &row.name,
        &row.zone,
        &row.state,
        &row.message,
        &row.foreign_id,
    ] {
        text.push('|');
        text.push_str(part.as_deref().unwrap_or_default());
    }
    if let Some(consent) = &row.consent {
        let at = consent.at.map(|at| at.to_string()).unwrap_or_default();
        let source = consent.source.as_deref().unwrap_or_default();
        text.push_str(&format!("|{} {at} {source}", consent.kind));
    }
    for (name, value) in &row.others {
        text.push_str(&format!("|{name}={value}"));
    }
    text
}

fn rules() -> ContactRules {
    ContactRules {
        phone: Rules::default(),
        dates: None,
        message: |text| {
            if text.contains('/') {
                Err("no path".to_owned())
            } else {
                Ok(())
            }
        },
    }
}

#[test]
fn a_list_is_read_as_it_was_exported() {
    let rows: &[(&str, &[u8])] = &[
        (
            "comma, LF",
            b"number,name\n+12025550101,Ann\n2025550102,Bob\n",
        ),
        (
            "semicolon, CRLF",
            b"number;name\r\n+12025550101;Ann\r\n2025550102;Bob\r\n",
        ),
        (
            "tab, CR, no end",
            b"number\tname\r+12025550101\tAnn\r2025550102\tBob",
        ),
        ("pipe", b"number|name\n+12025550101|Ann\n2025550102|Bob\n"),
        (
            "byte-order mark",
            b"\xef\xbb\xbfnumber,name\n+12025550101,Ann\n2025550102,Bob\n",
        ),
        (
            "quoted",
            b"\"number\",\"name\"\n\"+12025550101\",\"Ann\"\n\"2025550102\",Bob\n",
        ),
        (
            "names in any case",
            b"Phone Number,Full_Name\n+12025550101,Ann\n(202) 555-0102,Bob\n",
        ),
        (
            "guarded",
            b"number,name\n'+12025550101,Ann\n'2025550102,Bob\n",
        ),
        (
            "spaces",
            b" Mobile , NAME \n +12025550101 , Ann \n202.555.0102, Bob\n",
        ),
        (
            "another order",
            b"name,tel\nAnn,+12025550101\nBob,2025550102\n",
        ),
        (
            "padded",
            b"number,name\n+12025550101,Ann,\n2025550102,Bob,,\n",
        ),
    ];
    for (what, text) in rows {
        assert_eq!(
            taken(text, &[]),
            ["2 +12025550101|Ann||||", "3 +12025550102|Bob||||"],
            "{what}"
        );
    }
    // Put together, and kept apart for messages that say them.
    assert_eq!(
        taken(
            b"first name,phone,LastName\nAnn,+12025550101,\n,2025550102,Bob\nCy,2025550103,Fox\n",
            &[]
        ),
        [
            "2 +12025550101|Ann|||||first_name=Ann",
            "3 +12025550102|Bob|||||last_name=Bob",
            "4 +12025550103|Cy Fox|||||first_name=Cy|last_name=Fox",
        ]
    );
    let rows: &[(&str, &str, &[&str])] = &[
        (
            "Excel's first line",
            "sep=;\r\nnumber;name\r\n+12025550101;Ann\r\n2025550102;Bob\r\n",
            &[],
        ),
        (
            "empty lines",
            "number,name\n\n+12025550101,Ann\n\n\n2025550102,Bob\n\n",
            &[],
        ),
    ];
    for (what, text, maps) in rows {
        let lines: Vec<_> = taken(text, maps)
            .iter()
            .map(|row| row[..1].to_owned())
            .collect();
        assert_eq!(lines.len(), 2, "{what}");
        assert_eq!(lines[0], "3", "{what}");
    }
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    for end in ["\n", "\r\n", "\r"] {
        let text = "name,number\nAnn,x\n\n\"B\no\nb\",y\nC,z".replace('\n', end);
        assert_eq!(
            taken(&text, &[]),
            ["2 invalid_number", "4 invalid_number", "7 invalid_number"],
            "{end:?}"
        );
    }
}

#[test]
fn all_columns_are_found_and_others_are_kept() {
    let text = "Lead ID,Phone,Name,TZ,Province,Consent,Consent Date,Consent Source,Message,Notes,,Notes\n\
                17,4165550101,\"Ann, \"\"A.\"\"\",America/Toronto,ON,Written,2026-03-01,web form,promo-2,hello,x,'=1+1\n";
    assert_eq!(
        taken(text, &[]),
        [
            "2 +14165550101|Ann, \"A.\"|America/Toronto|ON|promo-2|17|written 2026-03-01T00:00:00Z web form\
             |Notes=hello|Notes (2)==1+1|column 11=x"
        ]
    );
}

#[test]
fn a_bad_row_never_stops_the_rest() {
    let text = "number,tz,consent,consent_at,message,state\n\
                +12025550101,,,,,\n\
                911,,,,,\n\
                ,,,,,\n\
                +19005550101,,,,,\n\
                1.20256E+10,,,,,\n\
                +12025550102,Mars/Base,,,,\n\
                +12025550103,,yes,,,\n\
                +12025550104,,no,,,Atlantis\n\
                +12025550105,,written,last week,,\n\
                +12025550106,,,,../etc/passwd,\n\
                +12025550107,,\n\
                +12025550108,,,,,,too,many\n\
                'OR 1=1; DROP TABLE contacts; --,,,,,\n\
                +12025550109,ET,oral,3/1/2026,promo,\n";
    assert_eq!(
        taken(text, &[]),
        [
            "2 +12025550101|||||",
            "3 emergency_number",
            "4 empty",
            "5 blocked_prefix",
            "6 invalid_number",
            "7 +12025550102||Mars/Base|||",
            "8 unclear_consent",
            "9 +12025550104|||Atlantis||",
            "10 unclear_time",
            "11 bad_message",
            "12 +12025550107|||||",
            "13 wrong_fields",
            "14 invalid_number",
            "15 +12025550109||ET||promo||verbal 2026-03-01T00:00:00Z ",
        ]
    );
    let long = format!(
        "number,name\n+12025550101,{}\n+12025550102,Bob\n",
        "x".repeat(MAX_FIELD + 1)
    );
    assert_eq!(
        taken(&long, &[]),
        ["2 field_too_long", "3 +12025550102|Bob||||"]
    );
}

#[test]
fn a_quotation_mark_that_is_never_closed_costs_its_own_row() {
    let head = "number,name,note\n+12025550101,Ann,\"two\nlines\"\n";
    let rows: &[(&str, &[&str])] = &[
        // To the end of the list, with either end of line.
        (
            "+12025550102,Bob,\"never\n+12025550103,Cy,\n+12025550104,Di,",
            &[
                "4 unclosed_quote",
                "5 +12025550103|Cy||||",
                "6 +12025550104|Di||||",
            ],
        ),
        (
            "+12025550102,\"Bob,\r\n\r\n+12025550103,Cy,\r\n",
            &["4 unclosed_quote", "6 +12025550103|Cy||||"],
        ),
        ("+12025550102,Bob,\"", &["4 unclosed_quote"]),
        (
            "+12025550102,Bob,\"closed\"",
            &["4 +12025550102|Bob|||||note=closed"],
        ),
        // To the mark of another row: who was meant is unknown, so no contact is made.
        (
            "+12025550102,Bob,\"never\n+12025550103,Cy,\n+12025550104,Di,\"x\"\n+12025550105,Ed,\n",
            &["4 unclosed_quote", "7 +12025550105|Ed||||"],
        ),
        // A number in a note of several lines is a note.
        (
            "+12025550102,Bob,\"call\n+12025550103\nor, better, Cy\"\n",
            &["4 +12025550102|Bob|||||note=call\n+12025550103\nor, better, Cy"],
        ),
    ];
    for (text, expected) in rows {
        let found = taken(format!("{head}{text}"), &[]);
        assert_eq!(found[0], "2 +12025550101|Ann|||||note=two\nlines");
        assert_eq!(found[1..], **expected, "{text:?}");
    }
    // Behind more than a row may have, too.
    let many = "+12025550103,Cy,\n".repeat(MAX_ROW / 10);
    let found = taken(format!("{head}+12025550102,\"Bob,\n{many}"), &[]);
    assert_eq!(found.len(), 2 + MAX_ROW / 10);
    assert_eq!(found[1..3], ["4 unclosed_quote", "5 +12025550103|Cy||||"]);
    // The file of rejects has the row's own fields.
    let mut list = List::open(
        &b"number,name\n+12025550102,\"Bob, jr\n"[..],
        &Mapping::default(),
    )
    .unwrap();
    let batch = list.batch(9).unwrap().unwrap();
    assert!(
        batch
            .row(0)
            .unwrap()
            .fields()
            .eq(["+12025550102", "Bob, jr"])
    );
}

#[test]
fn a_do_not_call_list_loses_no_number_to_a_quotation_mark() {
    let text = "phone,reason\n2025550121,\"asked\n2025550122,x\n2025550123,\n";
    let mut list = DoNotCall::open(text.as_bytes(), &[], Rules::default()).unwrap();
    let some = list.batch(9).unwrap().unwrap();
    let numbers = some.numbers.iter().map(|number| number.full().to_string());
    assert!(numbers.eq(["+12025550121", "+12025550122", "+12025550123"]));
    assert_eq!(some.rejects.len(), 1);
    assert_eq!(some.rejects[0].reason, Reason::Unclosed);
    let text = "phone,reason\n2025550121,\"asked\n2025550122,x\n2025550123,\"y\"\n";
    assert_eq!(
        barred(text, &[]),
        [
            "+12025550121",
            "+12025550122",
            "+12025550123",
            "2 unclosed_quote"
        ]
    );
}

#[test]
fn text_that_means_something_elsewhere_stays_text() {
    let text = "number,name,note\n+12025550101,'); DROP TABLE contacts;--,\"=cmd|'/c calc'!A1\"\n";
    assert_eq!(
        taken(text, &[]),
        ["2 +12025550101|'); DROP TABLE contacts;--|||||note==cmd|'/c calc'!A1"]
    );
}

#[test]
fn columns_are_mapped_or_asked_for() {
    let rows: &[(&str, &[&str], &str)] = &[
        (
            "Telefon;Kunde\n2025550101;Ann\n",
            &["number=telefon", "name=2"],
            "2 +12025550101|Ann||||",
        ),
        (
            "Telefon;Kunde\n2025550101;Ann\n",
            &["number=1"],
            "2 +12025550101||||||Kunde=Ann",
        ),
        ("2025550101\n", &[], "1 +12025550101|||||"),
        (
            "2025550101,Ann\n",
            &["number=1"],
            "1 +12025550101||||||column 2=Ann",
        ),
        (
            "Ann,2025550101\n",
            &["number=2", "name=1"],
            "1 +12025550101|Ann||||",
        ),
        (
            "phone,mobile\n2025550101,\n",
            &["number=phone"],
            "2 +12025550101|||||",
        ),
        (
            "number,id,foreign_id\n2025550101,5,A\n",
            &[],
            "2 +12025550101|||||A|id=5",
        ),
        (
            "number,lead_id,crm id\n2025550101,5,6\n",
            &["foreign_id="],
            "2 +12025550101||||||crm id=6|lead_id=5",
        ),
        (
            "2025550101,Ann\n",
            &[],
            "the list begins with a number and not with a header, and has 2 columns",
        ),
        (
            "Kunde,Ort\nAnn,Rom\n",
            &[],
            "no column of the header is the phone number; it has `Kunde`, `Ort`",
        ),
        (
            "phone,mobile\n1,2\n",
            &[],
            "the columns `phone`, `mobile` could each be the number",
        ),
        (
            "number,id,ref\n1,2,3\n",
            &[],
            "the columns `id`, `ref` could each be the foreign_id",
        ),
        (
            "Kunde,Ort\nAnn,Rom\n",
            &["number=Tel"],
            "there is no column `Tel` to take the number from; the header has `Kunde`, `Ort`",
        ),
        (
            "a,b\n1,2\n",
            &["number=a", "name=1"],
            "the column `1` is mapped to the number and to the name",
        ),
        ("", &[], "the list is empty"),
        ("\n\r\n", &[], "the list is empty"),
    ];
    for (text, maps, expected) in rows {
        assert_eq!(taken(text, maps), [*expected], "{text:?}");
    }
    let mut mapping = Mapping::default();
    mapping.add("number=1").unwrap();
    let bad = ["phone", "nummer=1", "number=2", "Name", "number="];
    for text in bad {
        assert!(mapping.add(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_no_utf_8_text_is_refused_with_a_hint() {
    let utf16: Vec<u8> = "number,name\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let marked = [b"\xff\xfe", &utf16[..]].concat();
    let big: Vec<u8> = "number,name\n"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let rows: &[(&[u8], &str, &str)] = &[
        (
            &utf16,
            "the list is written in UTF-16LE, not in UTF-8",
            "iconv -f UTF-16LE ",
        ),
        (
            &marked,
            "the list is written in UTF-16 (Excel's `Unicode text`), not in UTF-8",
            "iconv -f UTF-16 ",
        ),
        (
            &big,
            "the list is written in UTF-16BE, not in UTF-8",
            "iconv -f UTF-16BE ",
        ),
        (
            b"number,name\n+12025550101,Ann\n+12025550102,Ren\xe9\n",
            "line 3 is not UTF-8; it looks like Latin-1 or Windows-1252",
            "WINDOWS-1252",
        ),
        (
            // The two bytes of one letter, cut by a delimiter.
            b"number,name\n+12025550101\xc3,\xa9\n",
            "line 2 is not UTF-8; it looks like Latin-1 or Windows-1252",
            "WINDOWS-1252",
        ),
        (
            b"number\n+12025550101\n\n+1202555\x000102\n",
            "line 4 holds a NUL byte, so that this is no text",
            "UTF-8",
        ),
        (
            b"PK\x03\x04rest",
            "the list is an Excel or LibreOffice workbook, or a ZIP archive, not CSV",
            "CSV",
        ),
    ];
    for (text, expected, hint) in rows {
        let error = Fingerprint::of(*text, &Mapping::default()).unwrap_err();
        assert_eq!(error.to_string(), *expected);
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
    }
}

/// Gives a text again and again, and counts how much of it was wanted.
struct Endless<'a> {
    head: &'a [u8],
    text: &'a [u8],
    left: u64,
    given: u64,
}

impl Read for Endless<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.head.is_empty() {
            return self.head.read(into);
        }
        let count = into.len().min(usize::try_from(self.left).unwrap());
        for (at, byte) in into[..count].iter_mut().enumerate() {
            let at = self.given + at as u64;
            *byte = self.text[usize::try_from(at % self.text.len() as u64).unwrap()];
        }
        self.left -= count as u64;
        self.given += count as u64;
        Ok(count)
    }
}

#[test]
fn a_gigabyte_of_one_line_and_a_million_columns_are_refused_within_flat_memory() {
    let rows: &[(&str, &str, &str, u64)] = &[
        (
            "one line",
            "number,name\n+12025550101,Ann\n+12025550102,",
            "x",
            2_000_000,
        ),
        (
            "a quote never closed",
            "number,name\n+12025550101,Ann\n+12025550102,\"",
            "x,",
            2_000_000,
        ),
        ("no header at all", "", "x", 2_000_000),
        (
            "columns of a row",
            "number,name\n+12025550101,Ann\n",
            "1,",
            200_000,
        ),
        ("columns of the header", "number,", "a,", 200_000),
        (
            "quotes",
            "number,name\n+12025550101,Ann\n\"",
            "\"\"",
            2_000_000,
        ),
        ("NULs", "number,name\n+12025550101,Ann\n", "\0", 200_000),
    ];
    for (what, head, text, at_most) in rows {
        let mut given = 0;
        let mut ended = None;
        let used = allocation_counter::measure(|| {
            let mut input = Endless {
                head: head.as_bytes(),
                text: text.as_bytes(),
                left: 1 << 30,
                given: 0,
            };
            ended = Some(Fingerprint::of(&mut input, &Mapping::default()));
            given = input.given;
        });
        let error = ended.unwrap().unwrap_err();
        let expected = match *what {
            "NULs" => matches!(error, ListError::Nul { line: 3 }),
            "columns of a row" => matches!(error, ListError::TooManyColumns { line: 3 }),
            "columns of the header" => matches!(error, ListError::TooManyColumns { line: 1 }),
            "no header at all" => matches!(error, ListError::RowTooLong { line: 1 }),
            "one line" | "a quote never closed" | "quotes" => {
                matches!(error, ListError::RowTooLong { line: 3 })
            }
            other => panic!("{other}"),
        };
        assert!(expected, "{what}: {error}");
        assert!(error.hint().is_some(), "{what}");
        assert!(given < *at_most, "{what}: {given} bytes read");
        assert!(used.bytes_max < 4 << 20, "{what}: {} bytes", used.bytes_max);
    }
}

#[test]
fn memory_does_not_grow_with_the_rows() {
    let of = |rows: u64| {
        let text = b"+12025550101,Ann,written,2026-03-01,web\n";
        allocation_counter::measure(|| {
            let input = Endless {
                head: b"number,name,consent,consent_at,consent_source\n",
                text,
                left: rows * text.len() as u64,
                given: 0,
            };
            assert_eq!(
                Fingerprint::of(input, &Mapping::default()).unwrap().rows,
                rows
            );
        })
        .bytes_max
    };
    let (few, many) = (of(3_000), of(300_000));
    assert!(
        many <= few + 1_000,
        "{few} bytes for few rows, {many} for many"
    );
}

#[test]
fn reading_goes_on_from_any_place_between_two_rows() {
    for end in ["\n", "\r\n", "\r"] {
        for header in ["\u{feff}number,name\n", "sep=,\nnumber,name\n", ""] {
            let mut text = header.to_owned();
            for n in 0..40 {
                text.push_str(&format!("+120255501{n:02},\"A\n{n}\"\n"));
                if n % 7 == 0 {
                    text.push('\n');
                }
            }
            let text = text.replace('\n', end);
            let mut mapping = Mapping::default();
            mapping.add("number=1").unwrap();
            let read = |list: &mut List<Cursor<&str>>| {
                let batch = list.batch(1).unwrap()?;
                let row = batch.row(0).unwrap();
                let fields: Vec<_> = row.fields().map(str::to_owned).collect();
                Some((row.line, fields, batch.after()))
            };
            let mut list = List::open(Cursor::new(text.as_str()), &mapping).unwrap();
            let mut marks = vec![list.start()];
            let mut whole = Vec::new();
            while let Some(row) = read(&mut list) {
                marks.push(row.2);
                whole.push(row);
            }
            assert_eq!(whole.len(), 40);
            for (at, mark) in marks.into_iter().enumerate() {
                let mut list = List::open(Cursor::new(text.as_str()), &mapping).unwrap();
                list.go_to(mark).unwrap();
                for row in &whole[at..] {
                    assert_eq!(
                        read(&mut list).as_ref(),
                        Some(row),
                        "{end:?} {header:?} {at}"
                    );
                }
                assert_eq!(read(&mut list), None);
            }
        }
    }
}

#[test]
fn a_survey_tells_a_list_by_its_bytes() {
    // The digest by `sha256sum`.
    let fingerprint = Fingerprint::of(&b"number\n+12025550101\n"[..], &Mapping::default()).unwrap();
    assert_eq!((fingerprint.size, fingerprint.rows), (20, 1));
    assert_eq!(
        fingerprint.digest,
        "fc300f76ef94fe722e26629d169530afed54e7c30bc302fe9d1c8b0d88d82dd9"
    );
}

#[test]
fn no_cell_begins_a_formula_and_all_are_read_back() {
    let rows = [
        ("=1+1", "\"'=1+1\""),
        ("+1+1", "\"'+1+1\""),
        ("-2+3+cmd|' /C calc'!A0", "\"'-2+3+cmd|' /C calc'!A0\""),
        ("@SUM(1)", "\"'@SUM(1)\""),
        ("\t=1", "\"'\t'=1\""),
        ("\r=1", "\"'\r'=1\""),
        ("＝1", "\"'＝1\""),
        ("a,=1", "\"a,'=1\""),
        ("a;\"=1", "\"a;\"\"'=1\""),
        ("'=1", "\"''=1\""),
        ("'+12025550101", "\"''+12025550101\""),
        ("+12025550101", "+12025550101"),
        ("+1202•••0101", "+1202•••0101"),
        ("-0.05", "-0.05"),
        ("-", "\"'-\""),
        ("+", "\"'+\""),
        ("Ann", "Ann"),
        ("O'Brien - x", "O'Brien - x"),
        ("'", "'"),
        (" a", "\" a\""),
        ("a\nb", "\"a\nb\""),
        ("", ""),
    ];
    for (text, expected) in rows {
        let mut writer = Writer::new(Vec::new());
        writer.record(&["x", text]).unwrap();
        let written = String::from_utf8(writer.finish().unwrap()).unwrap();
        assert_eq!(written, format!("x,{expected}\r\n"));
        assert_eq!(unguard(&guard(text)), text);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(written.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        assert_eq!(unguard(&record[1]), text);
    }
}

#[test]
fn rejects_are_mended_and_imported_again() {
    let text = "number;name;note\nx202 555-0101;Ann;=1+1\n";
    let mut list = List::open(text.as_bytes(), &Mapping::default()).unwrap();
    let names = list.columns().names().to_vec();
    let mut rejects = Rejects::begin(Vec::new(), list.delimiter(), &names).unwrap();
    let batch = list.batch(10).unwrap().unwrap();
    let row = batch.row(0).unwrap();
    let reject = list.columns().contact(row, &rules()).unwrap_err();
    rejects.add(row, &reject.reason).unwrap();
    let file = String::from_utf8(rejects.finish().unwrap()).unwrap();
    assert_eq!(
        file,
        "rejected_line;rejected_because;rejected_detail;number;name;note\r\n\
         2;invalid_number;\"a phone number holds digits, spaces, `-`, `.`, brackets and one leading `+`, but character 1 is `x`\";\
         x202 555-0101;Ann;\"'=1+1\"\r\n"
    );
    assert_eq!(
        taken(file.replace("x202", "202"), &[]),
        ["2 +12025550101|Ann|||||note==1+1"]
    );
}

#[test]
fn do_not_call_lists_come_in_several_forms() {
    let read = |text: &str, column: Option<&str>| barred(text, column.as_slice());
    let both = ["+12025550101", "+19175550102"];
    assert_eq!(read("202,5550101\n917,5550102\n", None), both);
    assert_eq!(read("202,555-0101\r\n917,555-0102\r\n", None), both);
    assert_eq!(
        read("area code,number\n202,5550101\n917,5550102\n", None),
        both
    );
    assert_eq!(
        read(
            "AreaCode;Local Number;Date\n202;5550101;2026\n917;5550102;2026\n",
            None
        ),
        both
    );
    assert_eq!(read("2025550101\n9175550102\n", None), both);
    assert_eq!(read("+12025550101\n+19175550102\n", None), both);
    assert_eq!(
        read("Phone,Why\n+12025550101,x\n(917) 555-0102,y\n", None),
        both
    );
    assert_eq!(read("x,2025550101\ny,9175550102\n", Some("2")), both);
    assert_eq!(
        read("Wer,Telefon\nx,2025550101\ny,9175550102\n", Some("telefon")),
        both
    );
    assert_eq!(
        read("+19005550101\n911\nx\n", None),
        ["+19005550101", "2 emergency_number", "3 invalid_number"]
    );
    assert_eq!(
        read("x,2025550101\n", None),
        ["the list begins with a number and not with a header, and has 2 columns"]
    );
    assert_eq!(
        read("a,b\n", None),
        ["no column of the header is the phone number; it has `a`, `b`"]
    );
}

/// All that comes of a do-not-call list: its numbers, its rejects by line and slug, the columns that are not read.
fn barred(text: impl AsRef<[u8]>, columns: &[&str]) -> Vec<String> {
    let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let mut list = match DoNotCall::open(text.as_ref(), &columns, Rules::default()) {
        Ok(list) => list,
        Err(error) => return vec![error.to_string()],
    };
    let mut out = Vec::new();
    while let Some(some) = list.batch(2).unwrap() {
        out.extend(some.numbers.iter().map(|number| number.full().to_string()));
        out.extend(
            some.rejects
                .iter()
                .map(|reject| format!("{} {}", reject.line, reject.reason.slug())),
        );
    }
    out.extend(list.not_taken().iter().map(|name| format!("not {name}")));
    out
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lists");
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn a_decimal_never_becomes_a_longer_number() {
    let found = taken(fixture("decimals.csv"), &[]);
    assert_eq!(
        found,
        [
            "2 +4930901820|DE ok||||",
            "3 +4930901820|DE float||||",
            "4 +49301234567|DE ok||||",
            "5 +49301234567|DE float||||",
            "6 +4989123456|DE ok||||",
            "7 +4989123456|DE float||||",
            "8 +496912345678|DE ok||||",
            "9 +496912345678|DE float||||",
        ]
    );
    assert_eq!(barred(fixture("decimals_dnc.csv"), &[]), ["+4930901820"]);
    // What a spreadsheet rounded is refused in words, on either kind of list.
    let rounded = "phone\n+4930901820.5\n4.93E+10\n\"4,930901820e9\"\n";
    let of = |text: &str| {
        let list = List::open(text.as_bytes(), &Mapping::default()).unwrap();
        let mut list = list;
        let batch = list.batch(9).unwrap().unwrap();
        let rows = batch
            .rows()
            .map(|row| list.columns().contact(row, &rules()));
        rows.map(|row| {
            row.map_or_else(
                |reject| reject.reason.to_string(),
                |row| row.number.full().to_string(),
            )
        })
        .collect::<Vec<_>>()
    };
    let shortened = Reason::Shortened.to_string();
    let found = of(rounded);
    assert_eq!(found[..2], [shortened.clone(), shortened]);
    assert!(
        found[2].starts_with("4930•••820 is not a valid"),
        "{}",
        found[2]
    );
    assert_eq!(barred("phone\n4.93E+10\n", &[]), ["2 invalid_number"]);
}

#[test]
fn missing_columns_at_the_end_of_a_row_are_empty() {
    assert_eq!(
        taken(fixture("short_rows.csv"), &[]),
        [
            "2 +12025550101|Ann||||",
            "3 +12025550102|Bob||||",
            "4 +12025550103|Cat|||||Notes=hello",
        ]
    );
    assert_eq!(
        barred(fixture("short_rows_dnc.csv"), &[]),
        [
            "+12025550101",
            "+12025550102",
            "+12025550103",
            "+12025550104"
        ]
    );
    // Only a row without its number's column is rejected.
    let text = "Name,Phone,Notes\nAnn\nBob,2025550102\n";
    assert_eq!(
        taken(text, &[]),
        ["2 wrong_fields", "3 +12025550102|Bob||||"]
    );
    assert_eq!(
        barred(text, &[]),
        ["2 wrong_fields", "+12025550102"]
            .map(str::to_owned)
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_do_not_call_list_kept_by_hand_bars_every_number_in_it() {
    let expected: Vec<String> = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
        .iter()
        .map(|n| format!("+120255501{n:02}"))
        .collect();
    assert_eq!(barred(fixture("by_hand_dnc.csv"), &[]), expected);
    for (text, expected) in [
        // Every column that holds numbers, and no other in silence.
        (
            "phone1,phone2,DNC_Home,DNC_Cell\n2025550101,2025550102,2025550103,2025550104\n,,,2025550105\n2025550106,n/a,,\n",
            "+12025550101 +12025550102 +12025550103 +12025550104 +12025550105 +12025550106",
        ),
        (
            "Phone,Phone Type,DNC,Fixnet,Account,Since\n2025550101,mobile,Y,2025550102,1234567890,2026-01-02\n",
            "+12025550101 not DNC not Fixnet",
        ),
        (
            "id,dnc\n1,2025550101\n2,\n",
            "+12025550101 3 invalid_number",
        ),
        // Two numbers whose separator is the delimiter.
        (
            "phone\n2025550101,2025550102\n",
            "+12025550101 +12025550102",
        ),
        (
            "phone,why\n2025550101,asked, twice\n",
            "+12025550101 2 wrong_fields",
        ),
        // Numbers that the plans of today do not have, and other spellings of the same telephone.
        ("phone\n+19995550101\n", "+19995550101"),
        ("phone\n+5215512345678\n", "+5215512345678 +525512345678"),
        ("phone\n+541123456789\n", "+541123456789 +5491123456789"),
        // What is read in part is said.
        (
            "phone\n2025550101 or 0102\n",
            "+12025550101 2 invalid_number",
        ),
        // No header, and a first row that is one number with something behind it.
        (
            "+1 202 555 0101 x12\n2025550102\n",
            "+12025550101 +12025550102",
        ),
        // A title above the header.
        ("Do not phone\nphone\n2025550101\n", "+12025550101"),
        (
            "People not to phone, by hand\nas of 2026-11-30\n\nphone;why\n2025550101;asked\n",
            "+12025550101",
        ),
        (
            "area code,number\n202,2025550101\n202,5550102\n",
            "+12025550101 +12025550102",
        ),
    ] {
        assert_eq!(barred(text, &[]).join(" "), expected, "{text}");
    }
    assert_eq!(
        barred("a,b,c\nx,2025550101,2025550102\n", &["b", "3"]),
        ["+12025550101", "+12025550102"]
    );
}

#[test]
fn a_number_of_a_contact_is_cleaned_where_it_cannot_be_misread() {
    let head = "number\n";
    for number in [
        "tel:+12025550101",
        "\"=\"\"2025550101\"\"\"",
        "=\"2025550101\"",
        "202\u{a0}555\u{a0}0101",
        "202\u{2011}555\u{2013}0101",
        "２０２５５５０１０１",
        "\u{202a}+1 202 555 0101\u{202c}",
        "\u{200b}2025550101",
        "2025550101.0",
        "\"2,025,550,101.00\"",
    ] {
        assert_eq!(
            taken(format!("{head}{number}\n"), &[]),
            ["2 +12025550101|||||"],
            "{number}"
        );
    }
    for number in [
        "+12025550120 x12",
        "+12025550120 ext. 5",
        "+12025550120;ext=7",
        "212/555-0122",
        "2025550101 / 2025550102",
        "2025550101 2025550102",
        "+1202•••0101",
    ] {
        assert_eq!(
            taken(format!("{head}{number}\n"), &[]),
            ["2 invalid_number"],
            "{number}"
        );
    }
}

#[test]
fn rows_above_the_header_are_skipped_and_counted() {
    let rows = [
        (
            "Spring leads\nphone,name\n2025550101,Ann\n",
            1,
            "3 +12025550101|Ann||||",
        ),
        (
            "Spring leads;;\nExported 2026-11-30 10:00;;\n\nPhone;Name;Note\n2025550101;Ann;\n",
            2,
            "5 +12025550101|Ann||||",
        ),
        (
            "30.11.2026\nphone,name\n2025550101,Ann\n",
            1,
            "3 +12025550101|Ann||||",
        ),
        (
            "\"Leads,\nof spring\"\nphone,name\n2025550101,Ann\n",
            1,
            "4 +12025550101|Ann||||",
        ),
        ("phone,name\n2025550101,Ann\n", 0, "2 +12025550101|Ann||||"),
    ];
    for (text, titles, expected) in rows {
        let list = List::open(text.as_bytes(), &Mapping::default()).unwrap();
        assert_eq!(list.title_rows(), titles, "{text}");
        assert_eq!(taken(text, &[]), [expected], "{text}");
    }
    // A row is no header for a word in it.
    assert_eq!(
        taken("phone,name,type\nx,Bob,mobile\n2025550101,Ann,\n", &[]),
        ["2 invalid_number", "3 +12025550101|Ann||||"]
    );
    // The header is found by a column that is mapped, too.
    assert_eq!(
        taken(
            "Leads\nTelefon,Kunde\n2025550101,Ann\n",
            &["number=telefon"]
        ),
        ["3 +12025550101||||||Kunde=Ann"]
    );
    // A row with a number is no title.
    assert_eq!(
        taken("2025550101,Ann\nphone,name\n", &[]),
        ["the list begins with a number and not with a header, and has 2 columns"]
    );
}

#[test]
fn dates_of_consent_are_those_of_spreadsheets() {
    let at = |text: &str, dates: Option<DateOrder>, region: &str| {
        let rules = ContactRules {
            phone: Rules {
                default_region: crate::phone::Region::parse(region).unwrap(),
                ..Rules::default()
            },
            dates,
            ..rules()
        };
        let text = format!("number;consent;consent_at\n+12025550101;written;{text}\n");
        let mut list = List::open(text.as_bytes(), &Mapping::default()).unwrap();
        let batch = list.batch(1).unwrap().unwrap();
        match list.columns().contact(batch.row(0).unwrap(), &rules) {
            Ok(row) => row.consent.unwrap().at.unwrap().to_string(),
            Err(reject) => reject.reason.to_string(),
        }
    };
    assert_eq!(at("01.03.2026", None, "US"), "2026-03-01T00:00:00Z");
    assert_eq!(at("46082", None, "DE"), "2026-03-01T00:00:00Z");
    assert_eq!(at("03/01/2026", None, "US"), "2026-03-01T00:00:00Z");
    assert_eq!(
        at("03/01/2026", Some(DateOrder::DayFirst), "US"),
        "2026-01-03T00:00:00Z"
    );
    assert_eq!(
        at("03/01/2026", Some(DateOrder::MonthFirst), "DE"),
        "2026-03-01T00:00:00Z"
    );
    assert!(at("03/01/2026", None, "DE").contains("`--date-order mdy` or `--date-order dmy`"));
    assert!(at("last week", None, "US").starts_with("cannot read `last week` in consent_at"));
}
